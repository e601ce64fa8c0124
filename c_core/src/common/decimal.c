/* Correctly rounded conversion between decimal text and doubles.
 *
 * Reading: the text is an integer of digits times a power of ten. When the digits fit 64 bits and the power
 * of five fits one word, a 128-bit product or quotient gives 64 exact leading bits and a sticky bit.
 * Everything else goes the same way with big integers, by long division bit by bit.
 *
 * Printing: the free-format algorithm of Steele and White as given by Burger and Dybvig ("Printing
 * floating-point numbers quickly and accurately", PLDI 1996): digits are made until the rest lies within half
 * a gap of the value.
 *
 * Both are written here: strtod and printf depend on the locale and may round otherwise on other systems, and
 * Ryu would be a dependency, where this library depends on nothing but C's own. */
#include "common/decimal.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "common/bits.h"

/* Digits that can matter for rounding; what follows them only counts as "more than zero". */
#define DIGITS_MAX 800
/* 0.d1 d2 ... * 10^point is infinite above and zero below these. */
#define POINT_MAX 310
#define POINT_MIN (-323)
/* Words of a big integer: 10^(DIGITS_MAX - POINT_MIN), the largest one, has 3731 bits. */
#define BIG_WORDS 120
/* Largest power of five below 2^64. */
#define FIVE_POWER_MAX 27
#define EXPONENT_MIN (-1074)

typedef struct big {
    uint32_t count; /* words in use, the last one not zero */
    uint32_t words[BIG_WORDS];
} big;

/* The digits of a number: value = 0.d1 d2 d3 ... * 10^point. */
typedef struct decimal {
    bool negative;
    uint32_t count; /* without leading zeros */
    int32_t point;
    uint8_t digits[DIGITS_MAX];
} decimal;

/* value = rest / scale; above and below are half the gaps to the neighbouring doubles, on the same scale. */
typedef struct shortest {
    big rest;
    big scale;
    big above;
    big below;
    bool inclusive; /* an even mantissa also wins the exact middle of a gap */
} shortest;

static bool scan(const char *text, size_t bytes, decimal *number);
static bool is_digit(char c);
static bool scan_exponent(const char *text, size_t bytes, int32_t *exponent);
static double to_double(const decimal *number, bool *overflow);
static double scale_word(uint64_t word, int32_t power);
static uint64_t five_to_the(uint32_t power);
static uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *high);
static uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t divisor, uint64_t *remainder);
static uint64_t divide_step(uint64_t *remainder, uint32_t next, uint64_t divisor);
static double divide_big(const decimal *number);
static double assemble(uint64_t bits, int32_t exponent, bool more);
static int32_t shortest_digits(double value, char digits[20], uint32_t *count);
static void shortest_init(shortest *state, double value);
static void shortest_scale_ten(shortest *state, uint32_t power);
static size_t format(const char *digits, uint32_t count, int32_t point, char *out);
static void big_set(big *number, uint64_t value);
static void big_trim(big *number);
static void big_multiply_add(big *number, uint32_t factor, uint32_t addend);
static void big_scale_ten(big *number, uint32_t power);
static void big_shift_left(big *number, uint32_t bits);
static void big_subtract(big *number, const big *smaller);
static uint32_t big_bits(const big *number);
static int big_compare(const big *a, const big *b);
static int big_compare_sum(const big *a, const big *b, const big *c);

bool otr_decimal_parse(const char *text, size_t bytes, double *out) {
    decimal number;
    double magnitude;
    bool overflow = false;
    if (!scan(text, bytes, &number)) {
        return false;
    }
    magnitude = to_double(&number, &overflow);
    if (overflow) {
        return false;
    }
    *out = number.negative ? -magnitude : magnitude;
    return true;
}

size_t otr_decimal_print(double value, char buffer[OTR_DECIMAL_BYTES]) {
    char digits[20];
    uint64_t bits;
    size_t length = 0;
    uint32_t count;
    memcpy(&bits, &value, sizeof bits);
    if (bits >> 63 != 0) {
        buffer[length++] = '-';
        value = -value;
    }
    if (value == 0) {
        digits[0] = '0';
        length += format(digits, 1, 1, buffer + length);
    } else {
        const int32_t point = shortest_digits(value, digits, &count);
        length += format(digits, count, point, buffer + length);
    }
    buffer[length] = '\0';
    return length;
}

/* ---- Reading ---- */

static bool scan(const char *text, size_t bytes, decimal *number) {
    size_t i = bytes > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
    bool seen_point = false;
    bool seen_digit = false;
    int64_t point = 0;
    int32_t exponent = 0;
    number->negative = i == 1 && text[0] == '-';
    number->count = 0;
    for (; i < bytes && (is_digit(text[i]) || (text[i] == '.' && !seen_point)); i++) {
        if (text[i] == '.') {
            seen_point = true;
            continue;
        }
        seen_digit = true;
        if (number->count == 0 && text[i] == '0') {
            point -= seen_point;
            continue;
        }
        point += !seen_point;
        if (number->count < DIGITS_MAX) {
            number->digits[number->count++] = (uint8_t)(text[i] - '0');
        } else if (text[i] != '0') {
            number->digits[DIGITS_MAX - 1] |= 1;
        }
    }
    if (!seen_digit) {
        return false;
    }
    if (i < bytes) {
        if ((text[i] != 'e' && text[i] != 'E') || !scan_exponent(text + i + 1, bytes - i - 1, &exponent)) {
            return false;
        }
    }
    point += exponent;
    number->point = (int32_t)(point > POINT_MAX ? POINT_MAX + 1 : point < POINT_MIN ? POINT_MIN - 1 : point);
    return true;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Reads the exponent after 'e'; saturates far outside any double's range. */
static bool scan_exponent(const char *text, size_t bytes, int32_t *exponent) {
    size_t i = bytes > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
    int32_t value = 0;
    if (i == bytes) {
        return false;
    }
    for (; i < bytes; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value < 100000000 ? value * 10 + (text[i] - '0') : value;
    }
    *exponent = text[0] == '-' ? -value : value;
    return true;
}

static double to_double(const decimal *number, bool *overflow) {
    const int32_t power = number->point - (int32_t)number->count;
    double value = 0;
    if (number->count == 0 || number->point < POINT_MIN) {
        return 0;
    }
    if (number->point > POINT_MAX) {
        *overflow = true;
        return 0;
    }
    if (number->count <= 19 && power >= -FIVE_POWER_MAX && power <= FIVE_POWER_MAX) {
        uint64_t word = 0;
        for (uint32_t i = 0; i < number->count; i++) {
            word = word * 10 + number->digits[i];
        }
        value = scale_word(word, power);
    } else {
        value = divide_big(number);
    }
    *overflow = isinf(value) != 0;
    return value;
}

/* word * 10^power for a word that is not zero and |power| <= FIVE_POWER_MAX. */
static double scale_word(uint64_t word, int32_t power) {
    const uint32_t zeros = otr_clz64(word);
    uint64_t high;
    uint64_t low;
    uint64_t quotient;
    if (power >= 0) {
        low = multiply_wide(word << zeros, five_to_the((uint32_t)power), &high);
        if (high == 0) {
            return assemble(low, power - (int32_t)zeros, false);
        }
        const uint32_t shift = otr_clz64(high);
        quotient = shift > 0 ? high << shift | low >> (64 - shift) : high;
        return assemble(quotient, power - (int32_t)zeros + 64 - (int32_t)shift, low << shift != 0);
    }
    const uint64_t five = five_to_the((uint32_t)-power);
    const uint32_t five_zeros = otr_clz64(five);
    const uint64_t divisor = five << five_zeros;
    const uint32_t halve = word << zeros >= divisor;
    high = word << zeros >> halve;
    low = halve ? word << zeros << 63 : 0;
    quotient = divide_wide(high, low, divisor, &low);
    return assemble(quotient, power + (int32_t)(five_zeros + halve) - (int32_t)zeros - 64, low != 0);
}

static uint64_t five_to_the(uint32_t power) {
    uint64_t result = 1;
    while (power-- > 0) {
        result *= 5;
    }
    return result;
}

static uint64_t multiply_wide(uint64_t a, uint64_t b, uint64_t *high) {
    const uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX);
    const uint64_t cross1 = (a >> 32) * (b & UINT32_MAX) + (low >> 32);
    const uint64_t cross2 = (a & UINT32_MAX) * (b >> 32) + (cross1 & UINT32_MAX);
    *high = (a >> 32) * (b >> 32) + (cross1 >> 32) + (cross2 >> 32);
    return cross2 << 32 | (low & UINT32_MAX);
}

/* (high, low) / divisor with high < divisor and the divisor's top bit set. */
static uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t divisor, uint64_t *remainder) {
    const uint64_t upper = divide_step(&high, (uint32_t)(low >> 32), divisor);
    const uint64_t lower = divide_step(&high, (uint32_t)low, divisor);
    *remainder = high;
    return upper << 32 | lower;
}

/* One 32-bit digit of a long division; remainder < divisor, whose top bit is set (Knuth, 4.3.1 D). */
static uint64_t divide_step(uint64_t *remainder, uint32_t next, uint64_t divisor) {
    const uint64_t top = divisor >> 32;
    const uint64_t bottom = divisor & UINT32_MAX;
    uint64_t digit = *remainder / top;
    uint64_t rest = *remainder % top;
    while (rest <= UINT32_MAX && (digit > UINT32_MAX || digit * bottom > (rest << 32 | next))) {
        digit--;
        rest += top;
    }
    *remainder = (*remainder << 32 | next) - digit * divisor;
    return digit;
}

static double divide_big(const decimal *number) {
    const int32_t power = number->point - (int32_t)number->count;
    uint64_t quotient = 0;
    int32_t exponent = 0;
    big rest;
    big divisor;
    big_set(&rest, 0);
    big_set(&divisor, 1);
    for (uint32_t i = 0; i < number->count; i++) {
        if (rest.count == 0) {
            big_set(&rest, number->digits[i]);
        } else {
            big_multiply_add(&rest, 10, number->digits[i]);
        }
    }
    big_scale_ten(power >= 0 ? &rest : &divisor, (uint32_t)(power >= 0 ? power : -power));
    exponent = (int32_t)big_bits(&rest) - (int32_t)big_bits(&divisor);
    if (exponent >= 0) {
        big_shift_left(&divisor, (uint32_t)exponent);
    } else {
        big_shift_left(&rest, (uint32_t)-exponent);
    }
    while (quotient >> 63 == 0) {
        quotient <<= 1;
        if (big_compare(&rest, &divisor) >= 0) {
            big_subtract(&rest, &divisor);
            quotient |= 1;
        }
        big_shift_left(&rest, 1);
        exponent--;
    }
    return assemble(quotient, exponent + 1, rest.count != 0);
}

/* Rounds bits * 2^exponent, `more` when the true value lies a little above; the top bit of `bits` is set. */
static double assemble(uint64_t bits, int32_t exponent, bool more) {
    const int32_t drop = exponent + 11 < EXPONENT_MIN ? EXPONENT_MIN - exponent : 11;
    uint64_t kept;
    uint64_t rest;
    uint64_t half;
    if (drop > 64) {
        return 0;
    }
    kept = drop < 64 ? bits >> drop : 0;
    rest = drop < 64 ? bits & (((uint64_t)1 << drop) - 1) : bits;
    half = (uint64_t)1 << (drop - 1);
    if (rest > half || (rest == half && (more || (kept & 1) != 0))) {
        kept++;
    }
    return ldexp((double)kept, exponent + drop);
}

/* ---- Printing ---- */

/* Fills `digits` for value > 0 and returns the point: value = 0.d1 d2 ... * 10^point. */
static int32_t shortest_digits(double value, char digits[20], uint32_t *count) {
    /* At most one too small; never too large. */
    int32_t point = (int32_t)ceil(log10(value) - 1e-10);
    shortest state;
    shortest_init(&state, value);
    if (point >= 0) {
        big_scale_ten(&state.scale, (uint32_t)point);
    } else {
        shortest_scale_ten(&state, (uint32_t)-point);
    }
    if (big_compare_sum(&state.rest, &state.above, &state.scale) >= !state.inclusive) {
        point++;
    } else {
        shortest_scale_ten(&state, 1);
    }
    for (*count = 0;;) {
        char digit = '0';
        while (big_compare(&state.rest, &state.scale) >= 0) {
            big_subtract(&state.rest, &state.scale);
            digit++;
        }
        const bool low = big_compare(&state.rest, &state.below) < state.inclusive;
        const bool high = big_compare_sum(&state.rest, &state.above, &state.scale) >= !state.inclusive;
        if (low || high) {
            const bool nearer_up = big_compare_sum(&state.rest, &state.rest, &state.scale) >= 0;
            digits[(*count)++] = (char)(digit + ((high && !low) || (high && low && nearer_up)));
            return point;
        }
        digits[(*count)++] = digit;
        shortest_scale_ten(&state, 1);
    }
}

static void shortest_init(shortest *state, double value) {
    int exponent;
    const uint64_t mantissa = (uint64_t)ldexp(frexp(value, &exponent), 53);
    const int32_t lowest = exponent - 53 < EXPONENT_MIN ? EXPONENT_MIN : exponent - 53;
    const uint64_t digits = mantissa >> (lowest - (exponent - 53));
    /* Below a power of two the gap is half as wide. */
    const uint32_t uneven = digits == (uint64_t)1 << 52 && lowest > EXPONENT_MIN;
    const uint32_t up = lowest > 0 ? (uint32_t)lowest : 0;
    const uint32_t down = lowest < 0 ? (uint32_t)-lowest : 0;
    state->inclusive = (digits & 1) == 0;
    big_set(&state->rest, digits);
    big_shift_left(&state->rest, up + 1 + uneven);
    big_set(&state->scale, 1);
    big_shift_left(&state->scale, down + 1 + uneven);
    big_set(&state->above, 1);
    big_shift_left(&state->above, up + uneven);
    big_set(&state->below, 1);
    big_shift_left(&state->below, up);
}

static void shortest_scale_ten(shortest *state, uint32_t power) {
    big_scale_ten(&state->rest, power);
    big_scale_ten(&state->above, power);
    big_scale_ten(&state->below, power);
}

/* Writes 0.digits * 10^point as C's %g would, without trailing zeros. */
static size_t format(const char *digits, uint32_t count, int32_t point, char *out) {
    size_t length = 0;
    uint32_t exponent = (uint32_t)(point < 1 ? 1 - point : point - 1);
    if (point >= -3 && point <= 17) {
        for (int32_t i = point < 1 ? point - 1 : 0; i < (int32_t)count || i < point; i++) {
            if (i == point) {
                out[length++] = '.';
            }
            out[length++] = i >= 0 && i < (int32_t)count ? digits[i] : '0';
        }
        return length;
    }
    out[length++] = digits[0];
    if (count > 1) {
        out[length++] = '.';
        memcpy(out + length, digits + 1, count - 1);
        length += count - 1;
    }
    out[length++] = 'e';
    out[length++] = point < 1 ? '-' : '+';
    if (exponent >= 100) {
        out[length++] = (char)('0' + exponent / 100);
    }
    out[length++] = (char)('0' + exponent / 10 % 10);
    out[length++] = (char)('0' + exponent % 10);
    return length;
}

/* ---- Big integers ---- */

static void big_set(big *number, uint64_t value) {
    number->words[0] = (uint32_t)value;
    number->words[1] = (uint32_t)(value >> 32);
    number->count = 2;
    big_trim(number);
}

static void big_trim(big *number) {
    while (number->count > 0 && number->words[number->count - 1] == 0) {
        number->count--;
    }
}

/* number = number * factor + addend */
static void big_multiply_add(big *number, uint32_t factor, uint32_t addend) {
    uint64_t carry = addend;
    for (uint32_t i = 0; i < number->count; i++) {
        carry += (uint64_t)number->words[i] * factor;
        number->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        number->words[number->count++] = (uint32_t)carry;
    }
}

static void big_scale_ten(big *number, uint32_t power) {
    for (; power >= 9; power -= 9) {
        big_multiply_add(number, 1000000000, 0);
    }
    for (; power > 0; power--) {
        big_multiply_add(number, 10, 0);
    }
}

static void big_shift_left(big *number, uint32_t bits) {
    const uint32_t words = bits / 32;
    const uint32_t rest = bits % 32;
    if (number->count == 0 || bits == 0) {
        return;
    }
    memmove(number->words + words, number->words, number->count * sizeof number->words[0]);
    memset(number->words, 0, words * sizeof number->words[0]);
    number->count += words;
    big_multiply_add(number, (uint32_t)1 << rest, 0);
}

/* number -= smaller, which is not larger. */
static void big_subtract(big *number, const big *smaller) {
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < number->count; i++) {
        const uint64_t take = borrow + (i < smaller->count ? smaller->words[i] : 0);
        borrow = number->words[i] < take;
        number->words[i] = (uint32_t)(number->words[i] - take);
    }
    big_trim(number);
}

static uint32_t big_bits(const big *number) {
    return number->count == 0 ? 0 : 32 * number->count + 32 - otr_clz64(number->words[number->count - 1]);
}

static int big_compare(const big *a, const big *b) {
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (uint32_t i = a->count; i-- > 0;) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] < b->words[i] ? -1 : 1;
        }
    }
    return 0;
}

/* a + b against c. */
static int big_compare_sum(const big *a, const big *b, const big *c) {
    big rest = *c;
    if (big_compare(a, c) > 0) {
        return 1;
    }
    big_subtract(&rest, a);
    return big_compare(b, &rest);
}

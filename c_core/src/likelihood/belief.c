#include "likelihood/belief.h"

#include "outrider/trellis.h"

static void ask_detectors(const otr_frontier *part, const uint8_t *fired, const double *messages,
                          double *answers);
static void ask_errors(const otr_frontier *part, const double *answers, double *messages);

void otr_belief_run(const otr_frontier *part, const uint8_t *fired, uint32_t iterations, double *messages,
                    double *scratch) {
    for (uint32_t i = 0; i < part->incidence_begin[part->step_count]; i++) {
        const double odds = part->odds[part->error_of[i]];
        messages[i] = (1 - odds) / (1 + odds);
    }
    for (uint32_t i = 0; i < iterations; i++) {
        ask_detectors(part, fired, messages, scratch);
        ask_errors(part, scratch, messages);
    }
}

/* What each detector answers an error: the parity that it needs, and the product of the other messages. */
static void ask_detectors(const otr_frontier *part, const uint8_t *fired, const double *messages,
                          double *answers) {
    for (uint32_t step = 0; step < part->step_count; step++) {
        const uint32_t begin = part->incidence_begin[step], end = part->incidence_begin[step + 1];
        double before = fired[step] ? -1 : 1, after = 1;
        for (uint32_t i = begin; i < end; i++) {
            answers[i] = before;
            before *= messages[i];
        }
        for (uint32_t i = end; i-- > begin;) {
            answers[i] *= after;
            after *= messages[i];
        }
    }
}

/* 1 - 2p of odds yes/no. Detectors that contradict each other without doubt leave an even chance. */
static double difference(double yes, double no) {
    return yes + no > 0 ? (no - yes) / (no + yes) : 0;
}

/* The message of an error to a detector: its own odds, and what its other detectors answered. */
static void ask_errors(const otr_frontier *part, const double *answers, double *messages) {
    for (uint32_t error = 0; error < part->error_count; error++) {
        const uint32_t *const incidence = part->incidence + part->target_begin[error];
        const uint32_t count = part->target_begin[error + 1] - part->target_begin[error];
        double yes[OTR_TRELLIS_OPEN_MAX], no[OTR_TRELLIS_OPEN_MAX]; /* odds of what comes before each */
        double yes_after = 1, no_after = 1;
        yes[0] = part->odds[error];
        no[0] = 1;
        for (uint32_t i = 1; i < count; i++) {
            yes[i] = yes[i - 1] * (1 - answers[incidence[i - 1]]);
            no[i] = no[i - 1] * (1 + answers[incidence[i - 1]]);
        }
        for (uint32_t i = count; i-- > 0;) {
            const double answer = answers[incidence[i]];
            messages[incidence[i]] = difference(yes[i] * yes_after, no[i] * no_after);
            yes_after *= 1 - answer;
            no_after *= 1 + answer;
        }
    }
}

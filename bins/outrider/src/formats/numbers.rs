//! Numbers as C's `%.Ng` prints them, which Python, Stim and sinter all build on.

/// `value` with `digits` significant digits, as `%.{digits}g`: trailing zeros dropped, an exponent below
/// 1e-4 and from 10^digits on.
pub(crate) fn general(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "nan".to_owned()
        } else if value > 0.0 {
            "inf".to_owned()
        } else {
            "-inf".to_owned()
        };
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    // `{:e}` always prints an `e` and an integer after it.
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let limit = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= limit {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs());
    }
    let decimals = usize::try_from(limit - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{value:.decimals$}")).to_owned()
}

/// `value` as Python's `repr` and `json.dumps` print a float: the shortest digits that read back the same.
pub(crate) fn python_repr(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{value}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_prints_as_c_does() {
        for (value, digits, expected) in [
            (0.0, 17, "0"),
            (0.1, 17, "0.10000000000000001"),
            (1.0, 17, "1"),
            (-12.5, 17, "-12.5"),
            (1e-5, 17, "1.0000000000000001e-05"),
            (1e17, 17, "1e+17"),
            (123456789012345680.0, 17, "1.2345678901234568e+17"),
            (0.000123456789, 19, "0.0001234567889999999967"),
            (1e-7, 19, "9.999999999999999547e-08"),
            (0.123456789, 6, "0.123457"),
            (123456789.5, 6, "1.23457e+08"),
            (999999.5, 6, "1e+06"),
            // A tie rounds to the even digit.
            (131_073.0 / 131_072.0, 17, "1.0000076293945312"),
            (0.5, 1, "0.5"),
            (f64::INFINITY, 17, "inf"),
        ] {
            assert_eq!(general(value, digits), expected, "%.{digits}g of {value:e}");
        }
    }

    #[test]
    fn python_repr_prints_as_python_does() {
        for (value, expected) in [
            (0.001, "0.001"),
            (1.0, "1.0"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.5e-7, "1.5e-07"),
            (0.1 + 0.2, "0.30000000000000004"),
        ] {
            assert_eq!(python_repr(value), expected);
        }
    }
}

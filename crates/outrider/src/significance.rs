use outrider_sys as sys;

/// log10 of the probability that a standard normal variable is beyond `z` in magnitude; close far out in the tail too.
///
/// ```
/// let p = outrider::normal_log10_p(-1.959963984540054);
/// assert!((p - 0.05f64.log10()).abs() < 1e-12);
/// assert!((outrider::normal_log10_p(100.0) + 2173.5700).abs() < 1e-3);
/// ```
pub fn normal_log10_p(z: f64) -> f64 {
    // SAFETY: a pure function of a number.
    unsafe { sys::otr_normal_log10_p(z) }
}

/// log10 of the probability that a chi-square variable of `freedom` > 0 degrees of freedom is above `x`.
pub fn chi_square_log10_p(x: f64, freedom: f64) -> f64 {
    // SAFETY: a pure function of two numbers.
    unsafe { sys::otr_chi_square_log10_p(x, freedom) }
}

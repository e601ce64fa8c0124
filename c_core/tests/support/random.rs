//! Seeded random numbers.

pub(crate) use outrider_test_support::Random;

//! What tests of several packages share: seeded random numbers, and a counter of allocations.
//!
//! ```
//! use outrider_test_support::{CountingAllocator, Random, allocations};
//!
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;
//!
//! let mut random = Random(1);
//! let before = allocations();
//! let value = Box::new(random.below(6));
//! assert!(*value < 6);
//! assert_eq!(allocations() - before, 1);
//! ```

mod allocations;
mod random;

pub use allocations::{CountingAllocator, allocations};
pub use random::Random;

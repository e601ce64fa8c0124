use std::fmt;
use std::sync::OnceLock;

use outrider_sys as sys;

use crate::error::{Error, Status, check_length};
use crate::names::named;

/// An instruction set. Every one gives bit-identical results.
///
/// ```
/// use outrider::Isa;
///
/// assert_eq!("avx2".parse::<Isa>()?, Isa::Avx2);
/// assert!(Isa::Portable.is_available());
/// println!("this machine runs on {}", Isa::Auto.resolved().expect("auto is always there"));
/// # Ok::<(), outrider::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isa {
    /// The best that CPU and operating system support.
    #[default]
    Auto,
    /// Plain C.
    Portable,
    /// x86-64 with AVX2, BMI1, BMI2 and POPCNT.
    Avx2,
    /// The above and AVX-512 F, BW, VL and DQ.
    Avx512,
    /// The above and AVX-512 VNNI.
    Avx512Vnni,
    /// The above, AMX-TILE and AMX-INT8, where the operating system lets the process use them.
    Amx,
    /// AArch64, where every CPU has it.
    Neon,
}

impl Isa {
    /// The instruction sets of this machine, the best one last; [`Isa::Auto`] is not among them.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|&isa| isa != Self::Auto && isa.is_available())
    }

    /// Whether this CPU, operating system and build have it.
    pub fn is_available(self) -> bool {
        Kernels::new(self).is_some()
    }

    /// The instruction set that [`Isa::Auto`] stands for on this machine; any other stands for itself. `None`
    /// if it is not available.
    pub fn resolved(self) -> Option<Self> {
        let raw = Kernels::new(self)?.0.isa;
        Self::ALL.into_iter().find(|&isa| isa != Self::Auto && isa.to_raw() == raw)
    }

    /// Says in the error of a `create` call which instruction set is missing.
    pub(crate) fn explain(self, error: Error) -> Error {
        error.explained(Status::Unsupported, || {
            format!("this machine or build lacks the instruction set {self}")
        })
    }

    pub(crate) fn to_raw(self) -> sys::otr_isa {
        match self {
            // SAFETY: the call takes any value and only asks the CPU.
            Self::Auto if amx_is_permitted() && !unsafe { sys::otr_kernels_for(AMX) }.is_null() => AMX,
            Self::Auto => sys::otr_isa::OTR_ISA_AUTO,
            Self::Portable => sys::otr_isa::OTR_ISA_PORTABLE,
            Self::Avx2 => sys::otr_isa::OTR_ISA_AVX2,
            Self::Avx512 => sys::otr_isa::OTR_ISA_AVX512,
            Self::Avx512Vnni => sys::otr_isa::OTR_ISA_AVX512VNNI,
            Self::Amx if amx_is_permitted() => AMX,
            Self::Amx => NOWHERE,
            Self::Neon => sys::otr_isa::OTR_ISA_NEON,
        }
    }
}

named!(Isa, "instruction set";
    Auto "auto",
    Portable "portable",
    Neon "neon",
    Avx2 "avx2",
    Avx512 "avx512",
    Avx512Vnni "avx512vnni",
    Amx "amx",
);

const AMX: sys::otr_isa = sys::otr_isa::OTR_ISA_AMX;

/// An instruction set that no machine has.
const NOWHERE: sys::otr_isa = sys::otr_isa(u32::MAX);

/// Whether this process may use tile registers; asks the operating system for the permission once.
fn amx_is_permitted() -> bool {
    static PERMITTED: OnceLock<bool> = OnceLock::new();
    *PERMITTED.get_or_init(request_amx)
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
fn request_amx() -> bool {
    // SAFETY: arch_prctl with this request takes a number, reads no memory of the process and only widens
    // what its threads may save; kernels without it answer with an error.
    let answer = unsafe {
        libc::syscall(libc::SYS_arch_prctl, i64::from(sys::OTR_AMX_REQUEST), i64::from(sys::OTR_AMX_FEATURE))
    };
    answer == 0
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn request_amx() -> bool {
    false
}

/// The table of hot loops of one instruction set, for tests and benches only.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Kernels(&'static sys::otr_kernels);

impl Kernels {
    /// The table for `isa`, if this machine can run it.
    pub fn new(isa: Isa) -> Option<Self> {
        // SAFETY: the call takes any value; the result is null or a constant of the library.
        unsafe { sys::otr_kernels_for(isa.to_raw()).as_ref() }.map(Self)
    }

    /// Entries that [`bit_indices`](Self::bit_indices) needs beyond the bits.
    pub const BIT_INDICES_SLACK: usize = sys::OTR_INDEX_SLACK as usize;

    /// Indices of the set bits among the first `bit_count`; returns how many.
    pub fn bit_indices(self, bits: &[u8], bit_count: usize, indices: &mut [u32]) -> Result<usize, Error> {
        check_length("bits, in bytes", bit_count.div_ceil(8), bits.len())?;
        check_length("indices", bit_count.saturating_add(Self::BIT_INDICES_SLACK), indices.len())?;
        let kernel = self.0.bit_indices.ok_or_else(missing)?;
        // SAFETY: both buffers have the lengths that the slot's contract asks for, as just checked.
        Ok(unsafe { kernel(bits.as_ptr(), bit_count, indices.as_mut_ptr()) })
    }

    /// Transposes a 64 x 64 bit matrix in place.
    pub fn transpose_64x64(self, rows: &mut [u64; 64]) -> Result<(), Error> {
        let kernel = self.0.transpose_64x64.ok_or_else(missing)?;
        // SAFETY: the slot reads and writes exactly 64 words.
        unsafe { kernel(rows.as_mut_ptr()) };
        Ok(())
    }

    /// `target[i] ^= source[i]`.
    pub fn xor_words(self, target: &mut [u64], source: &[u64]) -> Result<(), Error> {
        check_length("source words", target.len(), source.len())?;
        let kernel = self.0.xor_words.ok_or_else(missing)?;
        // SAFETY: equal lengths, as just checked; an exclusive and a shared borrow do not overlap.
        unsafe { kernel(target.as_mut_ptr(), source.as_ptr(), target.len()) };
        Ok(())
    }

    /// Number of set bits.
    pub fn count_bits(self, words: &[u64]) -> Result<u64, Error> {
        let kernel = self.0.count_bits.ok_or_else(missing)?;
        // SAFETY: pointer and length describe `words`.
        Ok(unsafe { kernel(words.as_ptr(), words.len()) })
    }

    /// Packs the characters `0` and `1`; returns their number, or the index of the first other character.
    pub fn digits_to_bits(self, digits: &[u8], bits: &mut [u8]) -> Result<usize, Error> {
        check_length("bits, in bytes", digits.len().div_ceil(8), bits.len())?;
        let kernel = self.0.digits_to_bits.ok_or_else(missing)?;
        // SAFETY: the slot writes ceil(count/8) bytes, the length just checked.
        Ok(unsafe { kernel(digits.as_ptr(), digits.len(), bits.as_mut_ptr()) })
    }

    /// Unpacks bits to the characters `0` and `1`.
    pub fn bits_to_digits(self, bits: &[u8], digits: &mut [u8]) -> Result<(), Error> {
        check_length("bits, in bytes", digits.len().div_ceil(8), bits.len())?;
        let kernel = self.0.bits_to_digits.ok_or_else(missing)?;
        // SAFETY: the slot reads ceil(count/8) bytes, the length just checked, and writes `digits.len()`.
        unsafe { kernel(bits.as_ptr(), digits.len(), digits.as_mut_ptr()) };
        Ok(())
    }

    /// Random numbers that [`random_words`](Self::random_words) and
    /// [`geometric_skips`](Self::geometric_skips) make.
    pub const RANDOM_LANES: usize = sys::OTR_RANDOM_LANES as usize;

    /// Words of the counters from `counter_low`, a multiple of the lanes, on.
    pub fn random_words(
        self,
        key: u64,
        counter_high: u64,
        counter_low: u64,
        words: &mut [u64; 2 * Self::RANDOM_LANES],
    ) -> Result<(), Error> {
        let kernel = self.0.random_words.ok_or_else(missing)?;
        // SAFETY: the slot writes two words per lane, the array's length.
        unsafe { kernel(key, counter_high, counter_low, words.as_mut_ptr()) };
        Ok(())
    }

    /// Geometric skips of the given scale, between 0 and 2^46, from uniform words.
    pub fn geometric_skips(
        self,
        words: &[u64; Self::RANDOM_LANES],
        scale: f64,
        skips: &mut [u64; Self::RANDOM_LANES],
    ) -> Result<(), Error> {
        let kernel = self.0.geometric_skips.ok_or_else(missing)?;
        // SAFETY: the slot reads and writes one word per lane, the arrays' lengths.
        unsafe { kernel(words.as_ptr(), scale, skips.as_mut_ptr()) };
        Ok(())
    }

    /// Arcs that [`scan_arcs`](Self::scan_arcs) takes at most.
    pub const ARCS_MAX: usize = 64;

    /// For pairs of head and weight: the mask of heads whose bit is set, the least weight among the others
    /// and the first arc that has it.
    pub fn scan_arcs(self, arcs: &[[u32; 2]], bits: &[u64]) -> Result<(u64, u32, u32), Error> {
        let arcs = &arcs[..arcs.len().min(Self::ARCS_MAX)];
        if let Some([head, _]) = arcs.iter().find(|[head, _]| *head as usize / 64 >= bits.len()) {
            return Err(Error::Length {
                what: "words of bits",
                expected: u64::from(head / 64) + 1,
                found: bits.len() as u64,
            });
        }
        let kernel = self.0.scan_arcs.ok_or_else(missing)?;
        let (mut least, mut position) = (0, 0);
        // SAFETY: at most 64 pairs, whose heads lie within `bits`, as just checked; an array of two is a
        // pair.
        let mask = unsafe {
            kernel(arcs.as_ptr().cast(), arcs.len() as u32, bits.as_ptr(), &mut least, &mut position)
        };
        Ok((mask, least, position))
    }
}

impl fmt::Debug for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kernels").field(&self.0.isa).finish()
    }
}

fn missing() -> Error {
    crate::error::argument_error("the kernel table has an empty slot")
}

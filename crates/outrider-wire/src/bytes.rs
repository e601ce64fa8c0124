//! Little-endian fields, read and written one by one. Methods are inlined: a frame has dozens of fields.

use crate::error::Error;

/// Takes fields from the front of a payload. Running out of bytes means that the payload is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Error::MalformedPayload)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Error::MalformedPayload)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count that its own limit bounds.
    #[inline]
    pub(crate) fn count(&mut self, max: u32) -> Result<usize, Error> {
        let count = self.u32()?;
        if count > max { Err(Error::MalformedPayload) } else { Ok(count as usize) }
    }

    /// Four bytes that must be zero.
    #[inline]
    pub(crate) fn reserved(&mut self) -> Result<(), Error> {
        if self.u32()? == 0 { Ok(()) } else { Err(Error::WrongField) }
    }

    /// The payload must end here.
    #[inline]
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::MalformedPayload) }
    }
}

/// Puts fields into a payload of exactly the right length, which its caller has computed.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    #[inline]
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Lets `fill` write the next `count` bytes.
    #[inline]
    pub(crate) fn with(&mut self, count: usize, fill: impl FnOnce(&mut [u8])) {
        let (target, rest) = std::mem::take(&mut self.rest).split_at_mut(count);
        fill(target);
        self.rest = rest;
    }

    #[inline]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.with(bytes.len(), |target| target.copy_from_slice(bytes));
    }

    #[inline]
    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    #[inline]
    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    #[inline]
    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }
}

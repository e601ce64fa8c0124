//! Lists of equal items in a payload: given as a slice by the sender, read in place by the receiver.

use std::fmt;
use std::marker::PhantomData;

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::ids::CellId;

/// A list of items, in the sender's memory or in a payload.
pub struct List<'a, T> {
    source: Source<'a, T>,
}

enum Source<'a, T> {
    Slice(&'a [T]),
    Payload(&'a [u8], PhantomData<T>),
}

/// Something of a fixed size in a payload.
pub trait Item: Copy {
    /// Its size.
    const BYTES: usize;

    /// Reads it from exactly that many bytes.
    fn read(bytes: &[u8]) -> Self;

    /// Writes it into exactly that many bytes.
    fn write(self, bytes: &mut [u8]);
}

impl<'a, T: Item> List<'a, T> {
    /// Takes `count` items from a payload.
    pub(crate) fn take(reader: &mut Reader<'a>, count: usize) -> Result<Self, Error> {
        let bytes = reader.bytes(count * T::BYTES)?;
        Ok(Self { source: Source::Payload(bytes, PhantomData) })
    }

    pub(crate) fn put(&self, writer: &mut Writer<'_>) {
        for item in self.iter() {
            writer.with(T::BYTES, |bytes| item.write(bytes));
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.len() * T::BYTES
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        match self.source {
            Source::Slice(items) => items.len(),
            Source::Payload(bytes, _) => bytes.len() / T::BYTES,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The items, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + use<'a, T> {
        let source = self.source;
        (0..self.len()).map(move |index| match source {
            Source::Slice(items) => items[index],
            Source::Payload(bytes, _) => T::read(&bytes[index * T::BYTES..][..T::BYTES]),
        })
    }
}

impl<'a, T> From<&'a [T]> for List<'a, T> {
    fn from(items: &'a [T]) -> Self {
        Self { source: Source::Slice(items) }
    }
}

impl<T> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for List<'_, T> {}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Source<'_, T> {}

impl<T: Item + PartialEq> PartialEq for List<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Item + fmt::Debug> fmt::Debug for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A word of parities: observable k is bit k % 64 of word k / 64.
impl Item for u64 {
    const BYTES: usize = 8;

    fn read(bytes: &[u8]) -> Self {
        bytes.iter().rev().fold(0, |value, &byte| value << 8 | Self::from(byte))
    }

    fn write(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_le_bytes());
    }
}

impl Item for u32 {
    const BYTES: usize = 4;

    fn read(bytes: &[u8]) -> Self {
        bytes.iter().rev().fold(0, |value, &byte| value << 8 | Self::from(byte))
    }

    fn write(self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&self.to_le_bytes());
    }
}

impl Item for CellId {
    const BYTES: usize = 8;

    fn read(bytes: &[u8]) -> Self {
        Self(u64::read(bytes))
    }

    fn write(self, bytes: &mut [u8]) {
        self.0.write(bytes);
    }
}

//! Text that is about to be read as packed shots: recognised by its first bytes, before any shot is decoded.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use outrider::{Format, Layout};

/// An input whose first bytes are looked at when they are asked for; if they are text, it fails. Binary data passes as it
/// comes.
pub(crate) struct TextGuard {
    input: Box<dyn Read + Send>,
    /// What was read in advance, and how much of it has been given out.
    head: Vec<u8>,
    given: usize,
    has_looked: bool,
    layout: Layout,
    format: Format,
    found: Arc<OnceLock<Format>>,
}

impl TextGuard {
    /// Guards `input`, which should be shots in `format`; `found` will be the text format that they have instead.
    pub(crate) fn new(
        input: Box<dyn Read + Send>,
        format: Format,
        layout: Layout,
        found: Arc<OnceLock<Format>>,
    ) -> Self {
        Self { input, head: Vec::new(), given: 0, has_looked: false, layout, format, found }
    }

    fn look(&mut self) -> io::Result<()> {
        let mut piece = [0; HEAD_BYTES];
        while self.head.len() < HEAD_BYTES {
            let count = match self.input.read(&mut piece[self.head.len()..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let from = self.head.len();
            self.head.extend_from_slice(&piece[from..from + count]);
            // Only what may become text is waited for: shots may come live.
            if count == 0 || !is_packed(self.format) || !self.head.iter().all(|byte| ALPHABET.contains(byte))
            {
                break;
            }
        }
        if let Some(format) = text_format(&self.head, self.layout, self.format) {
            let _ = self.found.set(format);
        }
        Ok(())
    }
}

impl Read for TextGuard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.has_looked {
            self.look()?;
            self.has_looked = true;
        }
        if self.found.get().is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "text in place of packed shots"));
        }
        if self.given == self.head.len() {
            return self.input.read(buffer);
        }
        let count = (&self.head[self.given..]).read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

fn is_packed(format: Format) -> bool {
    matches!(format, Format::B8 | Format::R8 | Format::Ptb64)
}

/// The text format of an input that should be shots in the format `packed`, by its first bytes; nothing for a text format,
/// and where the bytes may well be shots.
pub(crate) fn text_format(head: &[u8], layout: Layout, packed: Format) -> Option<Format> {
    if !is_packed(packed) {
        return None;
    }
    if let Some(rest) = head.strip_prefix(b"shot") {
        return matches!(rest.first(), Some(b' ' | b'\r' | b'\n')).then_some(Format::Dets);
    }
    if is_digits(head, layout.bits()) {
        return Some(Format::Text01);
    }
    // In r8 such bytes are runs of common lengths.
    let enough = if packed == Format::B8 { 8 } else { 32 };
    let has = |wanted: fn(&u8) -> bool| head.iter().any(wanted);
    let is_hits = head.iter().all(|byte| HITS_ALPHABET.contains(byte))
        && has(u8::is_ascii_digit)
        && has(|byte| matches!(byte, b',' | b'\n'));
    (is_hits && head.len() >= enough).then_some(Format::Hits)
}

/// Whether the bytes are lines of 0 and 1, as long as a shot or at least of one length.
fn is_digits(head: &[u8], bits: usize) -> bool {
    if !head.iter().all(|byte| b"01\r\n".contains(byte)) {
        return false;
    }
    let lines: Vec<&[u8]> =
        head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect();
    let Some((last, whole)) = lines.split_last() else { return false };
    let Some(first) = whole.first() else { return head.len() == HEAD_BYTES };
    let even = whole.iter().all(|line| line.len() == first.len()) && last.len() <= first.len();
    even && !first.is_empty() && (first.len() == bits || first.len() > 1 && head.len() >= 16)
}

/// Bytes that are looked at, at most.
pub(crate) const HEAD_BYTES: usize = 256;
const ALPHABET: &[u8] = b"0123456789,\r\n\t shotDLM";
const HITS_ALPHABET: &[u8] = b"0123456789,\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8], bits: usize) -> Option<Format> {
        text_format(head, Layout::detectors(bits), Format::B8)
    }

    #[test]
    fn text_is_recognised() {
        let long = [b'0'; HEAD_BYTES];
        for (head, bits, format) in [
            (&b"0101010\n"[..], 7, Format::Text01),
            (b"01010101\r\n", 8, Format::Text01),
            (b"010\n000\n000\n111\n", 24, Format::Text01),
            (&long, 1000, Format::Text01),
            (b"3,17\n\n5\n\n", 24, Format::Hits),
            (b"\n\n\n\n\n\n12\n", 24, Format::Hits),
            (b"shot\n", 24, Format::Dets),
            (b"shot D3 L0\nsh", 24, Format::Dets),
        ] {
            assert_eq!(found(head, bits), Some(format), "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn packed_shots_are_not_taken_for_text() {
        for (head, bits) in [
            (&b""[..], 8),
            (b"0", 8),
            (b"01", 16),
            (b"0\n", 16),
            (b"\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n", 8),
            (b"0000000000000000000", 8),
            (b"shots", 8),
            (b"0\n0\n0\n0", 8),
        ] {
            assert_eq!(found(head, bits), None, "{:?}", String::from_utf8_lossy(head));
        }
        assert_eq!(text_format(b"00,11,22,33\n", Layout::detectors(24), Format::R8), None, "runs of zeros");
    }

    #[test]
    fn binary_data_is_given_out_as_it_comes() {
        let found = Arc::new(OnceLock::new());
        let input = Box::new(&b"\x00\x3001\n"[..]);
        let mut guard = TextGuard::new(input, Format::B8, Layout::detectors(8), Arc::clone(&found));
        let mut bytes = Vec::new();
        guard.read_to_end(&mut bytes).expect("memory does not fail");
        assert_eq!(bytes, b"\x00\x3001\n");
        assert_eq!(found.get(), None);
    }
}

//! The six result formats: against files that Stim wrote, at every split point, and on bad input.

use outrider_sys::*;
use std::ptr;

use crate::support::random::Random;

const FORMATS: [otr_shot_format; 6] = [
    otr_shot_format::OTR_FORMAT_01,
    otr_shot_format::OTR_FORMAT_B8,
    otr_shot_format::OTR_FORMAT_R8,
    otr_shot_format::OTR_FORMAT_PTB64,
    otr_shot_format::OTR_FORMAT_HITS,
    otr_shot_format::OTR_FORMAT_DETS,
];
const ISAS: [otr_isa; 5] = [
    otr_isa::OTR_ISA_PORTABLE,
    otr_isa::OTR_ISA_NEON,
    otr_isa::OTR_ISA_AVX2,
    otr_isa::OTR_ISA_AVX512,
    otr_isa::OTR_ISA_AVX512VNNI,
];
/// An instruction set that this machine cannot have.
const ABSENT: otr_isa =
    if cfg!(target_arch = "aarch64") { otr_isa::OTR_ISA_AVX2 } else { otr_isa::OTR_ISA_NEON };

/// What every row buffer is filled with first, so that bytes left unwritten are seen.
const CANARY: u8 = 0xA5;

type Rows = Vec<Vec<u8>>;

#[derive(Debug, PartialEq)]
struct Failure {
    status: otr_status,
    shot: u64,
    column: u32,
    message: String,
}

fn failure(status: otr_status, shot: u64, column: u32, message: &str) -> Failure {
    Failure { status, shot, column, message: message.to_owned() }
}

/// What is said of a shot of `bits` bits whose last byte has more of them.
fn padding(bits: u64, last: u8) -> String {
    format!(
        "bits past the shot's {bits} are set in its last byte, 0x{last:02X}: another bit order (np.packbits needs \
         bitorder='little'), or shots of another width"
    )
}

fn blank_error() -> otr_error {
    otr_error { status: otr_status::OTR_OK, column: 0, line: 0, message: [0; 232] }
}

fn from_error(status: otr_status, error: &otr_error) -> Failure {
    assert_eq!(status, error.status);
    let message: Vec<u8> = error.message.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
    Failure { status, shot: error.line, column: error.column, message: String::from_utf8(message).unwrap() }
}

const fn layout(measurements: u64, detectors: u64, observables: u64) -> otr_shot_layout {
    otr_shot_layout { measurements, detectors, observables }
}

fn bits_of(layout: &otr_shot_layout) -> usize {
    (layout.measurements + layout.detectors + layout.observables) as usize
}

struct Reader {
    raw: *mut otr_shot_reader,
    row_bytes: usize,
}

impl Drop for Reader {
    fn drop(&mut self) {
        // SAFETY: raw came from create and is destroyed once.
        unsafe { otr_shot_reader_destroy(self.raw) }
    }
}

impl Reader {
    fn new(format: otr_shot_format, layout: &otr_shot_layout, isa: otr_isa) -> Result<Self, otr_status> {
        let mut raw = ptr::null_mut();
        // SAFETY: both pointers are to live variables.
        let status = unsafe { otr_shot_reader_create(&mut raw, format, layout, isa) };
        if status != otr_status::OTR_OK {
            assert!(raw.is_null());
            return Err(status);
        }
        Ok(Self { raw, row_bytes: bits_of(layout).div_ceil(8) })
    }

    /// One call to read: consumed bytes, and the rows that it completed even if it failed.
    fn read(&mut self, input: &[u8], capacity: usize, rows: &mut Rows) -> (usize, Result<(), Failure>) {
        let stride = self.row_bytes + 3;
        let mut buffer = vec![CANARY; capacity * stride + 1];
        let (mut consumed, mut count, mut error) = (0, 0, blank_error());
        // SAFETY: the buffer holds `capacity` rows of `stride` bytes; lengths are those of the slices.
        let status = unsafe {
            otr_shot_reader_read(
                self.raw,
                input.as_ptr(),
                input.len(),
                &mut consumed,
                buffer.as_mut_ptr(),
                stride,
                capacity,
                &mut count,
                &mut error,
            )
        };
        assert!(count <= capacity && consumed <= input.len());
        for (i, row) in buffer[..capacity * stride].chunks(stride).enumerate() {
            let used = if i < count { self.row_bytes } else { 0 };
            assert!(row[used..].iter().all(|&byte| byte == CANARY), "bytes between rows were touched");
            if i < count {
                rows.push(row[..used].to_vec());
            }
        }
        if status != otr_status::OTR_OK {
            return (consumed, Err(from_error(status, &error)));
        }
        assert!(count == capacity || consumed == input.len());
        (consumed, Ok(()))
    }

    fn read_all(&mut self, mut input: &[u8], capacity: usize, rows: &mut Rows) -> Result<(), Failure> {
        loop {
            let before = rows.len();
            let (consumed, result) = self.read(input, capacity, rows);
            result?;
            input = &input[consumed..];
            if rows.len() - before < capacity {
                return Ok(());
            }
        }
    }

    fn finish(&mut self, rows: &mut Rows) -> Result<(), Failure> {
        let mut row = vec![CANARY; self.row_bytes + 1];
        let (mut count, mut error) = (0, blank_error());
        // SAFETY: the buffer holds one row.
        let status = unsafe {
            otr_shot_reader_finish(self.raw, row.as_mut_ptr(), self.row_bytes, &mut count, &mut error)
        };
        if status != otr_status::OTR_OK {
            assert_eq!(count, 0);
            return Err(from_error(status, &error));
        }
        if count == 1 {
            rows.push(row[..self.row_bytes].to_vec());
        }
        // SAFETY: raw is live.
        assert_eq!(unsafe { otr_shot_reader_shots(self.raw) }, rows.len() as u64);
        Ok(())
    }
}

/// Reads `parts` one after another; the rows before a failure are given too.
fn decode_parts(
    format: otr_shot_format,
    layout: &otr_shot_layout,
    isa: otr_isa,
    parts: &[&[u8]],
    capacity: usize,
) -> (Rows, Result<(), Failure>) {
    let mut rows = Rows::new();
    let mut reader = Reader::new(format, layout, isa).unwrap();
    for part in parts {
        if let Err(failure) = reader.read_all(part, capacity, &mut rows) {
            let (_, again) = reader.read(b"", 1, &mut Rows::new());
            assert_eq!(again.as_ref(), Err(&failure), "a failed reader stays failed");
            return (rows, Err(failure));
        }
    }
    let result = reader.finish(&mut rows);
    (rows, result)
}

fn decode(format: otr_shot_format, layout: &otr_shot_layout, input: &[u8]) -> (Rows, Result<(), Failure>) {
    decode_parts(format, layout, otr_isa::OTR_ISA_AUTO, &[input], 10)
}

/// Writes rows in calls of `batch` rows.
fn encode(
    format: otr_shot_format,
    layout: &otr_shot_layout,
    isa: otr_isa,
    rows: &Rows,
    batch: usize,
) -> Result<Vec<u8>, Failure> {
    let stride = bits_of(layout).div_ceil(8) + 1;
    let mut raw = ptr::null_mut();
    // SAFETY: both pointers are to live variables.
    let status = unsafe { otr_shot_writer_create(&mut raw, format, layout, isa) };
    assert_eq!(status, otr_status::OTR_OK);
    let mut encoded = Vec::new();
    for chunk in rows.chunks(batch) {
        let mut buffer = vec![0xFF; chunk.len() * stride];
        for (to, row) in buffer.chunks_mut(stride).zip(chunk) {
            to[..row.len()].copy_from_slice(row);
        }
        let (mut bytes, mut count) = (ptr::null(), 0);
        // SAFETY: the buffer holds the rows; the view is copied before the next call.
        unsafe {
            let status =
                otr_shot_writer_write(raw, buffer.as_ptr(), stride, chunk.len(), &mut bytes, &mut count);
            assert_eq!(status, otr_status::OTR_OK);
            if count > 0 {
                encoded.extend_from_slice(std::slice::from_raw_parts(bytes, count));
            }
        }
    }
    let mut error = blank_error();
    // SAFETY: raw is live and destroyed once.
    let status = unsafe {
        let status = otr_shot_writer_finish(raw, &mut error);
        otr_shot_writer_destroy(raw);
        status
    };
    if status == otr_status::OTR_OK { Ok(encoded) } else { Err(from_error(status, &error)) }
}

fn available_isas() -> Vec<otr_isa> {
    // SAFETY: a pure query.
    ISAS.into_iter().filter(|&isa| unsafe { !otr_kernels_for(isa).is_null() }).collect()
}

struct Golden {
    name: &'static str,
    layout: otr_shot_layout,
    /// In the order of FORMATS; ptb64 is empty where the number of shots is not a multiple of 64.
    files: [&'static [u8]; 6],
}

macro_rules! golden {
    ($name:literal, $layout:expr, $ptb64:expr) => {
        Golden {
            name: $name,
            layout: $layout,
            files: [
                include_bytes!(concat!("golden/shots/", $name, ".01")),
                include_bytes!(concat!("golden/shots/", $name, ".b8")),
                include_bytes!(concat!("golden/shots/", $name, ".r8")),
                $ptb64,
                include_bytes!(concat!("golden/shots/", $name, ".hits")),
                include_bytes!(concat!("golden/shots/", $name, ".dets")),
            ],
        }
    };
}

fn golden() -> [Golden; 7] {
    [
        golden!("sparse_0_24_0", layout(0, 24, 0), include_bytes!("golden/shots/sparse_0_24_0.ptb64")),
        golden!("appended_0_23_2", layout(0, 23, 2), include_bytes!("golden/shots/appended_0_23_2.ptb64")),
        golden!("dense_9_0_0", layout(9, 0, 0), include_bytes!("golden/shots/dense_9_0_0.ptb64")),
        golden!("runs_0_600_0", layout(0, 600, 0), b""),
        golden!("wide_0_65_0", layout(0, 65, 0), b""),
        golden!("single_0_1_0", layout(0, 1, 0), b""),
        golden!("labels_0_0_3", layout(0, 0, 3), include_bytes!("golden/shots/labels_0_0_3.ptb64")),
    ]
}

impl Golden {
    fn rows(&self) -> Rows {
        self.files[1].chunks(bits_of(&self.layout).div_ceil(8)).map(<[u8]>::to_vec).collect()
    }

    fn present(&self) -> impl Iterator<Item = (otr_shot_format, &'static [u8])> {
        FORMATS.into_iter().zip(self.files).filter(|(_, file)| !file.is_empty())
    }
}

#[test]
fn golden_files_read_as_their_rows() {
    for case in golden() {
        for (format, file) in case.present() {
            for isa in available_isas() {
                for capacity in [1, 3, 64, 1000] {
                    let (rows, result) = decode_parts(format, &case.layout, isa, &[file], capacity);
                    assert_eq!(result, Ok(()), "{} {format:?}", case.name);
                    assert_eq!(rows, case.rows(), "{} {format:?} {isa:?} {capacity}", case.name);
                }
            }
        }
    }
}

#[test]
fn golden_files_split_anywhere_give_the_same_rows() {
    for case in golden() {
        let truth = case.rows();
        for (format, file) in case.present() {
            for cut in 0..=file.len() {
                let (rows, result) = decode_parts(
                    format,
                    &case.layout,
                    otr_isa::OTR_ISA_AUTO,
                    &[&file[..cut], &file[cut..]],
                    64,
                );
                assert_eq!(result, Ok(()), "{} {format:?} cut at {cut}", case.name);
                assert_eq!(rows, truth, "{} {format:?} cut at {cut}", case.name);
            }
            let bytes: Vec<&[u8]> = file.chunks(1).collect();
            let (rows, result) = decode_parts(format, &case.layout, otr_isa::OTR_ISA_AUTO, &bytes, 64);
            assert_eq!((rows, result), (truth.clone(), Ok(())), "{} {format:?} byte by byte", case.name);
        }
    }
}

#[test]
fn writers_give_the_bytes_of_stim() {
    for case in golden() {
        for (format, file) in case.present() {
            for isa in available_isas() {
                for batch in [1, 7, 1000] {
                    let written = encode(format, &case.layout, isa, &case.rows(), batch).unwrap();
                    assert!(written == file, "{} {format:?} {isa:?} in batches of {batch}", case.name);
                }
            }
        }
    }
}

#[test]
fn random_rows_survive_every_format() {
    let mut random = Random(3);
    for bits in [0, 1, 7, 8, 9, 63, 64, 65, 300, 4095, 4096, 4097, 9000] {
        for density in [1, 8, 64] {
            let measurements = random.below(bits + 1);
            let detectors = random.below(bits - measurements + 1);
            let counts = [measurements, detectors, bits - measurements - detectors].map(|count| count as u64);
            let layout = layout(counts[0], counts[1], counts[2]);
            let rows: Rows = (0..128)
                .map(|_| {
                    let mut row = vec![0; bits.div_ceil(8)];
                    for bit in 0..bits {
                        row[bit / 8] |= u8::from(random.below(64) < density) << (bit % 8);
                    }
                    row
                })
                .collect();
            for format in FORMATS {
                let countless =
                    format == otr_shot_format::OTR_FORMAT_B8 || format == otr_shot_format::OTR_FORMAT_PTB64;
                let encoded = encode(format, &layout, otr_isa::OTR_ISA_AUTO, &rows, 50).unwrap();
                if bits == 0 && countless {
                    assert!(encoded.is_empty());
                    continue;
                }
                let cut = random.below(encoded.len() + 1);
                let parts = [&encoded[..cut], &encoded[cut..]];
                let (decoded, result) = decode_parts(format, &layout, otr_isa::OTR_ISA_AUTO, &parts, 31);
                assert_eq!(result, Ok(()), "{format:?} {bits} bits");
                assert!(decoded == rows, "{format:?} {bits} bits, cut at {cut}");
            }
        }
    }
}

/// Inputs that Stim reads, and the row or rows it reads from them (checked with stim 1.16.0), except that a line
/// of digits may also lack its line feed.
#[test]
fn oddities_read_as_stim_reads_them() {
    use otr_shot_format as f;
    let four = layout(0, 4, 0);
    let appended = layout(0, 4, 2);
    let cases: [(otr_shot_format, &otr_shot_layout, &[u8], &[u8]); 26] = [
        (f::OTR_FORMAT_01, &four, b"", b""),
        (f::OTR_FORMAT_01, &four, b"0101\r\n1000\n", b"\x0A\x01"),
        (f::OTR_FORMAT_01, &four, b"0101\n0001", b"\x0A\x08"),
        (f::OTR_FORMAT_01, &four, b"0101\r", b"\x0A"),
        (f::OTR_FORMAT_B8, &four, b"\x05\x06", b"\x05\x06"),
        (f::OTR_FORMAT_R8, &four, b"\x04\x00\x03\x00\x03", b"\x00\x01\x01"),
        (f::OTR_FORMAT_R8, &four, b"\x03\x00\x00\x00\x00\x00\x00", b"\x08\x0F"),
        (f::OTR_FORMAT_HITS, &four, b"\n", b"\x00"),
        (f::OTR_FORMAT_HITS, &four, b"\n\r\n1\r", b"\x00\x00\x02"),
        (f::OTR_FORMAT_HITS, &four, b"2,1\n", b"\x06"),
        (f::OTR_FORMAT_HITS, &four, b"1,1\n", b"\x00"),
        (f::OTR_FORMAT_HITS, &four, b"1,2\r\n3,0\r\n", b"\x06\x09"),
        (f::OTR_FORMAT_HITS, &four, b"01\n", b"\x02"),
        (f::OTR_FORMAT_HITS, &appended, b"1,4,5\n", b"\x32"),
        (f::OTR_FORMAT_DETS, &four, b"shot\n", b"\x00"),
        (f::OTR_FORMAT_DETS, &four, b"\n", b""),
        (f::OTR_FORMAT_DETS, &four, b"shot D2 D1\n", b"\x06"),
        (f::OTR_FORMAT_DETS, &four, b"shot D1 D1\n", b"\x02"),
        (f::OTR_FORMAT_DETS, &four, b"shot D1 D2\r", b"\x06"),
        (f::OTR_FORMAT_DETS, &four, b"\r\n\n \tshot D1\r\n\nshot\r\n\n", b"\x02\x00"),
        (f::OTR_FORMAT_DETS, &four, b"shot D01\n", b"\x02"),
        (f::OTR_FORMAT_DETS, &appended, b"shot L0 D1\n", b"\x12"),
        (f::OTR_FORMAT_DETS, &appended, b"shot L1 D3 L1\n", b"\x28"),
        (f::OTR_FORMAT_DETS, &layout(2, 3, 2), b"shot M1 D2 L1\n", b"\x52"),
        (f::OTR_FORMAT_DETS, &layout(4, 0, 0), b"shot M1\n", b"\x02"),
        (f::OTR_FORMAT_HITS, &layout(0, 0, 4), b"1\n", b"\x02"),
    ];
    for (format, layout, input, bytes) in cases {
        let (rows, result) = decode(format, layout, input);
        assert_eq!(result, Ok(()), "{format:?} {:?}", String::from_utf8_lossy(input));
        assert_eq!(rows.concat(), bytes, "{format:?} {:?}", String::from_utf8_lossy(input));
    }
    for format in [f::OTR_FORMAT_01, f::OTR_FORMAT_HITS] {
        assert_eq!(decode(format, &layout(0, 0, 0), b"\n\n").0.len(), 2, "{format:?} of no bits");
    }
    assert_eq!(decode(f::OTR_FORMAT_R8, &layout(0, 0, 0), b"\0\0").0.len(), 2);
    assert_eq!(decode(f::OTR_FORMAT_DETS, &layout(0, 0, 0), b"shot\nshot\n").0.len(), 2);
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn bad_input_names_shot_and_column() {
    use otr_shot_format as f;
    use otr_status as s;
    let four = layout(0, 4, 0);
    let appended = layout(0, 4, 2);
    let cases: Vec<(otr_shot_format, otr_shot_layout, &[u8], Failure)> = vec![
        (
            f::OTR_FORMAT_01,
            four,
            b"0101\n010\n",
            failure(s::OTR_ERR_FORMAT, 2, 4, "the line ends after 3 of 4 digits"),
        ),
        (
            f::OTR_FORMAT_01,
            four,
            b"\n",
            failure(s::OTR_ERR_FORMAT, 1, 1, "the line ends after 0 of 4 digits"),
        ),
        (
            f::OTR_FORMAT_01,
            four,
            b"01011\n",
            failure(s::OTR_ERR_FORMAT, 1, 5, "expected the end of the line, found '1'"),
        ),
        (f::OTR_FORMAT_01, four, b"01a1\n", failure(s::OTR_ERR_FORMAT, 1, 3, "expected 0 or 1, found 'a'")),
        (
            f::OTR_FORMAT_01,
            four,
            b"0101\n\xFF",
            failure(s::OTR_ERR_FORMAT, 2, 1, "expected 0 or 1, found byte 0xFF"),
        ),
        (
            f::OTR_FORMAT_01,
            four,
            b"0101\r0",
            failure(s::OTR_ERR_FORMAT, 1, 6, "expected a line feed, found '0'"),
        ),
        (
            f::OTR_FORMAT_01,
            four,
            b"0101\n010",
            failure(s::OTR_ERR_TRUNCATED, 2, 4, "the input ends inside a line of digits"),
        ),
        (
            f::OTR_FORMAT_B8,
            layout(0, 12, 0),
            b"\0\0\0",
            failure(s::OTR_ERR_TRUNCATED, 2, 0, "the input ends after 1 of the shot's 2 bytes"),
        ),
        (f::OTR_FORMAT_B8, four, b"\x05\x10\x01", failure(s::OTR_ERR_FORMAT, 2, 0, &padding(4, 0x10))),
        (
            f::OTR_FORMAT_B8,
            layout(0, 12, 2),
            b"\xFF\x3F\x00\x40",
            failure(s::OTR_ERR_FORMAT, 2, 0, &padding(14, 0x40)),
        ),
        (
            f::OTR_FORMAT_R8,
            four,
            b"\x04\x05",
            failure(s::OTR_ERR_FORMAT, 2, 0, "a run of zeros passes the end of the shot's 4 bits"),
        ),
        (
            f::OTR_FORMAT_R8,
            four,
            b"\x04\xFF",
            failure(s::OTR_ERR_FORMAT, 2, 0, "a run of zeros passes the end of the shot's 4 bits"),
        ),
        (
            f::OTR_FORMAT_R8,
            four,
            b"\x04\x03",
            failure(s::OTR_ERR_TRUNCATED, 2, 0, "the input ends after 4 of the shot's 4 bits"),
        ),
        (
            f::OTR_FORMAT_PTB64,
            layout(0, 2, 0),
            &[1; 17],
            failure(
                s::OTR_ERR_TRUNCATED,
                65,
                0,
                "the input ends after 1 of the 16 bytes of a group of 64 shots",
            ),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1\n4\n",
            failure(s::OTR_ERR_INDEX, 2, 1, "index 4 is not below the 4 bits of a shot"),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1,18446744073709551617\n",
            failure(
                s::OTR_ERR_INDEX,
                1,
                3,
                "index of at least 68719476736 is not below the 4 bits of a shot",
            ),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1,\n",
            failure(s::OTR_ERR_FORMAT, 1, 3, "expected an index, found the end of the line"),
        ),
        (f::OTR_FORMAT_HITS, four, b",1\n", failure(s::OTR_ERR_FORMAT, 1, 1, "expected an index, found ','")),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1, 2\n",
            failure(s::OTR_ERR_FORMAT, 1, 3, "expected an index, found ' '"),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1 2\n",
            failure(s::OTR_ERR_FORMAT, 1, 2, "expected a digit, a comma or the end of the line, found ' '"),
        ),
        (f::OTR_FORMAT_HITS, four, b"-1\n", failure(s::OTR_ERR_FORMAT, 1, 1, "expected an index, found '-'")),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1\r1\n",
            failure(s::OTR_ERR_FORMAT, 1, 3, "expected a line feed, found '1'"),
        ),
        (
            f::OTR_FORMAT_HITS,
            layout(0, 20, 0),
            b"1,5\n1,1",
            failure(s::OTR_ERR_TRUNCATED, 2, 4, "the last line has no line feed, so it may be cut off"),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1,2\n3",
            failure(s::OTR_ERR_TRUNCATED, 2, 2, "the last line has no line feed, so it may be cut off"),
        ),
        (
            f::OTR_FORMAT_DETS,
            layout(0, 20, 0),
            b"shot\nshot D1",
            failure(s::OTR_ERR_TRUNCATED, 2, 8, "the last line has no line feed, so it may be cut off"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D1\nshot",
            failure(s::OTR_ERR_TRUNCATED, 2, 5, "the last line has no line feed, so it may be cut off"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D9",
            failure(s::OTR_ERR_TRUNCATED, 1, 8, "the last line has no line feed, so it may be cut off"),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1,2,",
            failure(s::OTR_ERR_TRUNCATED, 1, 5, "the input ends inside an item"),
        ),
        (
            f::OTR_FORMAT_HITS,
            four,
            b"1,9\n",
            failure(s::OTR_ERR_INDEX, 1, 3, "index 9 is not below the 4 bits of a shot"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D1\nshot D4\n",
            failure(s::OTR_ERR_INDEX, 2, 7, "D4 is not below the shot's 4 D bits"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot L0\n",
            failure(s::OTR_ERR_INDEX, 1, 7, "L0 is not below the shot's 0 L bits"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"\n shot M0\n",
            failure(s::OTR_ERR_INDEX, 1, 8, "M0 is not below the shot's 0 M bits"),
        ),
        (
            f::OTR_FORMAT_DETS,
            appended,
            b"shot L2\n",
            failure(s::OTR_ERR_INDEX, 1, 7, "L2 is not below the shot's 2 L bits"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot  D1\n",
            failure(s::OTR_ERR_FORMAT, 1, 6, "expected M, D or L, found ' '"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D1 \n",
            failure(s::OTR_ERR_FORMAT, 1, 9, "expected M, D or L, found the end of the line"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot d1\n",
            failure(s::OTR_ERR_FORMAT, 1, 6, "expected M, D or L, found 'd'"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shots\n",
            failure(s::OTR_ERR_FORMAT, 1, 5, "expected a blank or the end of the line, found 's'"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D1,D2\n",
            failure(s::OTR_ERR_FORMAT, 1, 8, "expected a digit, a blank or the end of the line, found ','"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D\n",
            failure(s::OTR_ERR_FORMAT, 1, 7, "expected an index, found the end of the line"),
        ),
        (f::OTR_FORMAT_DETS, four, b"D1\n", failure(s::OTR_ERR_FORMAT, 1, 1, "expected 'shot', found 'D'")),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot\rx",
            failure(s::OTR_ERR_FORMAT, 1, 6, "expected a line feed, found 'x'"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot\nsho",
            failure(s::OTR_ERR_TRUNCATED, 2, 4, "the input ends inside an item"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D1 ",
            failure(s::OTR_ERR_TRUNCATED, 1, 9, "the input ends inside an item"),
        ),
        (
            f::OTR_FORMAT_DETS,
            four,
            b"shot D",
            failure(s::OTR_ERR_TRUNCATED, 1, 7, "the input ends inside an item"),
        ),
    ];
    for (format, layout, input, expected) in cases {
        let text = String::from_utf8_lossy(input);
        let (rows, result) = decode(format, &layout, input);
        assert_eq!(result.as_ref(), Err(&expected), "{format:?} {text:?}");
        assert_eq!(
            rows.len() as u64,
            expected.shot - 1,
            "{format:?} {text:?}: the rows before the error count"
        );
        let bytes: Vec<&[u8]> = input.chunks(1).collect();
        let (_, split) = decode_parts(format, &layout, otr_isa::OTR_ISA_AUTO, &bytes, 3);
        assert_eq!(split, Err(expected), "{format:?} {text:?} byte by byte");
    }
}

#[test]
fn garbage_never_does_more_than_fail() {
    let mut random = Random(4);
    let alphabet = b"shot DLM,0123456789\r\n\xFF\0";
    for round in 0..3000 {
        let layout = layout(random.below(3) as u64, random.below(70) as u64, 1);
        let input: Vec<u8> = (0..random.below(60))
            .map(
                |_| if round % 2 == 0 { alphabet[random.below(alphabet.len())] } else { random.word() as u8 },
            )
            .collect();
        for format in FORMATS {
            let cut = random.below(input.len() + 1);
            let (whole, result) = decode(format, &layout, &input);
            let parts = [&input[..cut], &input[cut..]];
            let split = decode_parts(format, &layout, otr_isa::OTR_ISA_PORTABLE, &parts, 2);
            assert_eq!((whole, result), split, "{format:?} {input:?}");
        }
    }
}

#[test]
fn ptb64_refuses_a_broken_group_of_rows() {
    let layout = layout(0, 5, 0);
    let rows = vec![vec![0]; 65];
    let result = encode(otr_shot_format::OTR_FORMAT_PTB64, &layout, otr_isa::OTR_ISA_AUTO, &rows, 10);
    let expected =
        failure(otr_status::OTR_ERR_TRUNCATED, 65, 0, "ptb64 needs a multiple of 64 shots, not 65");
    assert_eq!(result, Err(expected));
}

#[test]
fn arguments_are_checked() {
    let make = |format, layout: otr_shot_layout, isa| Reader::new(format, &layout, isa).err();
    let auto = otr_isa::OTR_ISA_AUTO;
    assert_eq!(
        make(otr_shot_format::OTR_FORMAT_B8, layout(0, 0, 0), auto),
        Some(otr_status::OTR_ERR_ARGUMENT)
    );
    assert_eq!(
        make(otr_shot_format::OTR_FORMAT_PTB64, layout(0, 0, 0), auto),
        Some(otr_status::OTR_ERR_ARGUMENT)
    );
    assert_eq!(make(otr_shot_format(6), layout(0, 1, 0), auto), Some(otr_status::OTR_ERR_ARGUMENT));
    for huge in [u64::from(u32::MAX) + 1, u64::MAX] {
        assert_eq!(make(FORMATS[0], layout(1, huge, 0), auto), Some(otr_status::OTR_ERR_LIMIT));
    }
    assert_eq!(make(FORMATS[0], layout(1, 0, 0), ABSENT), Some(otr_status::OTR_ERR_UNSUPPORTED));

    let mut reader = Reader::new(FORMATS[0], &layout(0, 20, 0), auto).unwrap();
    reader.row_bytes = 2;
    let mut rows = Rows::new();
    let message = "row_stride 2 is less than the 3 bytes of a row";
    assert_eq!(reader.finish(&mut rows), Err(failure(otr_status::OTR_ERR_ARGUMENT, 0, 0, message)));
    // SAFETY: NULL is allowed here.
    unsafe {
        otr_shot_reader_destroy(ptr::null_mut());
        otr_shot_writer_destroy(ptr::null_mut());
    }
}

#[test]
fn format_names_go_both_ways() {
    for (format, name) in FORMATS.into_iter().zip([c"01", c"b8", c"r8", c"ptb64", c"hits", c"dets"]) {
        let mut found = otr_shot_format(99);
        // SAFETY: both strings are NUL-terminated and static.
        unsafe {
            assert_eq!(std::ffi::CStr::from_ptr(otr_shot_format_name(format)), name);
            assert_eq!(otr_shot_format_from_name(name.as_ptr(), &mut found), otr_status::OTR_OK);
        }
        assert_eq!(found, format);
    }
    let mut found = otr_shot_format(99);
    // SAFETY: the string is NUL-terminated.
    assert_eq!(unsafe { otr_shot_format_from_name(c"B8".as_ptr(), &mut found) }, otr_status::OTR_ERR_FORMAT);
}

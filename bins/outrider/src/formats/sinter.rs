//! sinter's statistics files: the CSV rows, the strong id, and the counts already in a file.
//!
//! Formats: sinter's `csv_line` (padded columns), `Task.strong_id` (SHA-256 of a JSON text) and
//! `comma_separated_key_values` (metadata from a file name).

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::formats::python_json::{Separators, python_json};
use crate::report::statistics::{Counts, Metadata, Pairs, StageTotals, Task};

/// sinter's header line, byte for byte.
pub(crate) const HEADER: &str =
    "     shots,    errors,  discards, seconds,decoder,strong_id,json_metadata,custom_counts\n";

/// sinter's `Task.strong_id()`: `circuit` and `model` as Stim prints them; `None` for a task without a
/// circuit, which sinter itself does not know.
pub(crate) fn strong_id(circuit: Option<&str>, decoder: &str, model: &str, metadata: &Metadata) -> String {
    let contents = Contents {
        circuit,
        decoder,
        decoder_error_model: model,
        postselection_mask: None,
        json_metadata: Members(metadata),
    };
    let text = python_json(&contents, Separators::SPACED);
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What the strong id is a hash of, by sinter's names and in its order.
#[derive(Serialize)]
struct Contents<'a> {
    circuit: Option<&'a str>,
    decoder: &'a str,
    decoder_error_model: &'a str,
    postselection_mask: Option<&'a str>,
    json_metadata: Members<'a, Value>,
}

/// Members of an object in the order in which they come.
struct Members<'a, V>(&'a [(String, V)]);

impl<V: Serialize> Serialize for Members<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// The row sinter would write. The shots of each seed are kept in `custom_counts` under `shots_of_seed_N`, and what a
/// pre-decoder did, and how windows compare with whole histories, beside them, where adding rows up (as `sinter combine` does) keeps them right.
pub(crate) fn row(task: &Task, counts: &Counts, seed: u64) -> String {
    let seconds = match counts.seconds {
        s if s < 1.0 => format!("{s:.3}"),
        s if s < 10.0 => format!("{s:.2}"),
        s => format!("{s:.1}"),
    };
    let mut metadata = task.metadata.clone();
    metadata.sort_by(|a, b| a.0.cmp(&b.0));
    let mut row = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = row.write_record([
        &format!("{:>10}", counts.shots),
        &format!("{:>10}", counts.errors),
        &format!("{:>10}", 0),
        &format!("{seconds:>8}"),
        &task.decoder,
        &task.strong_id,
        &python_json(&Members(&metadata), Separators::COMPACT),
        &custom_counts(counts, seed),
    ]);
    // Every field of it is text.
    row.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// Metadata from a file name such as `d=5,p=0.01.stim`, as `sinter collect --metadata_func auto` reads it;
/// `None` if the name has another form.
pub(crate) fn metadata_of_name(path: &Path) -> Option<Metadata> {
    let name = path.file_name()?.to_str()?;
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut metadata = Metadata::new();
    for term in stem.split(',') {
        let (key, value) = term.split_once('=').filter(|(_, value)| !value.contains('='))?;
        let number = value.parse::<i64>().map(Value::from);
        let value = number
            .or_else(|_| value.parse::<f64>().map(Value::from))
            .ok()
            .filter(|parsed| !parsed.is_null())
            .unwrap_or_else(|| Value::from(value));
        metadata.retain(|(other, _)| other != key);
        metadata.push((key.to_owned(), value));
    }
    Some(metadata)
}

/// The counts of one strong id in a statistics file; nothing if there is no file yet.
pub(crate) fn read_counts(path: &Path, strong_id: &str, seed: u64) -> Result<Counts> {
    // A file that is not there yet, or a device, holds no counts.
    if !path.is_file() {
        return Ok(Counts::default());
    }
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("open", path, error))?;
    let place = |line: u64| format!("{}:{line}", path.display());
    if !text.is_empty() && !text.ends_with('\n') {
        let line = text.lines().count() as u64;
        return Err(Error::input(place(line), "an incomplete row (was a program stopped while writing it?)"));
    }
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let malformed = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        Error::input(place(line), format!("not a row of sinter's CSV: {error}"))
    };
    let header = reader.headers().map_err(malformed)?.clone();
    let column = |name: &str| header.iter().position(|field| field == name);
    let required = |name: &str| {
        column(name).ok_or_else(|| Error::input(place(1), format!("sinter's CSV needs a column {name:?}")))
    };
    if text.is_empty() {
        return Ok(Counts::default());
    }
    let (shots, errors, seconds, id) =
        (required("shots")?, required("errors")?, required("seconds")?, required("strong_id")?);
    let custom = column("custom_counts");
    let mut total = Counts::default();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        if record.get(id) != Some(strong_id) {
            continue;
        }
        let line = record.position().map_or(1, csv::Position::line);
        let field = |index: usize| record.get(index).unwrap_or_default();
        let bad =
            |name: &str, value: &str| Error::input(place(line), format!("{name} is not a number: {value:?}"));
        let number =
            |name: &str, index: usize| field(index).parse::<u64>().map_err(|_| bad(name, field(index)));
        total.add(&Counts {
            shots: number("shots", shots)?,
            errors: number("errors", errors)?,
            seconds: field(seconds).parse().map_err(|_| bad("seconds", field(seconds)))?,
            ..custom.map_or_else(Counts::default, |custom| custom_counts_of(field(custom), seed))
        });
    }
    Ok(total)
}

/// Refuses early a file that could not be appended to after hours of work.
pub(crate) fn require_appendable(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or_else(|| Path::new("."));
    let tried = if path.exists() {
        File::options().append(true).open(path).map(drop)
    } else {
        std::fs::read_dir(folder).map(drop)
    };
    tried.map_err(|error| Error::io("open", path, error))
}

/// Appends rows, and before them the header if the file is new: in one write, on disk when it returns, and
/// taken back if it fails, so that no half row stays.
pub(crate) fn append(path: &Path, rows: &str) -> Result<()> {
    let failed = |error: std::io::Error| Error::io("write", path, error);
    let mut file = File::options().read(true).append(true).create(true).open(path).map_err(failed)?;
    let end = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let text = if end == 0 { format!("{HEADER}{rows}") } else { rows.to_owned() };
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if let Err(error) = written {
        // The first failure is the one to report; a device cannot be cut back.
        let _ = file.set_len(end);
        return Err(failed(error));
    }
    Ok(())
}

fn seed_key(seed: u64) -> String {
    format!("shots_of_seed_{seed}")
}

/// Names of what a pre-decoder did.
const STAGE_KEYS: [&str; 4] = ["events", "events_left", "predecode_ns", "decode_ns"];

/// Names of how windows compare with whole histories.
const PAIR_KEYS: [&str; 3] = ["paired_shots", "only_windows", "only_whole"];

fn custom_counts(counts: &Counts, seed: u64) -> String {
    let StageTotals { events, events_left, predecode_ns, decode_ns } = counts.stages;
    let Pairs { shots, only_windows, only_whole } = counts.pairs;
    let stages = STAGE_KEYS.iter().zip([events, events_left, predecode_ns, decode_ns]);
    let pairs = PAIR_KEYS.iter().zip([shots, only_windows, only_whole]);
    let stages = stages.filter(|_| counts.stages != StageTotals::default());
    let pairs = pairs.filter(|_| counts.pairs != Pairs::default());
    let named = |(&key, count): (&&str, u64)| (key.to_owned(), count);
    let mut members = vec![(seed_key(seed), counts.seed_shots)];
    members.extend(stages.map(named).chain(pairs.map(named)));
    python_json(&Members(&members), Separators::COMPACT)
}

/// The custom counts of a row, as far as it has any.
fn custom_counts_of(text: &str, seed: u64) -> Counts {
    let counts: Value = serde_json::from_str(text).unwrap_or_default();
    let count = |key: &str| counts.get(key).and_then(Value::as_u64).unwrap_or(0);
    let [events, events_left, predecode_ns, decode_ns] = STAGE_KEYS.map(count);
    let stages = StageTotals { events, events_left, predecode_ns, decode_ns };
    let [shots, only_windows, only_whole] = PAIR_KEYS.map(count);
    let pairs = Pairs { shots, only_windows, only_whole };
    Counts { seed_shots: count(&seed_key(seed)), stages, pairs, ..Counts::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_ids_are_those_of_sinter() {
        // sinter 1.16.0: Task(circuit, detector_error_model, decoder="mwpm", json_metadata=…).strong_id().
        let metadata: Metadata = vec![
            ("d".to_owned(), Value::from(5)),
            ("p".to_owned(), Value::from(0.001)),
            ("b".to_owned(), Value::from("x")),
            ("s".to_owned(), Value::from(1e-7)),
        ];
        let circuit = "X_ERROR(0.25) 0\nM 0\nDETECTOR rec[-1]\nOBSERVABLE_INCLUDE(0) rec[-1]";
        let id = strong_id(Some(circuit), "mwpm", "error(0.25) D0 L0", &metadata);
        assert_eq!(id, "785fc22a16bebcc696b0be79a683df9629138392da413e4d1a6bd98cbe006a43");
    }

    #[test]
    fn names_give_metadata_as_sinter_reads_it() {
        let metadata = metadata_of_name(Path::new("folder/d=5,r=3.5,x=abc.stim"));
        let expected: Metadata = vec![
            ("d".to_owned(), Value::from(5)),
            ("r".to_owned(), Value::from(3.5)),
            ("x".to_owned(), Value::from("abc")),
        ];
        assert_eq!(metadata, Some(expected));
        assert_eq!(metadata_of_name(Path::new("plain.stim")), None);
        assert_eq!(metadata_of_name(Path::new("a=b=c.stim")), None);
    }

    #[test]
    fn rows_are_padded_as_sinter_pads_them() {
        let task = Task {
            decoder: "mwpm".to_owned(),
            strong_id: "abc".to_owned(),
            metadata: vec![("p".to_owned(), Value::from(0.001)), ("d".to_owned(), Value::from(5))],
        };
        let counts =
            Counts { shots: 1000, errors: 7, seconds: 0.1234, seed_shots: 1000, ..Counts::default() };
        let expected = "      1000,         7,         0,   0.123,mwpm,abc,\"{\"\"d\"\":5,\"\"p\"\":0.001}\",\
                        \"{\"\"shots_of_seed_3\"\":1000}\"\n";
        assert_eq!(row(&task, &counts, 3), expected);
    }

    #[test]
    fn custom_counts_read_back() {
        let stages = StageTotals { events: 9, events_left: 2, predecode_ns: 700, decode_ns: u64::MAX };
        let pairs = Pairs { shots: 4, only_windows: 3, only_whole: 0 };
        let counts = Counts { seed_shots: 5, stages, pairs, ..Counts::default() };
        assert_eq!(custom_counts_of(&custom_counts(&counts, 3), 3), counts);
        assert_eq!(
            custom_counts_of(&custom_counts(&counts, 3), 4),
            Counts { stages, pairs, ..Counts::default() }
        );
        assert_eq!(custom_counts_of("nonsense", 3), Counts::default());
    }
}

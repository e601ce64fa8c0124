//! sinter's statistics: the columns of a CSV row, the strong id, and metadata.
//!
//! Formats: sinter's `csv_line` (padded columns), `Task.strong_id` (SHA-256 of a JSON text) and
//! `comma_separated_key_values` (metadata from a file name).

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::formats::python_json::{Separators, python_json};
use crate::input;
use crate::options::postselect::Postselection;
use crate::report::statistics::{
    Counts, ErrorCombos, Metadata, Pairs, SeedShots, StageTotals, Task, TaskName,
};

/// Bytes of a file's digest that metadata has.
const DIGEST_BYTES: usize = 8;

/// sinter's header line, byte for byte.
pub(crate) const HEADER: &str =
    "     shots,    errors,  discards, seconds,decoder,strong_id,json_metadata,custom_counts\n";

/// The columns of [`HEADER`].
pub(crate) const COLUMNS: [&str; 8] =
    ["shots", "errors", "discards", "seconds", "decoder", "strong_id", "json_metadata", "custom_counts"];

/// What the Python package's decoders have before the names of ours, when sinter lists them.
pub(crate) const PLUGIN_PREFIX: &str = "outrider-";

/// sinter's `Task.strong_id()`: `circuit` and `model` as Stim prints them; `None` for a task without a
/// circuit, which sinter itself does not know.
pub(crate) fn strong_id(
    circuit: Option<&str>,
    decoder: &str,
    model: &str,
    postselection: &Postselection,
    metadata: &Metadata,
) -> String {
    let contents = Contents {
        circuit,
        decoder,
        decoder_error_model: model,
        postselection_mask: postselection.detectors.as_deref(),
        json_metadata: Members(metadata),
        postselected_observables_mask: postselection.observables.as_deref(),
    };
    let text = python_json(&contents, Separators::SPACED);
    hex(&Sha256::digest(text.as_bytes()))
}

/// The start of a file's SHA-256, for metadata.
pub(crate) fn file_digest(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = input::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(|error| Error::io("read", path, error))? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    Ok(hex(&hasher.finalize()[..DIGEST_BYTES]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
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
    postselection_mask: Option<&'a [u8]>,
    json_metadata: Members<'a, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postselected_observables_mask: Option<&'a [u8]>,
}

/// Members of an object in the order in which they come.
struct Members<'a, V>(&'a [(String, V)]);

impl<V: Serialize> Serialize for Members<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// The fields sinter would write under [`COLUMNS`], for a task by one of its names. Which shots of its seed a row has is kept in `custom_counts`, and what
/// a pre-decoder did, and how windows compare with whole histories, beside it, where adding rows up (as `sinter combine`
/// does) keeps them right.
pub(crate) fn fields(task: &Task, name: &TaskName, counts: &Counts, seed: u64) -> [String; 8] {
    let seconds = match counts.seconds {
        s if s < 1.0 => format!("{s:.3}"),
        s if s < 10.0 => format!("{s:.2}"),
        s => format!("{s:.1}"),
    };
    let mut metadata = task.metadata.clone();
    metadata.sort_by(|a, b| a.0.cmp(&b.0));
    [
        format!("{:>10}", counts.shots),
        format!("{:>10}", counts.errors),
        format!("{:>10}", counts.discards),
        format!("{seconds:>8}"),
        name.decoder.clone(),
        name.strong_id.clone(),
        python_json(&Members(&metadata), Separators::COMPACT),
        custom_counts(task, counts, seed),
    ]
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

/// What the names of the shots of seeds begin with.
const SEED_KEY: &str = "shots_of_seed_";

/// What the names of the sums of their numbers begin with.
const NUMBERS_KEY: &str = "shot_numbers_of_seed_";

/// Names of what a pre-decoder did.
const STAGE_KEYS: [&str; 4] = ["events", "events_left", "predecode_ns", "decode_ns"];

/// Names of how windows compare with whole histories.
const PAIR_KEYS: [&str; 3] = ["paired_shots", "only_windows", "only_whole"];

fn custom_counts(task: &Task, counts: &Counts, seed: u64) -> String {
    let StageTotals { events, events_left, predecode_ns, decode_ns } = counts.stages;
    let Pairs { shots, only_windows, only_whole } = counts.pairs;
    let stages = STAGE_KEYS.iter().zip([events, events_left, predecode_ns, decode_ns]);
    let pairs = PAIR_KEYS.iter().zip([shots, only_windows, only_whole]);
    let stages = stages.filter(|_| counts.stages != StageTotals::default());
    let pairs = pairs.filter(|_| counts.pairs != Pairs::default());
    let named = |(&key, count): (&&str, u64)| (key.to_owned(), count);
    let SeedShots { shots: of_seed, numbers, .. } = counts.seed_shots;
    let mut members = vec![(format!("{SEED_KEY}{seed}"), of_seed), (format!("{NUMBERS_KEY}{seed}"), numbers)];
    members.extend(stages.map(named).chain(pairs.map(named)));
    let combos = counts.combos.0.iter();
    members.extend(combos.map(|(wrong, &shots)| (combo_name(wrong, task.observables), shots)));
    python_json(&Members(&members), Separators::COMPACT)
}

/// What the names of combinations of wrong observables begin with.
const COMBO_KEY: &str = "obs_mistake_mask=";

/// sinter's name for shots in which these observables were wrong, such as `obs_mistake_mask=E_E__`.
fn combo_name(wrong: &[u32], observables: u32) -> String {
    let marks = (0..observables).map(|observable| if wrong.contains(&observable) { 'E' } else { '_' });
    COMBO_KEY.chars().chain(marks).collect()
}

fn combos_of(counts: &Value) -> ErrorCombos {
    let mut combos = ErrorCombos::default();
    for (key, count) in counts.as_object().into_iter().flatten() {
        if let Some((marks, shots)) = key.strip_prefix(COMBO_KEY).zip(count.as_u64()) {
            let wrong = (0..).zip(marks.chars()).filter(|(_, mark)| *mark == 'E');
            combos.count(wrong.map(|(observable, _)| observable).collect(), shots);
        }
    }
    combos
}

/// The custom counts of a row of `shots`, as far as it has any.
pub(crate) fn custom_counts_of(text: &str, shots: u64, seed: u64) -> Counts {
    let counts: Value = serde_json::from_str(text).unwrap_or_default();
    let find = |key: &str| counts.get(key).and_then(Value::as_u64);
    let count = |key: &str| find(key).unwrap_or(0);
    let [events, events_left, predecode_ns, decode_ns] = STAGE_KEYS.map(count);
    let stages = StageTotals { events, events_left, predecode_ns, decode_ns };
    let [paired, only_windows, only_whole] = PAIR_KEYS.map(count);
    let pairs = Pairs { shots: paired, only_windows, only_whole };
    let of_seed = count(&format!("{SEED_KEY}{seed}"));
    let numbers = find(&format!("{NUMBERS_KEY}{seed}"));
    let names_seeds = counts.as_object().is_some_and(|all| all.keys().any(|key| key.starts_with(SEED_KEY)));
    let seed_shots = SeedShots {
        shots: of_seed,
        numbers: numbers.unwrap_or(0),
        unchecked: of_seed > 0 && numbers.is_none(),
        unnamed: if names_seeds { 0 } else { shots },
    };
    Counts { seed_shots, stages, pairs, combos: combos_of(&counts), ..Counts::default() }
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
        let id = |postselection: &Postselection| {
            strong_id(Some(circuit), "mwpm", "error(0.25) D0 L0", postselection, &metadata)
        };
        let none = id(&Postselection::default());
        assert_eq!(none, "785fc22a16bebcc696b0be79a683df9629138392da413e4d1a6bd98cbe006a43");
        // With postselection_mask=np.uint8([1]), postselected_observables_mask=np.uint8([1]).
        let masks = Postselection { detectors: Some(vec![1]), observables: Some(vec![1]) };
        assert_eq!(id(&masks), "fd9e621cec8fef04b817b7038af12f2f73f1a5b403ca9b9121d5222e380de882");
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
    fn fields_are_padded_as_sinter_pads_them() {
        let task = Task {
            name: TaskName { decoder: "mwpm".to_owned(), strong_id: "abc".to_owned() },
            plugin_name: None,
            metadata: vec![("p".to_owned(), Value::from(0.001)), ("d".to_owned(), Value::from(5))],
            observables: 3,
        };
        let seed_shots = SeedShots::of(0..1000);
        let mut combos = ErrorCombos::default();
        combos.count(vec![0, 2], 7);
        let counts = Counts {
            shots: 1000,
            errors: 7,
            discards: 12,
            combos,
            seconds: 0.1234,
            seed_shots,
            ..Counts::default()
        };
        let custom = r#"{"shots_of_seed_3":1000,"shot_numbers_of_seed_3":499500,"obs_mistake_mask=E_E":7}"#;
        let expected = [
            "      1000",
            "         7",
            "        12",
            "   0.123",
            "mwpm",
            "abc",
            r#"{"d":5,"p":0.001}"#,
            custom,
        ];
        assert_eq!(fields(&task, &task.name, &counts, 3), expected);
    }

    #[test]
    fn custom_counts_read_back() {
        let stages = StageTotals { events: 9, events_left: 2, predecode_ns: 700, decode_ns: u64::MAX };
        let pairs = Pairs { shots: 4, only_windows: 3, only_whole: 0 };
        let mut combos = ErrorCombos::default();
        combos.count(vec![1], 4);
        combos.count(vec![0, 1], 2);
        let counts = Counts { seed_shots: SeedShots::of(10..15), stages, pairs, combos, ..Counts::default() };
        let task = Task {
            name: TaskName { decoder: String::new(), strong_id: String::new() },
            plugin_name: None,
            metadata: Metadata::new(),
            observables: 2,
        };
        let text = custom_counts(&task, &counts, 3);
        assert_eq!(custom_counts_of(&text, 5, 3), counts);
        let others = Counts { seed_shots: SeedShots::default(), ..counts.clone() };
        assert_eq!(custom_counts_of(&text, 5, 4), others);
        let unnamed = SeedShots { unnamed: 5, ..SeedShots::default() };
        let unnamed = Counts { seed_shots: unnamed, ..Counts::default() };
        assert_eq!(custom_counts_of("nonsense", 5, 3), unnamed);
        assert_eq!(custom_counts_of("{}", 5, 3), unnamed);
        let earlier = SeedShots { shots: 5, unchecked: true, ..SeedShots::default() };
        assert_eq!(custom_counts_of("{\"shots_of_seed_3\":5}", 5, 3).seed_shots, earlier);
    }
}

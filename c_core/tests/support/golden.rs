//! The shots of `golden/shots-decoded` with PyMatching's answers; its README says how they were made.

use std::path::PathBuf;

/// One case: a model and its shots.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) model: String,
    /// Packed detection events, one row after another.
    pub(crate) detectors: Vec<u8>,
    /// Whether the one observable really flipped, per shot.
    pub(crate) flipped: Vec<bool>,
    pub(crate) plain: Answers,
    pub(crate) correlated: Answers,
}

/// PyMatching's answers, per shot.
pub(crate) struct Answers {
    pub(crate) flips: Vec<bool>,
    pub(crate) weights: Vec<f64>,
}

pub(crate) const CASES: [&str; 3] = ["x_d3_r3_p010", "x_d5_r5_p005", "z_d7_r7_p004"];

impl Case {
    pub(crate) fn load(name: &'static str) -> Self {
        let folder =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("c_core/tests/golden/shots-decoded").join(name);
        let bytes =
            |file: &str| std::fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"));
        let text = |file: &str| String::from_utf8(bytes(file)).unwrap();
        let answers = |kind: &str| Answers {
            flips: text(&format!("{kind}.01")).lines().map(|line| line == "1").collect(),
            weights: text(&format!("{kind}.weights")).lines().map(|line| line.parse().unwrap()).collect(),
        };
        Self {
            name,
            model: text("model.dem"),
            detectors: bytes("dets.b8"),
            flipped: bytes("obs.b8").iter().map(|&row| row == 1).collect(),
            plain: answers("plain"),
            correlated: answers("correlated"),
        }
    }

    /// The packed rows of the shots.
    pub(crate) fn rows(&self) -> std::slice::ChunksExact<'_, u8> {
        self.detectors.chunks_exact(self.row_bytes())
    }

    pub(crate) fn row_bytes(&self) -> usize {
        self.detectors.len() / self.flipped.len()
    }
}

/// How many of `flips` differ from what really happened.
pub(crate) fn mistakes(flips: &[bool], flipped: &[bool]) -> usize {
    flips.iter().zip(flipped).filter(|(a, b)| a != b).count()
}

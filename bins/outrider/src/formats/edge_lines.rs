//! Edges of single shots as text, one line a shot: weights, `D3-D7:2.5 D9-B:inf`, as `predecode --log-odds-out` writes
//! them, and erasures, `D3-D7 D9-B` (B is the boundary).

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use outrider::{MatchingGraph, Override};

use crate::error::{Error, Result};
use crate::input;

/// Bytes of one line.
const LINE_BYTES_MAX: u64 = 1 << 26;

/// Weights that single shots have.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ShotWeightArgs {
    /// Weights ln((1-p)/p) of edges in single shots, in place of the model's, one line per shot, such as
    /// `D3-D7:-1.5 D9-B:inf` (B is the boundary; inf: no such edge; -inf: certain); what `predecode --log-odds-out`
    /// writes. Weights up to 64 can be held, and larger ones if the model's are large: see --weight-range
    #[arg(long, value_name = "FILE")]
    pub(crate) weights_in: Option<PathBuf>,
    /// Edges that are erased in single shots, and fail with probability 1/2: one line per shot, such as `D3-D7 D9-B`
    #[arg(long, value_name = "FILE")]
    pub(crate) erasures_in: Option<PathBuf>,
}

impl ShotWeightArgs {
    /// Whether there are any.
    pub(crate) fn are_given(&self) -> bool {
        self.weights_in.is_some() || self.erasures_in.is_some()
    }

    /// Opens the files, for shots on this graph.
    pub(crate) fn open(&self, graph: &Arc<MatchingGraph>) -> Result<Option<ShotWeights>> {
        if !self.are_given() {
            return Ok(None);
        }
        let weights = self.weights_in.as_deref().map(|path| Lines::open(path, Kind::Weights));
        let erasures = self.erasures_in.as_deref().map(|path| Lines::open(path, Kind::Erasures));
        let files = [weights, erasures].into_iter().flatten().collect::<Result<_>>()?;
        Ok(Some(ShotWeights { files, graph: Arc::clone(graph) }))
    }
}

/// The files, from which shot after shot takes its lines.
pub(crate) struct ShotWeights {
    files: Vec<Lines>,
    graph: Arc<MatchingGraph>,
}

impl ShotWeights {
    /// The weights of the next shot; the later ones of an edge count.
    pub(crate) fn next(&mut self) -> Result<Vec<Override>> {
        let mut overrides = Vec::new();
        for file in &mut self.files {
            file.read(&self.graph, &mut overrides)?;
        }
        Ok(overrides)
    }

    /// Passes over the lines of shots.
    pub(crate) fn skip(&mut self, shots: u64) -> Result<()> {
        for file in &mut self.files {
            for _ in 0..shots {
                file.line()?;
            }
        }
        Ok(())
    }

    /// Refuses lines of shots that are not there.
    pub(crate) fn require_end(&mut self) -> Result<()> {
        self.files.iter_mut().try_for_each(Lines::require_end)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Weights,
    Erasures,
}

struct Lines {
    input: Box<dyn BufRead + Send>,
    name: PathBuf,
    kind: Kind,
    line: u64,
    text: String,
}

impl Lines {
    fn open(path: &Path, kind: Kind) -> Result<Self> {
        let bytes: Box<dyn Read + Send> =
            if path == Path::new("-") { Box::new(input::stdin()?) } else { Box::new(input::open(path)?) };
        let name = input::name(path).to_owned();
        Ok(Self { input: Box::new(BufReader::new(bytes)), name, kind, line: 0, text: String::new() })
    }

    /// Reads a line into `text`; whether there was one.
    fn read_line(&mut self) -> Result<bool> {
        self.text.clear();
        let read = (&mut self.input).take(LINE_BYTES_MAX).read_line(&mut self.text);
        self.line += 1;
        match read {
            Ok(0) => Ok(false),
            Ok(bytes) if bytes as u64 == LINE_BYTES_MAX => {
                Err(self.bad(format!("a line of more than {LINE_BYTES_MAX} bytes")))
            }
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.bad("the text is not UTF-8"))
            }
            Err(error) => Err(Error::io("read", &self.name, error)),
        }
    }

    fn line(&mut self) -> Result<()> {
        if self.read_line()? {
            return Ok(());
        }
        let (lines, shot) = (self.line - 1, self.line);
        Err(Error::input(
            self.name.display(),
            format!("ends after {lines} lines, before that of shot {shot}"),
        ))
    }

    fn read(&mut self, graph: &MatchingGraph, overrides: &mut Vec<Override>) -> Result<()> {
        self.line()?;
        for word in self.text.split_ascii_whitespace() {
            overrides.push(parse(word, self.kind, graph).map_err(|message| self.bad(message))?);
        }
        Ok(())
    }

    fn require_end(&mut self) -> Result<()> {
        if self.read_line()? {
            let shots = self.line - 1;
            return Err(self.bad(format!("another line after those of all {shots} shots")));
        }
        Ok(())
    }

    fn bad(&self, message: impl std::fmt::Display) -> Error {
        Error::input(format!("{}:{}", self.name.display(), self.line), message)
    }
}

fn parse(word: &str, kind: Kind, graph: &MatchingGraph) -> std::result::Result<Override, String> {
    let malformed = || match kind {
        Kind::Weights => {
            format!("expected an edge and its weight, such as D3-D7:1.5 or D9-B:inf, found {word:?}")
        }
        Kind::Erasures => format!("expected an edge, such as D3-D7 or D9-B, found {word:?}"),
    };
    let (ends, weight) = match kind {
        Kind::Weights => word.split_once(':').ok_or_else(malformed)?,
        Kind::Erasures => (word, "0"),
    };
    let detector = |text: &str| text.strip_prefix('D').and_then(|number| number.parse::<u32>().ok());
    let (node1, node2) = ends.split_once('-').ok_or_else(malformed)?;
    let node1 = detector(node1).ok_or_else(malformed)?;
    let node2 = if node2 == "B" { None } else { Some(detector(node2).ok_or_else(malformed)?) };
    let weight: f64 = weight.parse().ok().filter(|weight: &f64| !weight.is_nan()).ok_or_else(malformed)?;
    let edge = graph.find_edge(node1, node2).ok_or_else(|| format!("the model has no edge {ends}"))?;
    let weight = graph.quantize(weight).map_err(|_| {
        let limit = graph.weight_limit();
        format!("a weight of {weight} is more than {limit:.6}; give a larger --weight-range")
    })?;
    Ok(Override { edge, weight })
}

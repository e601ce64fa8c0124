//! Recorded shots in files that follow each other.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use clap::Args;
use outrider::{DetectorErrorModel, Format, Layout};

use crate::error::{Error, Result};
use crate::input::{self, Batches, Selection, ShotFormat, Truth};
use crate::options::values;

/// The files of detection events and, where they are needed, of observables.
#[derive(Args, Debug)]
pub(crate) struct ShotFileArgs {
    /// Detection events; several files are one after the other; - is standard input
    #[arg(long = "in", value_name = "FILE", num_args = 1.., default_value = "-")]
    pub(crate) input: Vec<PathBuf>,
    /// Format of the detection events [default: by the suffix of each file, or else b8]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    in_format: Option<Format>,
    /// The shots contain their true observables after the detectors
    #[arg(long)]
    in_includes_appended_observables: bool,
    /// True observables, a file for each of --in: for --hold-out and --cross-validate, never to learn from
    #[arg(long, value_name = "FILE", num_args = 1..)]
    obs: Vec<PathBuf>,
    /// Format of the true observables [default: by the suffix of each file, or else 01]
    #[arg(long, value_name = "FORMAT", value_parser = values::format())]
    obs_format: Option<Format>,
}

impl ShotFileArgs {
    /// Refuses files that do not fit together; `is_scored` if shots are read again to be decoded.
    pub(crate) fn require_apart(&self, dem: Option<&Path>, is_scored: bool) -> Result<()> {
        let stdin = Path::new("-");
        let mut inputs = vec![("--dem", dem)];
        inputs.extend(self.input.iter().map(|path| ("--in", Some(path.as_path()))));
        inputs.extend(self.obs.iter().map(|path| ("--obs", Some(path.as_path()))));
        input::require_one_stdin(&inputs)?;
        if !is_scored {
            if !self.obs.is_empty() {
                return Err(Error::Usage("--obs needs --hold-out or --cross-validate".to_owned()));
            }
            return Ok(());
        }
        if self.input.iter().chain(&self.obs).any(|path| path == stdin) {
            return Err(Error::Usage(
                "--hold-out and --cross-validate read the shots twice: give files, not standard input"
                    .to_owned(),
            ));
        }
        if self.obs.is_empty() && !self.in_includes_appended_observables {
            return Err(Error::Usage("--hold-out and --cross-validate need --obs".to_owned()));
        }
        if !self.obs.is_empty() && self.obs.len() != self.input.len() {
            return Err(Error::Usage(format!(
                "--obs: {} files for {} of --in",
                self.obs.len(),
                self.input.len()
            )));
        }
        Ok(())
    }

    /// Opens all files; `with_truth` for the observables too.
    pub(crate) fn open(
        &self,
        model: &DetectorErrorModel,
        selection: Selection,
        with_truth: bool,
    ) -> Result<Batches> {
        let layout = input::layout(model, self.in_includes_appended_observables);
        let observables =
            Layout::observables(usize::try_from(model.observable_count()).unwrap_or(usize::MAX));
        let mut streams = VecDeque::new();
        for (index, path) in self.input.iter().enumerate() {
            let format = ShotFormat::new("--in-format", self.in_format, path, Format::B8);
            let shots = input::shots(path, format, layout)?;
            let truth = match self.obs.get(index).filter(|_| with_truth) {
                Some(path) => {
                    let format = ShotFormat::new("--obs-format", self.obs_format, path, Format::Text01);
                    let source = Box::new(input::shots(path, format, observables)?);
                    Truth::Stream { source, name: path.clone() }
                }
                None if with_truth => Truth::Appended,
                None => Truth::Unknown,
            };
            streams.push_back((shots, truth));
        }
        Ok(Batches::chained(streams, selection))
    }

    /// What errors call the shots.
    pub(crate) fn name(&self) -> &Path {
        // clap gives one at least.
        input::name(self.input.first().map_or(Path::new("-"), PathBuf::as_path))
    }
}

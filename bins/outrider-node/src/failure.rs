//! Why a node program stops, and with which exit code.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use outrider_options::PatchError;
use outrider_stdio::Closed;

use crate::server::ServerError;

/// Why a node did not come up, or did not end in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The command, the configuration or a file that it names is wrong.
    #[error("{0}")]
    Input(String),
    /// The machine failed.
    #[error("{0}")]
    Machine(String),
}

impl Failure {
    /// The exit code of a program that fails so.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) => ExitCode::from(2),
            Self::Machine(_) => ExitCode::from(1),
        }
    }

    /// Says in which file, and where in it, if it was found in one.
    pub(crate) fn within(self, file: Option<&Path>, place: &str) -> Self {
        let named = |message: String| match file {
            Some(file) => format!("{}: {place}{message}", file.display()),
            None => message,
        };
        match self {
            Self::Input(message) => Self::Input(named(message)),
            Self::Machine(message) => Self::Machine(named(message)),
        }
    }
}

impl From<outrider::Error> for Failure {
    fn from(error: outrider::Error) -> Self {
        if error.is_bad_input() { Self::Input(error.to_string()) } else { Self::Machine(error.to_string()) }
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Core(error) => error.into(),
            ServerError::Tls(error) => Self::Input(error.to_string()),
            ServerError::Listen(_, ref source) if source.kind() == ErrorKind::InvalidInput => {
                Self::Input(error.to_string())
            }
            error => Self::Machine(error.to_string()),
        }
    }
}

impl From<PatchError> for Failure {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Core(error) => error.into(),
            error => Self::Input(error.to_string()),
        }
    }
}

impl From<Closed> for Failure {
    fn from(closed: Closed) -> Self {
        Self::Input(closed.to_string())
    }
}

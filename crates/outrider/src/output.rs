use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, io_error};

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file in the same directory, which [`commit`](Self::commit) renames; a dropped
/// `OutputFile` leaves nothing behind and an older file as it was. A name that is a pipe or a device, such as
/// `/dev/null`, is written directly.
///
/// ```
/// use std::io::Write;
/// # let directory = tempfile::tempdir().expect("a temporary directory");
/// # let path = directory.path().join("result.txt");
/// let mut output = outrider::OutputFile::create(&path)?;
/// output.write_all(b"all of it\n")?;
/// assert!(!path.exists());
/// output.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"all of it\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Temporary(BufWriter<NamedTempFile>),
    Direct(BufWriter<File>),
}

impl OutputFile {
    /// Starts a file that will be called `path`; symbolic links are followed.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory does not exist or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let target = open_target(path).map_err(|source| io_error("create", Some(path), source))?;
        Ok(Self { path: path.to_owned(), target })
    }

    /// The name given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is buffered and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Io`]; the temporary file is then gone.
    pub fn commit(self) -> Result<(), Error> {
        let result = match self.target {
            Target::Direct(writer) => writer.into_inner().map(drop).map_err(io::IntoInnerError::into_error),
            Target::Temporary(writer) => {
                let name = followed(&self.path);
                writer
                    .into_inner()
                    .map_err(io::IntoInnerError::into_error)
                    .and_then(|file| file.persist(name).map(drop).map_err(|failure| failure.error))
            }
        };
        result.map_err(|source| io_error("write", Some(&self.path), source))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Temporary(writer) => writer.write(bytes),
            Target::Direct(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Temporary(writer) => writer.flush(),
            Target::Direct(writer) => writer.flush(),
        }
    }
}

fn open_target(path: &Path) -> io::Result<Target> {
    let permissions = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if metadata.is_file() => metadata.permissions(),
        Ok(_) => return Ok(Target::Direct(BufWriter::new(File::options().write(true).open(path)?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Permissions::from_mode(NEW_FILE_MODE),
        Err(error) => return Err(error),
    };
    let name = followed(path);
    let directory = match name.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let file =
        tempfile::Builder::new().prefix(".outrider-").permissions(permissions).tempfile_in(directory)?;
    Ok(Target::Temporary(BufWriter::new(file)))
}

/// The file that `path` names after symbolic links, or `path` itself if there is none yet.
fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What `open` gives to new files before the umask.
const NEW_FILE_MODE: u32 = 0o666;

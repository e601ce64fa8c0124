use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

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
    writer: BufWriter<File>,
    /// The name until the commit; none for a pipe or a device.
    temporary: Option<TempPath>,
}

impl OutputFile {
    /// Starts a file that will be called `path`; symbolic links are followed.
    ///
    /// # Errors
    /// [`Error::Io`] if the directory does not exist or cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let (file, temporary) = open(path).map_err(|source| io_error("create", Some(path), source))?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(file), temporary })
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
        let Self { path, writer, temporary } = self;
        let result =
            writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|_| match temporary {
                Some(temporary) => temporary.persist(followed(&path)).map_err(|failure| failure.error),
                None => Ok(()),
            });
        result.map_err(|source| io_error("write", Some(&path), source))
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn open(path: &Path) -> io::Result<(File, Option<TempPath>)> {
    let permissions = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if metadata.is_file() => metadata.permissions(),
        Ok(_) => return Ok((File::options().write(true).open(path)?, None)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Permissions::from_mode(NEW_FILE_MODE),
        Err(error) => return Err(error),
    };
    let name = followed(path);
    let directory = match name.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // A missing directory is told in the system's own words, without the temporary name.
    fs::metadata(directory)?;
    let file =
        tempfile::Builder::new().prefix(".outrider-").permissions(permissions).tempfile_in(directory)?;
    // In parts, because the whole would put the temporary name into every message about a full disk.
    let (file, temporary) = file.into_parts();
    Ok((file, Some(temporary)))
}

/// The file that `path` names after symbolic links, or `path` itself if there is none yet.
fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What `open` gives to new files before the umask.
const NEW_FILE_MODE: u32 = 0o666;

//! Files that appear under their names only when they are complete.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::error::{Error, Result};

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary file in the same directory, which [`commit`](Self::commit) renames; a dropped
/// `OutputFile` leaves nothing behind and an older file as it was. A name that is a pipe or a device, such as
/// `/dev/null`, is written directly.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    writer: BufWriter<File>,
    /// The name until the commit; none for a pipe or a device.
    temporary: Option<TempPath>,
}

impl OutputFile {
    /// Starts a file that will be called `path`; symbolic links are followed.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let (file, temporary) = open(path).map_err(|source| Error::io("create", path, source))?;
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(file), temporary })
    }

    /// The name given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is buffered and gives the file its name; after a failure the temporary file is gone.
    pub(crate) fn commit(self) -> Result<()> {
        let Self { path, writer, temporary } = self;
        let result =
            writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|_| match temporary {
                Some(temporary) => temporary.persist(followed(&path)).map_err(|failure| failure.error),
                None => Ok(()),
            });
        result.map_err(|source| Error::io("write", &path, source))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::ExitCode;

    #[test]
    fn nothing_is_left_without_commit() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("out.txt");
        let mut output = OutputFile::create(&path).expect("the directory is writable");
        output.write_all(b"half").expect("the disk has room");
        output.flush().expect("the disk has room");
        assert!(!path.exists());
        drop(output);
        assert_eq!(names(directory.path()), Vec::<String>::new());
    }

    #[test]
    fn an_older_file_stays_until_commit_and_keeps_its_mode() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("out.txt");
        fs::write(&path, "old").expect("the directory is writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("it is ours");
        let mut output = OutputFile::create(&path).expect("the directory is writable");
        output.write_all(b"new").expect("the disk has room");
        assert_eq!(fs::read(&path).expect("the older file"), b"old");
        output.commit().expect("the rename works");
        assert_eq!(fs::read(&path).expect("the newer file"), b"new");
        assert_eq!(fs::metadata(&path).expect("the newer file").permissions().mode() & 0o777, 0o640);
        assert_eq!(names(directory.path()), ["out.txt"]);
    }

    #[test]
    fn a_new_file_has_the_mode_of_any_new_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (ours, plain) = (directory.path().join("ours"), directory.path().join("plain"));
        OutputFile::create(&ours).and_then(OutputFile::commit).expect("the directory is writable");
        fs::write(&plain, "").expect("the directory is writable");
        let mode = |path: &Path| fs::metadata(path).expect("just written").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn links_are_followed_and_devices_written_directly() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (target, link) = (directory.path().join("target"), directory.path().join("link"));
        fs::write(&target, "old").expect("the directory is writable");
        symlink(&target, &link).expect("the directory is writable");
        let mut output = OutputFile::create(&link).expect("the directory is writable");
        output.write_all(b"new").expect("the disk has room");
        output.commit().expect("the rename works");
        assert!(fs::symlink_metadata(&link).expect("the link").file_type().is_symlink());
        assert_eq!(fs::read(&target).expect("the target"), b"new");

        let mut null = OutputFile::create(Path::new("/dev/null")).expect("a device");
        null.write_all(b"gone").expect("it takes everything");
        null.commit().expect("nothing to rename");
        assert!(!fs::metadata("/dev/null").expect("still there").is_file());
    }

    #[test]
    fn wrong_names_are_errors() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for path in [directory.path().to_owned(), directory.path().join("missing/out.txt")] {
            let error = OutputFile::create(&path).expect_err("no file can be made there");
            assert!(error.to_string().starts_with(&format!("{}: cannot create", path.display())), "{error}");
            assert_eq!(error.exit_code(), ExitCode::from(2));
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("the directory is readable");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

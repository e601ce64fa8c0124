//! One output with a path: a plain file that appears when it is complete, or whatever else the path names.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::output::destination::Destination;
use crate::output::unfinished::Unfinished;

/// An output with a path.
///
/// Bytes of a plain file go to a temporary file in the same folder, which [`commit`](Self::commit) renames; a dropped
/// `OutputFile` leaves nothing behind and an older file as it was. What is no plain file of its own, see
/// [`Destination`], is written directly.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: PathBuf,
    writer: BufWriter<Target>,
    unfinished: Option<Unfinished>,
}

/// An open file, and whether older bytes in it go when the first new ones come.
#[derive(Debug)]
struct Target {
    file: File,
    to_be_emptied: bool,
}

impl OutputFile {
    /// Starts a file that will be called `path`. All that can be found wrong with the path is found here.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let destination = Destination::open(path).map_err(|source| Error::io("create", path, source))?;
        let (target, unfinished) = match destination {
            Destination::Descriptor(file) => (Target { file, to_be_emptied: false }, None),
            Destination::InPlace(file) => (Target { file, to_be_emptied: true }, None),
            Destination::Replaced(file, unfinished) => {
                (Target { file, to_be_emptied: false }, Some(unfinished))
            }
        };
        Ok(Self { path: path.to_owned(), writer: BufWriter::new(target), unfinished })
    }

    /// The name given.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is buffered, to the disk where it is a file to be renamed.
    pub(crate) fn complete(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        let target = self.writer.get_mut();
        target.empty()?;
        if self.unfinished.is_some() { target.file.sync_all() } else { Ok(()) }
    }

    /// Completes the file and gives it its name; after a failure the temporary file is gone.
    pub(crate) fn commit(mut self) -> Result<()> {
        let completed = self.complete();
        let named = completed.and_then(|()| self.unfinished.map_or(Ok(()), Unfinished::finish));
        named.map_err(|source| Error::io("write", &self.path, source))
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

impl Target {
    fn empty(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.to_be_emptied) && self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        Ok(())
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.empty()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::ExitCode;

    use super::*;

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
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("it is ours");
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
    fn a_link_to_nothing_yet_makes_its_target() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(directory.path().join("there")).expect("the directory is writable");
        let link = directory.path().join("link");
        symlink("there/target", &link).expect("the directory is writable");
        write(&link, b"new");
        assert!(fs::symlink_metadata(&link).expect("the link").file_type().is_symlink());
        assert_eq!(fs::read(directory.path().join("there/target")).expect("the target"), b"new");
        assert_eq!(names(&directory.path().join("there")), ["target"]);
    }

    #[test]
    fn other_names_of_a_file_see_the_new_bytes() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (path, other) = (directory.path().join("out.txt"), directory.path().join("other"));
        fs::write(&path, "older and longer").expect("the directory is writable");
        fs::hard_link(&path, &other).expect("the directory is writable");
        write(&path, b"new");
        assert_eq!(fs::read(&other).expect("the other name"), b"new");
        write(&path, b"");
        assert_eq!(fs::read(&other).expect("the other name"), b"");
    }

    #[test]
    fn a_file_in_place_keeps_its_bytes_until_the_first_new_one() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("out.txt");
        fs::write(&path, "old").expect("the directory is writable");
        fs::hard_link(&path, directory.path().join("other")).expect("the directory is writable");
        drop(OutputFile::create(&path).expect("the file is ours"));
        assert_eq!(fs::read(&path).expect("the file"), b"old");
    }

    #[test]
    fn what_takes_the_name_meanwhile_is_not_overwritten() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (path, precious) = (directory.path().join("out.txt"), directory.path().join("precious"));
        fs::write(&precious, "precious").expect("the directory is writable");
        let mut output = OutputFile::create(&path).expect("the directory is writable");
        output.write_all(b"new").expect("the disk has room");
        symlink(&precious, &path).expect("the directory is writable");
        let error = output.commit().expect_err("a link has the name");
        assert!(error.to_string().starts_with(&format!("{}: cannot write", path.display())), "{error}");
        assert_eq!(fs::read(&precious).expect("the target"), b"precious");
        assert_eq!(names(directory.path()), ["out.txt", "precious"]);
    }

    #[test]
    fn a_folder_that_moves_takes_the_file_with_it() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (first, second) = (directory.path().join("first"), directory.path().join("second"));
        fs::create_dir(&first).expect("the directory is writable");
        let output = OutputFile::create(&first.join("out.txt")).expect("the directory is writable");
        fs::rename(&first, &second).expect("the directory is writable");
        fs::create_dir(&first).expect("the directory is writable");
        output.commit().expect("the folder is still there");
        assert_eq!((names(&first), names(&second)), (Vec::new(), vec!["out.txt".to_owned()]));
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

    fn write(path: &Path, bytes: &[u8]) {
        let mut output = OutputFile::create(path).expect("the directory is writable");
        output.write_all(bytes).expect("the disk has room");
        output.commit().expect("nothing is in the way");
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("the directory is readable");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<String> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

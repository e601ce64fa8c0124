//! An output file appears complete or not at all.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use outrider::OutputFile;

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

    let mut null = OutputFile::create("/dev/null").expect("a device");
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
        assert!(error.is_bad_input());
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory is readable");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

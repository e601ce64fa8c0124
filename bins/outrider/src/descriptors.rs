//! Paths that name descriptors of this program, such as `/dev/stdout`.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

use outrider_stdio::{Stream, require_open};

/// Symbolic links on the way to a file, as in Linux.
pub(crate) const LINKS_MAX: usize = 40;

/// Number of the descriptor of this program that a path names, such as `/dev/stdout` or `/proc/self/fd/3`, also through
/// links.
pub(crate) fn descriptor_number(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let (folder, name) = parts(&path).ok()?;
        if is_descriptor_folder(&fs::canonicalize(folder).ok()?) {
            return name.to_str()?.parse().ok();
        }
        path = folder.join(fs::read_link(&path).ok()?);
    }
    None
}

/// Refuses a path that names a standard stream which was closed when the program was started: what is open there now is
/// not the user's.
pub(crate) fn require_open_path(path: &Path) -> io::Result<()> {
    match descriptor_number(path).and_then(Stream::of_descriptor) {
        Some(stream) => Ok(require_open(stream)?),
        None => Ok(()),
    }
}

/// Whether the names in a folder are the numbers of this program's descriptors.
pub(crate) fn is_descriptor_folder(folder: &Path) -> bool {
    let own = Path::new("/proc").join(std::process::id().to_string());
    folder == Path::new("/dev/fd") || (folder.starts_with(own) && folder.ends_with("fd"))
}

/// The folder and the last name of a path; a path that ends in `/`, `.` or `..` names a folder.
pub(crate) fn parts(path: &Path) -> io::Result<(&Path, &OsStr)> {
    if path.as_os_str().is_empty() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let bytes = path.as_os_str().as_bytes();
    match path.components().next_back() {
        Some(Component::Normal(name)) if !bytes.ends_with(b"/") && !bytes.ends_with(b"/.") => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            Ok((folder.unwrap_or_else(|| Path::new(".")), name))
        }
        _ => Err(io::ErrorKind::IsADirectory.into()),
    }
}

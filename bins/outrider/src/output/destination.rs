//! Where the bytes of an output go: decided once, when it is opened, as `cat >` would decide it.
//!
//! A plain file is replaced as a whole when it is complete. Everything else is written in place: an open descriptor, a
//! pipe, a device, a file with other names, owners or a mount of its own, and one in a folder that takes no other file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use outrider_stdio::{Stream, require_open};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fchmod, openat, statat};

use crate::descriptors::{LINKS_MAX, is_descriptor_folder, parts};
use crate::output::unfinished::Unfinished;

/// What `open` gives to new files before the umask.
const NEW_FILE_MODE: u32 = 0o666;

/// Permission bits of a mode.
const PERMISSIONS: u32 = 0o7777;

/// What an output is written to.
#[derive(Debug)]
pub(super) enum Destination {
    /// Where a descriptor of the program stands.
    Descriptor(File),
    /// A file, a pipe or a device as it is. A file is emptied by whoever writes its first byte.
    InPlace(File),
    /// A temporary file in the folder of a plain file, to be renamed to it.
    Replaced(File, Unfinished),
}

impl Destination {
    /// Finds out what `path` names and opens it; nothing that stands there changes.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            match step(&path)? {
                Step::Found(destination) => return Ok(destination),
                Step::Link(target) => path = target,
            }
        }
        Err(rustix::io::Errno::LOOP.into())
    }
}

enum Step {
    Found(Destination),
    Link(PathBuf),
}

fn step(path: &Path) -> io::Result<Step> {
    let (folder, name) = parts(path)?;
    if let Some(destination) = descriptor(folder, name)? {
        return Ok(Step::Found(destination));
    }
    // The system's own words for a folder that is missing or closed to us.
    let opened = open_folder(folder)?;
    let stat = match statat(&opened, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(rustix::io::Errno::NOENT) => {
            let (file, unfinished) = temporary(opened, name, None)?;
            return Ok(Step::Found(Destination::Replaced(file, unfinished)));
        }
        Err(error) => return Err(error.into()),
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Err(io::ErrorKind::IsADirectory.into()),
        FileType::Symlink if is_magic(folder) => {
            Ok(Step::Found(Destination::InPlace(File::options().write(true).open(path)?)))
        }
        FileType::Symlink => {
            // The system may refuse to follow a link that somebody else has put into a shared folder.
            match fs::metadata(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(Step::Link(folder.join(fs::read_link(path)?))),
            }
        }
        FileType::RegularFile => plain_file(path, opened, name).map(Step::Found),
        _ => Ok(Step::Found(Destination::InPlace(File::options().write(true).open(path)?))),
    }
}

/// A file that is there: to be replaced, if its replacement would differ from it in nothing but its bytes.
fn plain_file(path: &Path, folder: OwnedFd, name: &OsStr) -> io::Result<Destination> {
    let there = File::options().write(true).open(path)?;
    let metadata = there.metadata()?;
    if !metadata.is_file() || metadata.nlink() > 1 || is_mount(&there) {
        return Ok(Destination::InPlace(there));
    }
    let (file, unfinished) = match temporary(folder, name, Some(metadata.mode() & PERMISSIONS)) {
        Ok(temporary) => temporary,
        Err(error) if takes_no_file(&error) => return Ok(Destination::InPlace(there)),
        // A full or failing disk is no reason to put an older file at risk.
        Err(error) => return Err(error),
    };
    let replacement = file.metadata()?;
    if (replacement.uid(), replacement.gid()) != (metadata.uid(), metadata.gid()) {
        return Ok(Destination::InPlace(there));
    }
    Ok(Destination::Replaced(file, unfinished))
}

/// Whether a folder refused a file for what it is, not for the state of its disk.
fn takes_no_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// A new file beside the one called `name`, with permissions of its own or those of any new file.
fn temporary(folder: OwnedFd, name: &OsStr, permissions: Option<u32>) -> io::Result<(File, Unfinished)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(if permissions.is_some() { 0o600 } else { NEW_FILE_MODE });
    let unfinished = Unfinished::create(folder, name, |folder, temporary| {
        openat(folder, temporary, flags, mode).map_err(io::Error::from)
    });
    let (file, unfinished) = unfinished?;
    if let Some(permissions) = permissions {
        fchmod(&file, Mode::from_raw_mode(permissions))?;
    }
    Ok((File::from(file), unfinished))
}

fn open_folder(folder: &Path) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    let access = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let access = OFlags::RDONLY;
    let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::empty())?)
}

fn descriptor(folder: &Path, name: &OsStr) -> io::Result<Option<Destination>> {
    let Ok(folder) = fs::canonicalize(folder) else { return Ok(None) };
    let number = name.to_str().and_then(|name| name.parse().ok());
    let Some(number) = number.filter(|_| is_descriptor_folder(&folder)) else { return Ok(None) };
    if let Some(stream) = u32::try_from(number).ok().and_then(Stream::of_descriptor) {
        require_open(stream)?;
    }
    let path = folder.join(name);
    let file = match number {
        1 => File::from(io::stdout().as_fd().try_clone_to_owned()?),
        2 => File::from(io::stderr().as_fd().try_clone_to_owned()?),
        _ => duplicate(number, &path)?,
    };
    Ok(Some(Destination::Descriptor(file)))
}

/// Another descriptor of what one of our own stands at, with the same position in it.
#[cfg(target_os = "linux")]
fn duplicate(number: i32, path: &Path) -> io::Result<File> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
    // What has no position can as well be opened anew.
    let kind = fs::metadata(path)?.file_type();
    if kind.is_fifo() || kind.is_char_device() {
        return File::options().write(true).open(path);
    }
    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    Ok(File::from(pidfd_getfd(process, number, PidfdGetfdFlags::empty())?))
}

/// Elsewhere opening a descriptor by its name is duplicating it.
#[cfg(not(target_os = "linux"))]
fn duplicate(_number: i32, path: &Path) -> io::Result<File> {
    File::options().write(true).open(path)
}

/// Whether the links in a folder lead where their texts do not.
fn is_magic(folder: &Path) -> bool {
    fs::canonicalize(folder).is_ok_and(|folder| folder.starts_with("/proc"))
}

/// Whether a file is mounted by itself, so that its name cannot be given to another one.
#[cfg(target_os = "linux")]
fn is_mount(file: &File) -> bool {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

#[cfg(not(target_os = "linux"))]
fn is_mount(_file: &File) -> bool {
    false
}

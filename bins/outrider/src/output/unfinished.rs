//! Temporary files: each is renamed when it is complete, or gone, also after a signal that ends the program.

use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fsync, openat, renameat, statat, unlinkat};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

/// Names that are tried for a temporary file.
const ATTEMPTS: usize = 16;

/// All of them.
static UNFINISHED: Mutex<Vec<Arc<Place>>> = Mutex::new(Vec::new());

/// Set by the first signal for a program that ends by itself then.
static STOP: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// A temporary file and the name that it is to get, in one folder.
#[derive(Debug)]
struct Place {
    folder: OwnedFd,
    temporary: OsString,
    name: OsString,
}

/// A file without its name yet; gone when dropped.
#[derive(Debug)]
pub(super) struct Unfinished(Arc<Place>);

impl Unfinished {
    /// Lets `create` make a file under a name that is not there, in `folder`, to be called `name`.
    pub(super) fn create<F>(
        folder: OwnedFd,
        name: &OsStr,
        create: impl Fn(&OwnedFd, &OsStr) -> io::Result<F>,
    ) -> io::Result<(F, Self)> {
        watch_signals()?;
        // Whoever removes files after a signal waits for this.
        let mut unfinished = lock(&UNFINISHED);
        for _ in 0..ATTEMPTS {
            let temporary =
                OsString::from(format!(".outrider-{:016x}", RandomState::new().hash_one(ATTEMPTS)));
            match create(&folder, &temporary) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    let place = Arc::new(Place { folder, temporary, name: name.to_owned() });
                    unfinished.push(Arc::clone(&place));
                    return Ok((file, Self(place)));
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Gives the file its name, in the folder as it was found, over a plain file or nothing.
    pub(super) fn finish(self) -> io::Result<()> {
        let Place { folder, temporary, name } = &*self.0;
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
                return Err(io::Error::other(
                    "something that is not a plain file has taken the name meanwhile",
                ));
            }
            Ok(_) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        renameat(folder, temporary, folder, name)?;
        forget(&self.0);
        // A folder that cannot be read or synced keeps the name as well as it can.
        if let Ok(folder) =
            openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        {
            let _ = fsync(folder);
        }
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if forget(&self.0) {
            // There is nobody left to hear of it.
            let _ = unlinkat(&self.0.folder, &self.0.temporary, AtFlags::empty());
        }
    }
}

/// Whether it was there.
fn forget(place: &Arc<Place>) -> bool {
    let mut unfinished = lock(&UNFINISHED);
    let index = unfinished.iter().position(|other| Arc::ptr_eq(other, place));
    index.map(|index| unfinished.swap_remove(index)).is_some()
}

/// The flag that the first SIGINT or SIGTERM sets from now on, for a program that then ends by itself. The second one
/// ends it.
pub(crate) fn stop_flag() -> io::Result<Arc<AtomicBool>> {
    watch_signals()?;
    Ok(Arc::clone(lock(&STOP).get_or_insert_default()))
}

/// Starts a thread that removes temporary files before a signal ends the program. A full quota of bytes is an error of
/// the write from then on, not a signal that kills.
fn watch_signals() -> io::Result<()> {
    static STARTED: Once = Once::new();
    let mut outcome = Ok(());
    STARTED.call_once(|| outcome = start_watching());
    outcome
}

fn start_watching() -> io::Result<()> {
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    let watched = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|&signal| !is_ignored(signal));
    let mut signals = Signals::new(watched)?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let stop = lock(&STOP).clone().filter(|_| signal != SIGHUP);
            if stop.is_none_or(|stop| stop.swap(true, Ordering::SeqCst)) {
                end(signal);
            }
        }
    })?;
    Ok(())
}

fn end(signal: i32) {
    // Held to the end: nothing is begun or finished meanwhile.
    let unfinished = lock(&UNFINISHED);
    for place in unfinished.iter() {
        let _ = unlinkat(&place.folder, &place.temporary, AtFlags::empty());
    }
    if signal_hook::low_level::emulate_default_handler(signal).is_err() {
        std::process::exit(128 + signal);
    }
}

/// Whether whoever started the program wants it to outlive a signal, as `nohup` does.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return signal == SIGHUP };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The live view of a stream: on stderr, and only when that is a terminal. A thread of its own draws it, so that the
//! stream never waits for a terminal.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use indicatif::{ProgressBar, ProgressStyle};

use crate::stream::snapshot::Snapshot;

/// Shows snapshots in a few lines, each in the place of the one before.
pub(crate) struct LiveView {
    drawer: Option<(SyncSender<String>, JoinHandle<()>)>,
}

impl LiveView {
    /// A view, if there is a terminal for it.
    pub(crate) fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if bar.is_hidden() {
            return Self { drawer: None };
        }
        // The template is a constant.
        bar.set_style(
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        let (sender, texts) = sync_channel::<String>(1);
        let drawer = thread::Builder::new().name("live view".to_owned()).spawn(move || {
            for text in texts {
                bar.set_message(text);
                bar.tick();
            }
            bar.finish_and_clear();
        });
        // Without a thread there is no view, which is no reason not to decode.
        Self { drawer: drawer.ok().map(|drawer| (sender, drawer)) }
    }

    /// Whether there is a terminal.
    pub(crate) fn is_shown(&self) -> bool {
        self.drawer.is_some()
    }

    /// Shows a snapshot, unless the terminal has not yet taken the last one.
    pub(crate) fn show(&self, snapshot: &Snapshot) {
        if let (Some((sender, _)), Some(text)) = (&self.drawer, snapshot.text()) {
            // A full channel means that the terminal is slow.
            let _ = sender.try_send(text);
        }
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        if let Some((sender, drawer)) = self.drawer.take() {
            drop(sender);
            // What a panicking drawer had to say was on the terminal.
            let _ = drawer.join();
        }
    }
}

//! Tasks for those who have called and not yet shown that they mean it.

use std::collections::VecDeque;
use std::future::Future;

use tokio::task::AbortHandle;

/// Up to so many tasks. If there are more, the oldest makes room: whoever is slow, or sends nothing at all, locks nobody
/// out who is quick.
pub(crate) struct TaskLimit {
    tasks: VecDeque<AbortHandle>,
    most: usize,
}

impl TaskLimit {
    /// Room for so many.
    pub(crate) fn new(most: usize) -> Self {
        Self { tasks: VecDeque::with_capacity(most), most }
    }

    /// Runs a task. Tells whether another had to go for it.
    pub(crate) fn admit(&mut self, task: impl Future<Output = ()> + Send + 'static) -> bool {
        self.tasks.retain(|task| !task.is_finished());
        let is_full = self.tasks.len() == self.most;
        if is_full && let Some(oldest) = self.tasks.pop_front() {
            oldest.abort();
        }
        self.tasks.push_back(tokio::spawn(task).abort_handle());
        is_full
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::sync::oneshot;
    use tokio::task::yield_now;

    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        Builder::new_current_thread().build().unwrap().block_on(async {
            let mut guests = TaskLimit::new(2);
            let mut admit = || {
                let (hold, end) = oneshot::channel::<()>();
                let is_full = guests.admit(async move { drop(end.await) });
                (hold, is_full)
            };
            let ((first, _), (second, is_full)) = (admit(), admit());
            assert!(!is_full);
            let (third, is_full) = admit();
            yield_now().await;
            assert!(is_full && first.is_closed() && !second.is_closed() && !third.is_closed());
            // One that has ended has made room already.
            drop(second);
            yield_now().await;
            assert!(!admit().1 && !third.is_closed());
        });
    }
}

//! Threads that relay, one a processor, each with a runtime of its own.
//!
//! What belongs to one connection happens on one thread, so that nothing has to be woken across threads: on a runtime that
//! shares its tasks that costs a short connection more system calls than its bytes do.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;

/// Ends the threads, and with them all that they relay, when it is dropped: every socket is closed then, so that a
/// successor in the same process can bind what this one had.
pub(crate) struct Threads {
    stops: Vec<oneshot::Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            // A panic of a thread was told when it happened.
            let _ended = thread.join();
        }
    }
}

/// Tasks on their way to a thread.
const TASKS: usize = 256;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where to spawn.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    workers: Arc<[Worker]>,
    next: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    /// Tasks from other threads: only the first of several wakes this one, which `Handle::spawn` does each time.
    tasks: Sender<Task>,
    /// Connections.
    active: AtomicUsize,
}

/// One of the workers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

impl Workers {
    pub(crate) fn start() -> (Threads, Self) {
        let count = std::thread::available_parallelism().map_or(1, Into::into);
        let (mut stops, mut threads, mut workers) = (Vec::new(), Vec::new(), Vec::new());
        for (stop, thread, worker) in (0..count).map(start) {
            stops.push(stop);
            threads.push(thread);
            workers.push(worker);
        }
        let workers = Self {
            workers: workers.into(),
            next: Arc::default(),
        };
        (Threads { stops, threads }, workers)
    }

    /// Where the next frontend is at home: they take turns.
    pub(crate) fn home(&self) -> Place {
        Place(self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len())
    }

    pub(crate) fn handle(&self, place: Place) -> &Handle {
        &self.workers[place.0].handle
    }

    /// Spawns a task on another thread than this one; on this one if that has too many before it.
    pub(crate) fn send(&self, place: Place, task: impl Future<Output = ()> + Send + 'static) {
        if let Err(TrySendError::Full(task)) = self.workers[place.0].tasks.try_send(Box::pin(task))
        {
            tokio::spawn(task);
        }
    }

    /// Takes a place for a connection.
    pub(crate) fn take(&self, place: Place) -> Taken {
        self.active(place).fetch_add(1, Ordering::Relaxed);
        Taken {
            place,
            workers: self.clone(),
        }
    }

    /// Where there are fewest connections; this place if one more there is as good.
    pub(crate) fn emptiest(&self, place: Place) -> Place {
        let active = |place: Place| self.active(place).load(Ordering::Relaxed);
        let all = (0..self.workers.len()).map(Place);
        let least = all.min_by_key(|other| active(*other)).unwrap_or(place);
        if active(place) <= active(least) {
            place
        } else {
            least
        }
    }

    fn active(&self, place: Place) -> &AtomicUsize {
        &self.workers[place.0].active
    }
}

/// A connection's place while it lives.
pub(crate) struct Taken {
    pub(crate) place: Place,
    workers: Workers,
}

impl Taken {
    /// Another place where this connection would be one of fewer.
    pub(crate) fn better(&self) -> Option<Place> {
        let own = self.workers.active(self.place).load(Ordering::Relaxed);
        let other = self.workers.emptiest(self.place);
        let there = self.workers.active(other).load(Ordering::Relaxed);
        (own > there + 1).then_some(other)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.workers
            .active(self.place)
            .fetch_sub(1, Ordering::Relaxed);
    }
}

fn start(number: usize) -> (oneshot::Sender<()>, JoinHandle<()>, Worker) {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("at the start there are descriptors left");
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let (tasks, mut sent) = channel::<Task>(TASKS);
    let thread = std::thread::Builder::new().name(format!("relay-{number}"));
    let relaying = thread.spawn(move || {
        runtime.spawn(async move {
            while let Some(task) = sent.recv().await {
                tokio::spawn(task);
            }
        });
        // Nobody sends: it ends when the sender is dropped.
        let _dropped = runtime.block_on(stopped);
    });
    let relaying = relaying.expect("at the start there is room for a thread a processor");
    let active = AtomicUsize::new(0);
    let worker = Worker {
        handle,
        tasks,
        active,
    };
    (stop, relaying, worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frontends_take_turns_and_connections_go_where_there_are_fewest() {
        let (_threads, workers) = Workers::start();
        let count = workers.workers.len();
        let homes: Vec<_> = (0..count).map(|_| workers.home()).collect();
        assert!((0..count).all(|number| homes.contains(&Place(number))));
        let home = homes[count - 1];
        assert_eq!(workers.emptiest(home), home, "it is as good as any");
        let taken: Vec<_> = (0..count)
            .map(|_| workers.take(workers.emptiest(home)))
            .collect();
        assert!((0..count).all(|number| taken.iter().any(|taken| taken.place == Place(number))));
        drop(taken);
        assert_eq!(workers.emptiest(home), home);
    }

    #[test]
    fn a_connection_moves_only_to_where_it_is_one_of_fewer() {
        let (_threads, workers) = Workers::start();
        let home = workers.home();
        let one = workers.take(home);
        assert_eq!(one.better(), None, "it is alone");
        let another = workers.take(home);
        let can_move = workers.workers.len() > 1;
        assert_eq!(another.better().is_some(), can_move);
        drop(one);
        assert_eq!(another.better(), None, "it is alone again");
    }
}

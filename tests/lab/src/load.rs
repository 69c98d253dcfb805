//! Clients that never stop asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use crate::client::DEADLINE;
use crate::{Ask, Namespace, Outcome};

/// A pause between two questions: load enough to meet every change, little enough for a machine shared with others.
const PAUSE: Duration = Duration::from_millis(2);

/// One client that asks, a new connection each time, until it is told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    task: JoinHandle<Vec<Outcome>>,
}

impl Load {
    /// Starts one on a machine.
    pub fn start(machine: &Namespace, ask: Ask) -> Self {
        let (stop, asked) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (stopped, counter) = (Arc::clone(&stop), Arc::clone(&asked));
        let task = machine.spawn(async move {
            let mut failures = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                let outcome = ask.ask().await;
                if !matches!(outcome, Outcome::Answered(_)) {
                    failures.push(outcome);
                }
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PAUSE).await;
            }
            failures
        });
        Self { stop, asked, task }
    }

    /// Waits until it has asked that many times more.
    pub fn go_on(&self, times: u64) {
        let until = self.asked.load(Ordering::Relaxed) + times;
        let deadline = Instant::now() + DEADLINE;
        while self.asked.load(Ordering::Relaxed) < until {
            assert!(Instant::now() < deadline, "the load goes on");
            std::thread::sleep(PAUSE);
        }
    }

    /// Ends it; whatever went wrong.
    pub fn stop(self, machine: &Namespace) -> Vec<Outcome> {
        self.stop.store(true, Ordering::Relaxed);
        machine.join(self.task)
    }
}

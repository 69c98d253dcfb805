//! Steady traffic, and what became of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::get;

/// Pause between two requests of one client.
const PAUSE: Duration = Duration::from_millis(2);

/// Answers and failures.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Per answer: how often, and when last.
    pub answers: BTreeMap<String, (usize, Option<Instant>)>,
    /// When, and what.
    pub failures: Vec<(Instant, String)>,
}

/// Clients that ask one address again and again, each request over a connection of its own.
pub struct Load {
    stop: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts some clients.
    pub fn start(address: SocketAddr, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let clients = (0..clients).map(|_| {
            let (stop, tally) = (stop.clone(), tally.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    note(&tally, get(address, "/"));
                    std::thread::sleep(PAUSE);
                }
            })
        });
        let clients = clients.collect();
        Self {
            stop,
            tally,
            clients,
        }
    }

    /// What became of the requests so far.
    pub fn tally(&self) -> Tally {
        self.tally.lock().expect("no client panics").clone()
    }

    /// Ends the traffic.
    pub fn stop(mut self) -> Tally {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.join().expect("no client panics");
        }
        self.tally()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn note(tally: &Mutex<Tally>, answer: std::io::Result<String>) {
    let (now, mut tally) = (Instant::now(), tally.lock().expect("no client panics"));
    match answer {
        Ok(answer) => {
            let entry = tally.answers.entry(answer).or_default();
            *entry = (entry.0 + 1, Some(now));
        }
        Err(error) => tally.failures.push((now, error.to_string())),
    }
}

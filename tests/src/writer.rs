//! A client that writes all the time, and what it was promised.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portolan_proto::v1;
use tonic::Code;

use crate::api::{Services, block_on, service, virtual_ip};
use crate::{Server, eventually, holds};

/// Between two writes.
const PAUSE: Duration = Duration::from_millis(5);

/// Creates Services, one after the other, whatever becomes of each.
pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<Mutex<Written>>,
    thread: JoinHandle<()>,
}

/// What became of the writes.
#[derive(Clone, Default)]
pub struct Written {
    /// What the server answered, and when it was asked.
    pub acknowledged: Vec<(v1::Service, Instant, Duration)>,
    /// Codes, and how long they took.
    pub refused: Vec<(Code, Duration)>,
}

impl Writer {
    /// Starts to write; all names begin the same.
    pub fn start(server: &Server<'_>, prefix: &str) -> Self {
        let stop: Arc<AtomicBool> = Arc::default();
        let written: Arc<Mutex<Written>> = Arc::default();
        let mut services = Services::at(&server.url());
        let (over, all, prefix) = (stop.clone(), written.clone(), prefix.to_owned());
        let write = async move {
            for i in 0.. {
                let began = Instant::now();
                let name = format!("{prefix}-{i}");
                let answer = services.create(&name, service(80)).await;
                all.lock().expect("nobody panics").note(answer, began);
                if over.load(Ordering::Relaxed) {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let thread = std::thread::spawn(|| block_on(write));
        Self {
            stop,
            written,
            thread,
        }
    }

    /// What became of the writes so far.
    pub fn written(&self) -> Written {
        self.written.lock().expect("nobody panics").clone()
    }

    /// Waits until so many more were acknowledged.
    pub fn go_on(&self, more: usize) {
        let count = || {
            self.written
                .lock()
                .expect("nobody panics")
                .acknowledged
                .len()
        };
        let before = count();
        eventually("writes are acknowledged", || {
            let now = count();
            holds(now >= before + more, format!("{} of {more}", now - before))
        });
    }

    /// Ends the writing.
    pub fn stop(self) -> Written {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic");
        let written = self.written.lock().expect("nobody panics");
        written.clone()
    }
}

impl Written {
    fn note(&mut self, answer: Result<v1::Service, tonic::Status>, began: Instant) {
        let took = began.elapsed();
        match answer {
            Ok(service) => self.acknowledged.push((service, began, took)),
            Err(status) => self.refused.push((status.code(), took)),
        }
    }

    /// Every acknowledged Service is there as it was acknowledged.
    ///
    /// # Panics
    /// If one is not.
    pub fn assert_kept(&self, server: &Server<'_>) {
        let list = block_on(Services::at(&server.url()).list()).expect("the server answers");
        let identity = |service: &v1::Service| (service.uid.clone(), virtual_ip(service));
        let kept: BTreeMap<_, _> = list.iter().map(|s| (&s.name, identity(s))).collect();
        for (service, ..) in &self.acknowledged {
            let name = &service.name;
            assert_eq!(kept.get(name), Some(&identity(service)), "{name}");
        }
    }
}

//! Waiting for what must come.

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpListener};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Far beyond what anything here takes, also on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// Tries again until it works.
///
/// # Panics
/// With the last error, if it never does.
pub fn eventually<T, E: Display>(what: &str, mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if Instant::now() > end => {
                panic!("{what}: still after {DEADLINE:?}: {error}")
            }
            Err(_) => sleep(PAUSE),
        }
    }
}

/// A port that nobody has right now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// A condition as an attempt, with what is the case otherwise.
pub fn holds(condition: bool, otherwise: impl Display) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(otherwise.to_string())
    }
}

//! Waiting for what must come.

use std::fmt::Display;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
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

/// Below the ports that the kernel chooses from (`ip_local_port_range`) and below node ports.
const PORTS: Range<u16> = 10_000..30_000;

/// A port that nobody has right now, and that this program is not told twice.
///
/// The kernel's own choice may be the same twice in a row, or be a connection's between this and the port's use.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    // Programs beside each other begin at different ones.
    let first = std::process::id().wrapping_mul(97);
    let number = |index: u32| {
        let offset = first.wrapping_add(index) % u32::from(PORTS.end - PORTS.start);
        PORTS.start + u16::try_from(offset).expect("an offset within the range")
    };
    (0..PORTS.len())
        .map(|_| number(TAKEN.fetch_add(1, Ordering::Relaxed)))
        .find(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        .expect("loopback has free ports")
}

/// A condition as an attempt, with what is the case otherwise.
pub fn holds(condition: bool, otherwise: impl Display) -> Result<(), String> {
    if condition {
        Ok(())
    } else {
        Err(otherwise.to_string())
    }
}

//! What came of one probe.

use std::io;

/// What one probe says about the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Pass,
    /// Why, for people.
    Fail(String),
    /// The prober itself failed: says nothing about the workload.
    Unknown(String),
}

impl Outcome {
    /// What a failed connection says: about the workload, or about this process and its machine.
    pub(super) fn of_connection(error: &io::Error) -> Self {
        use nix::errno::Errno::{EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM};
        let own = [EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM];
        let code = error.raw_os_error();
        if own.into_iter().any(|errno| code == Some(errno as i32)) {
            Self::Unknown(error.to_string())
        } else {
            Self::Fail(format!("can't connect: {error}"))
        }
    }
}

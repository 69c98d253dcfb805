//! What can go wrong.

use std::io;

/// A request failed.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The kernel understood and said no; nothing of the batch or request happened.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The socket failed; whether the request happened is unknown.
    #[error("the netlink socket failed")]
    Io(#[from] io::Error),
    /// An answer can't be read: a bug, or a kernel of another make.
    #[error("the kernel's answer can't be read: {0}")]
    Malformed(&'static str),
    /// What was listed changed meanwhile (`NLM_F_DUMP_INTR`); trying again helps.
    #[error("what was listed changed meanwhile")]
    Interrupted,
}

impl NetlinkError {
    /// The error number, if the kernel refused.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Refused(refused) => Some(refused.errno),
            _ => None,
        }
    }
}

/// What the kernel refused, and its words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel refuses to {what}: {}{}", io::Error::from_raw_os_error(*errno), self.words())]
pub struct Refused {
    /// The step, for example `add elements to map backends of table ip portolan`.
    pub what: String,
    /// The error number, positive.
    pub errno: i32,
    /// The extended acknowledgement, if it came with one.
    pub message: Option<String>,
}

impl Refused {
    fn words(&self) -> String {
        let words = self.message.as_ref();
        words.map_or_else(String::new, |words| format!(" ({words})"))
    }
}

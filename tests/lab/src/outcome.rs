//! What became of a question, in plain words too.

use std::fmt;
use std::net::SocketAddr;

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody answered.
    Answered(Answer),
    /// RST or ICMP port unreachable.
    Refused,
    /// Nothing came back in time.
    Silent,
    /// The machine itself did not let the datagram out (EPERM): what a node's own programs see at once where a rule of
    /// its output rejects or drops.
    Barred,
    /// Another error.
    Failed(String),
}

/// Who answered, and whom they saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Name of the workload.
    pub by: String,
    /// The source that it saw.
    pub client: SocketAddr,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(answer) => write!(f, "an answer by {}", answer.by),
            Self::Refused => f.write_str("a refusal (RST or ICMP port unreachable)"),
            Self::Silent => f.write_str("silence"),
            Self::Barred => f.write_str("EPERM: the machine's own rules let nothing out"),
            Self::Failed(error) => write!(f, "the error {error:?}"),
        }
    }
}

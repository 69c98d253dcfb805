//! What goes wrong, as lines for people.

mod complaint;
mod path;

use std::error::Error;
use std::io;

use tonic::{Code, Status};

use crate::manifest::Manifest;
use complaint::Complaint;

/// Why a command ends early.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line makes no sense: read the help.
    #[error("{0}")]
    Usage(String),
    /// A file or the standard input can't be read.
    #[error("{file}: {source}")]
    Input { file: String, source: io::Error },
    /// The server refused, or could not be reached.
    #[error("{}", status.message())]
    Server { server: String, status: Box<Status> },
    /// Nobody reads what is written.
    #[error("can't write: {0}")]
    Output(#[from] io::Error),
    /// Everything was said already.
    #[error("some of it failed")]
    Reported,
    /// A comparison found a difference, and said so.
    #[error("there is a difference")]
    Differs,
    /// Of a command whose exit code 1 means something else.
    #[error("{0}")]
    Trouble(Box<Self>),
}

impl Failure {
    /// 2 for a command line that makes no sense, and where 1 is a result; else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Trouble(_) => 2,
            _ => 1,
        }
    }

    /// One line an error; none if everything was said, or nobody listens.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Reported | Self::Differs => Vec::new(),
            Self::Trouble(inner) => inner.lines(),
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Vec::new(),
            Self::Server { server, status } => refusal(server, status, None),
            other => vec![other.to_string()],
        }
    }
}

/// Whether the server could not be asked at all; whatever else is to be sent will fare no better.
pub(crate) fn is_unreachable(status: &Status) -> bool {
    status.code() == Code::Unavailable && status.source().is_some()
}

/// The lines of a refusal, in the words and places of the manifest where there is one.
pub(crate) fn refusal(server: &str, status: &Status, manifest: Option<&Manifest>) -> Vec<String> {
    if is_unreachable(status) {
        let cause = root_cause(status);
        return vec![format!(
            "can't reach the server at {server}: {cause}; is `portolan serve` running? Another server is named with --server or PORTOLAN_SERVER"
        )];
    }
    let complaints = Complaint::of(server, status, manifest);
    let lines = complaints.iter().map(|complaint| complaint.line(manifest));
    match manifest {
        Some(manifest) => lines
            .map(|line| format!("{}: {line}", manifest.label))
            .collect(),
        None => lines.collect(),
    }
}

fn root_cause(status: &Status) -> String {
    let mut cause: &dyn Error = status;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn plain(server: &str, status: &Status) -> String {
    match (status.code(), status.message()) {
        (Code::Unimplemented, "") => format!(
            "the server at {server} does not know this call: is it older than this command?"
        ),
        (code, "") => format!("the server at {server} says: {}", code.description()),
        (Code::Unavailable, message) => {
            format!("the server at {server} can't answer now: {message}")
        }
        (_, message) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! Why a session ended, and what follows from it.

use std::time::Duration;

use portolan_proto::node::v1 as wire;
use tracing::{debug, warn};

use super::Task;
use crate::intake::Break;

/// Pause between attempts while the server has another store: only an operator can change that.
const FOREIGN_STORE_PAUSE: Duration = Duration::from_secs(30);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("stopped")]
    Stop,
    #[error(transparent)]
    Break(#[from] Break),
    #[error("the server asks for another stream ({0:?})")]
    Resync(wire::resync::Reason),
    #[error("the server is about to end")]
    Drain { after: Duration, spread: Duration },
    #[error("{0}")]
    Lost(String),
}

impl Task {
    /// Draws the conclusions from the end of a session and says how long to wait.
    pub(super) fn ended(&mut self, end: &End) -> Duration {
        let before = self.status.borrow().clone();
        let lived = before
            .welcomed_at
            .filter(|_| before.connected)
            .map_or(Duration::ZERO, |at| at.elapsed());
        let because = end.to_string();
        let wait = match end {
            End::Stop => Duration::ZERO,
            End::Drain { after, spread } => *after + spread.mul_f64(rand::random()),
            End::Break(Break::ForeignStore(_)) => FOREIGN_STORE_PAUSE,
            _ => self.backoff.next(lived, rand::random()),
        };
        if matches!(end, End::Stop) {
            debug!("leaving the stream");
        } else if before.disconnected_because == because {
            debug!(?wait, "no stream: {because}");
        } else {
            warn!(server = self.config.server, ?wait, "no stream: {because}");
        }
        if let End::Break(reason) = end {
            self.intake.left(reason);
        }
        self.status.send_modify(|status| {
            status.connected = false;
            status.disconnected_because = because;
            status.digest_mismatches += u64::from(matches!(end, End::Break(Break::Digest(_))));
            if let End::Break(Break::ForeignStore(store_id)) = end {
                status.refused_store = Some(*store_id);
            }
        });
        wait
    }
}

/// An error with its causes, as tonic's own text says little ("transport error").
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        cause = error.source();
    }
    text
}

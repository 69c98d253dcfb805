//! How an agent is doing.

use std::time::Duration;

use portolan_dataplane::Health;
use portolan_model::Revision;
use portolan_subscriber::Status;
use serde::Serialize;

/// Without a fresh word from the server for this long, a node is stale: other nodes may know better.
const STALE_AFTER: Duration = Duration::from_mins(1);

/// The agent's own part; the stream's is [`Status`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentStatus {
    /// Revision that was applied last; none before the first.
    pub applied: Option<Revision>,
    /// Services that are not programmed as they should be.
    pub rejected: usize,
    /// Health of the mechanism.
    pub health: Health,
}

impl Default for AgentStatus {
    fn default() -> Self {
        Self {
            applied: None,
            rejected: 0,
            health: Health::Serving,
        }
    }
}

/// What /healthz says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Whether the node forwards what it should, as far as it can know.
    pub(crate) healthy: bool,
    reasons: Vec<String>,
    connected: bool,
    applied_revision: Option<u64>,
    durable_revision: u64,
    head_revision: u64,
    last_contact_ms: Option<u64>,
    stale_ms: u64,
    rejected_services: usize,
}

impl Report {
    pub(crate) fn new(agent: &AgentStatus, stream: &Status) -> Self {
        let silence = stream.last_contact.map(|at| at.elapsed());
        let mut reasons = Vec::new();
        if agent.applied.is_none() {
            reasons.push("nothing was programmed yet".to_owned());
        }
        if let Health::Down(why) = &agent.health {
            reasons.push(format!("the dataplane is down: {why}"));
        }
        // An open stream is kept alive by pings; a closed one has only its past.
        if !stream.connected && silence.is_none_or(|silence| silence >= STALE_AFTER) {
            reasons.push(format!(
                "no contact with the server: {}",
                stream.disconnected_because
            ));
        }
        if u128::from(stream.stale_ms) >= STALE_AFTER.as_millis() {
            reasons.push("the server has no contact with its store".to_owned());
        }
        Self {
            healthy: reasons.is_empty(),
            reasons,
            connected: stream.connected,
            applied_revision: agent.applied.map(|revision| revision.0),
            durable_revision: stream.durable.0,
            head_revision: stream.head.0,
            last_contact_ms: silence
                .map(|silence| u64::try_from(silence.as_millis()).unwrap_or(u64::MAX)),
            stale_ms: stream.stale_ms,
            rejected_services: agent.rejected,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_node_is_healthy_if_it_is_programmed_and_knows_what_is_asked_for() {
        let good = AgentStatus {
            applied: Some(Revision(5)),
            ..AgentStatus::default()
        };
        let open = Status {
            connected: true,
            last_contact: Some(Instant::now()),
            ..Status::default()
        };
        let with_agent = |change: fn(&mut AgentStatus)| {
            let mut agent = good.clone();
            change(&mut agent);
            (agent, open.clone())
        };
        let with_stream = |change: fn(&mut Status)| {
            let mut stream = open.clone();
            change(&mut stream);
            (good.clone(), stream)
        };
        for (name, (agent, stream), healthy) in [
            ("all is well", with_agent(|_| ()), true),
            ("nothing applied", with_agent(|a| a.applied = None), false),
            ("one Service rejected", with_agent(|a| a.rejected = 1), true),
            (
                "mechanism down",
                with_agent(|a| a.health = Health::Down("gone".into())),
                false,
            ),
            (
                "mechanism degraded",
                with_agent(|a| a.health = Health::Degraded("slow".into())),
                true,
            ),
            (
                "stream just lost",
                with_stream(|s| s.connected = false),
                true,
            ),
            (
                "store away for long",
                with_stream(|s| s.stale_ms = 60_000),
                false,
            ),
            (
                "never connected",
                with_stream(|s| (s.connected, s.last_contact) = (false, None)),
                false,
            ),
        ] {
            assert_eq!(Report::new(&agent, &stream).healthy, healthy, "{name}");
        }
    }
}

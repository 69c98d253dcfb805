//! The rules of the guide, by the names that it gives them.

use std::fmt;

macro_rules! rules {
    ($($rule:ident = $id:literal),* $(,)?) => {
        /// A rule of the guide beside `node_sync.proto`.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $(#[doc = concat!("`", $id, "`")] $rule,)*
        }

        impl Rule {
            /// Every rule, in the guide's order.
            pub const ALL: &[Self] = &[$(Self::$rule),*];

            /// Its name in the guide.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$rule => $id,)*
                }
            }
        }
    };
}

rules! {
    HelloFirst = "hello-first",
    HelloSession = "hello-session",
    HelloResume = "hello-resume",
    HelloCapabilities = "hello-capabilities",
    WelcomeResume = "welcome-resume",
    WelcomeStore = "welcome-store",
    SnapshotWhole = "snapshot-whole",
    SnapshotComplete = "snapshot-complete",
    SnapshotDigest = "snapshot-digest",
    BatchValues = "batch-values",
    BatchMore = "batch-more",
    BatchOverlap = "batch-overlap",
    BatchGap = "batch-gap",
    BookmarkDigest = "bookmark-digest",
    BookmarkRevision = "bookmark-revision",
    UnknownKinds = "unknown-kinds",
    AckEvery = "ack-every",
    AckAfter = "ack-after",
    AckRejected = "ack-rejected",
    AckDurable = "ack-durable",
    Heartbeat = "heartbeat",
    HealthFull = "health-full",
    HealthProbe = "health-probe",
    AwayKeeps = "away-keeps",
    Resync = "resync",
    Drain = "drain",
    RestartAdopts = "restart-adopts",
    ForwardAddress = "forward-address",
    ForwardNodePort = "forward-node-port",
    ForwardFlags = "forward-flags",
    ForwardHints = "forward-hints",
    ForwardInside = "forward-inside",
    ForwardEmpty = "forward-empty",
    ForwardWeight = "forward-weight",
    ForwardSource = "forward-source",
    ForwardSourceRanges = "forward-source-ranges",
    ForwardAffinity = "forward-affinity",
    ForwardEstablished = "forward-established",
    ForwardForeign = "forward-foreign",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A rule that a plugin did not keep, and what was seen.
#[derive(Clone, Debug, thiserror::Error)]
#[error("rule {rule}: {why}")]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// What was expected and what came.
    pub why: String,
}

impl Broken {
    /// Says so.
    pub(crate) fn new(rule: Rule, why: impl Into<String>) -> Self {
        Self {
            rule,
            why: why.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_has_every_rule_and_no_other_in_the_same_order() {
        let guide = include_str!("../../../proto/proto/portolan/node/v1/GUIDE.md");
        let lines = guide.lines().filter_map(|line| line.strip_prefix("- **"));
        let found: Vec<_> = lines.filter_map(|line| line.split("**").next()).collect();
        let known: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(found, known);
    }
}

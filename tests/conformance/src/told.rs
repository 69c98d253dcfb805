//! What a plugin says on a stream, and the rules that can be told from it alone.

use std::collections::BTreeMap;

use portolan_model::Uid;
use portolan_proto::node::v1 as wire;

use crate::{Broken, Rule, words};

/// What a plugin said on a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Of its last Ack.
    pub(crate) attempted: Option<u64>,
    /// Of its last Ack or heartbeat.
    pub(crate) durable: u64,
    /// What is rejected: Services, and Endpoints that must not be.
    pub(crate) rejected: BTreeMap<Uid, wire::Rejection>,
    /// Health reports, in order.
    pub(crate) reports: Vec<wire::HealthReport>,
    /// How many heartbeats came.
    pub(crate) heartbeats: usize,
}

impl Told {
    /// Of the last Ack, in words.
    pub(crate) fn attempted(&self) -> String {
        self.attempted
            .map_or_else(|| "no revision".to_owned(), |at| at.to_string())
    }

    /// Takes in an Ack.
    pub(crate) fn ack(&mut self, ack: wire::Ack) -> Result<(), Broken> {
        if let Some(last) = self.attempted.filter(|last| ack.attempted < *last) {
            let why = format!(
                "attempted never goes back on a stream, but {} came after {last}",
                ack.attempted
            );
            return Err(Broken::new(Rule::AckEvery, why));
        }
        self.attempted = Some(ack.attempted);
        self.durable(ack.durable, ack.attempted)?;
        for rejection in ack.rejected {
            let uid = object(rejection.r#ref.as_ref())?;
            if rejection.code.is_empty() || rejection.message.is_empty() {
                let why = "a rejection needs a code and a message with the remedy";
                return Err(Broken::new(Rule::AckRejected, why));
            }
            self.rejected.insert(uid, rejection);
        }
        for cleared in ack.cleared {
            self.rejected.remove(&object(Some(&cleared))?);
        }
        Ok(())
    }

    /// Takes in how far a crash would go back.
    pub(crate) fn durable(&mut self, durable: u64, attempted: u64) -> Result<(), Broken> {
        if durable > attempted {
            let why = format!("durable {durable} is beyond attempted {attempted}");
            return Err(Broken::new(Rule::AckDurable, why));
        }
        self.durable = durable;
        Ok(())
    }
}

fn object(reference: Option<&wire::ObjectRef>) -> Result<Uid, Broken> {
    let kinds = [wire::Kind::Service, wire::Kind::Endpoint];
    let named = reference.filter(|reference| kinds.contains(&reference.kind()));
    let uid = named.and_then(|reference| Uid::from_slice(&reference.uid));
    uid.ok_or_else(|| {
        let why =
            format!("a rejection should name a Service or an Endpoint by kind and uid of 16 bytes, it names {}", words::reference(reference));
        Broken::new(Rule::AckRejected, why)
    })
}

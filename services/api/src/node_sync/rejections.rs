//! What a node could not program: as a report, and for people.

use portolan_distributor::Acknowledgement;
use portolan_model::limits::{REJECTION_CODE, REJECTION_MESSAGE};
use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{
    Event, EventType, Name, Object, Rejection, RejectionCode, Revision, State, Uid,
};
use portolan_proto::convert::view::key;
use portolan_proto::node::v1::{self as wire, Ack};

use crate::cluster::Cluster;

/// Rejections of one Ack that become events; all of them are listed with the node.
const MAX_EVENTS: usize = 20;

/// An Ack as a plain value. A rejection that can't be read still holds back what it would have.
pub(super) fn report(ack: Ack) -> Acknowledgement {
    let mut report = Acknowledgement {
        attempted: Revision(ack.attempted),
        durable: Revision(ack.durable),
        ..Acknowledgement::default()
    };
    for rejection in ack.rejected {
        let since = Revision(rejection.since_revision);
        match rejection.r#ref.as_ref().and_then(view_key) {
            Some(object) => report.rejected.push(Rejection {
                object,
                since,
                code: code(rejection.code),
                message: rejection
                    .message
                    .chars()
                    .take(REJECTION_MESSAGE.value)
                    .collect(),
            }),
            None => report.lost = report.lost.into_iter().chain([since]).min(),
        }
    }
    report.cleared = ack.cleared.iter().filter_map(view_key).collect();
    report
}

fn view_key(reference: &wire::ObjectRef) -> Option<ViewKey> {
    key(reference.kind, &reference.uid).ok()
}

/// Codes of newer plugins are kept, other texts are not.
fn code(sent: String) -> RejectionCode {
    let is_word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if (1..=REJECTION_CODE.value).contains(&sent.len()) && sent.chars().all(is_word) {
        sent.into()
    } else {
        RejectionCode::Internal
    }
}

/// Tells people of new rejections.
pub(super) fn announce(cluster: &Cluster, node: &Name, node_uid: Uid, rejected: &[Rejection]) {
    let state = cluster.state();
    let now = cluster.clock.now();
    let events = rejected.iter().take(MAX_EVENTS).map(|rejection| {
        let about = about(&state, rejection.object);
        let (object, object_uid) = match about {
            Some(object) => (object.resource(), object.uid()),
            None => (format!("nodes/{node}"), node_uid),
        };
        Event {
            object,
            object_uid,
            event_type: EventType::Warning,
            reason: rejection.code.to_string(),
            message: format!(
                "node {node} can't program {} {}: {}",
                rejection.object.kind, rejection.object.uid, rejection.message
            ),
            component: "agent".to_owned(),
            count: 1,
            first_at: now,
            last_at: now,
        }
    });
    cluster.events.record(events);
}

/// The object that people know, if it has a page of its own.
fn about(state: &State, ViewKey { kind, uid }: ViewKey) -> Option<Object> {
    match kind {
        ViewKind::Service => state.service_by_uid(uid).cloned().map(Object::from),
        ViewKind::Workload => state.workload_by_uid(uid).cloned().map(Object::from),
        ViewKind::Cluster | ViewKind::Node | ViewKind::Endpoint => None,
    }
}

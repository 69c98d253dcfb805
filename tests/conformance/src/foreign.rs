//! A plugin of another process in the place of a dataplane: the lab's cases are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use portolan_dataplane::{
    Applied, Capabilities, NodeState, Rejected, RejectionCode, Views, carried, plan,
};
use portolan_lab::{Carried, Plugin};
use portolan_model::view::{View, ViewKey};
use portolan_model::{Name, Uid};
use portolan_proto::node::v1 as wire;
use portolan_subscriber::testing::ServerState;
use tempfile::TempDir;
use wire::sync_response::Message as Frame;

use crate::capabilities::Declared;
use crate::process::{Place, tail};
use crate::session::Session;
use crate::{Broken, Launch, Rule, words};

/// The store that every state of a run belongs to.
pub(crate) const STORE: u128 = 0x0070_6f72_746f_6c61_6e00;

/// What the plugins of one lab share, and what outlives a restart of theirs.
pub(crate) struct Setup {
    pub(crate) launch: Launch,
    pub(crate) declared: Declared,
    dir: TempDir,
    states: Mutex<BTreeMap<Name, ServerState>>,
}

impl Setup {
    pub(crate) fn new(launch: Launch, declared: Declared) -> Self {
        Self {
            launch,
            declared,
            dir: tempfile::tempdir().expect("a directory for what plugins remember"),
            states: Mutex::default(),
        }
    }

    /// The last lines of every plugin.
    pub(crate) fn said(&self) -> String {
        let nodes = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let of_node = |node: &Name| {
            let lines = tail(&self.dir.path().join(node.as_str()));
            (!lines.is_empty()).then(|| format!("\nthe plugin on {node} said:\n{lines}"))
        };
        nodes.keys().filter_map(of_node).collect()
    }

    fn place(&self, node: &Name, views: &[(ViewKey, View)]) -> Place {
        let mut own = views.iter().filter_map(|(_, view)| match view {
            View::Node(view) if view.name == *node => Some(view),
            _ => None,
        });
        let own = own.next().expect("the lab tells every node of itself");
        Place {
            node: node.to_string(),
            addresses: own.addresses.clone(),
            zone: own.zone.clone(),
            dir: self.dir.path().join(node.as_str()),
        }
    }

    fn state(&self, node: &Name) -> ServerState {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let held = states.get(node).cloned();
        held.unwrap_or_else(|| ServerState::new(STORE))
    }

    fn keep(&self, node: &Name, state: ServerState) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(node.clone(), state);
    }
}

/// One node's plugin.
pub(crate) struct Foreign {
    setup: Arc<Setup>,
    session: Option<Session>,
    observed: NodeState,
}

impl Foreign {
    pub(crate) fn new(setup: Arc<Setup>) -> Self {
        Self {
            setup,
            session: None,
            observed: NodeState::new(),
        }
    }

    async fn lead(&mut self, node: &Name, views: &[(ViewKey, View)]) -> Result<Carried, Broken> {
        let mut state = self.setup.state(node);
        let mut frames = Vec::new();
        let session = if let Some(session) = &mut self.session {
            session
        } else {
            let place = self.setup.place(node, views);
            let session = Session::start(&self.setup.launch, &place).await?;
            frames = welcome(&state, &session.hello);
            self.session.insert(session)
        };
        let batch = state.become_exactly(views);
        // Revisions that change nothing for nodes come as a bookmark alone.
        if !batch.objects.is_empty() || !batch.removed.is_empty() {
            frames.push(Frame::Batch(batch));
        }
        frames.push(state.bookmark());
        session.send(frames).await;
        session.acked(state.revision).await?;
        let rejected = session.told.rejected.clone();
        self.setup.keep(node, state);
        self.judge(node, views, &rejected)
    }

    /// Compares what was rejected with what is beyond the declared capabilities.
    fn judge(
        &mut self,
        node: &Name,
        views: &[(ViewKey, View)],
        rejected: &BTreeMap<Uid, wire::Rejection>,
    ) -> Result<Carried, Broken> {
        let mut held = Views::default();
        held.apply(views.iter().cloned(), []);
        let desired = held.desired_all(node);
        let can = &self.setup.declared.can;
        let plan = plan(&desired, &self.observed, can);
        let beyond = plan.unsupported.iter().map(|r| r.key);
        let keys: BTreeSet<_> = beyond.collect();
        let services: BTreeSet<_> = keys.iter().map(|key| desired[key].service.uid).collect();
        check_unsupported(&services, rejected)?;
        let mut applied = Applied::default();
        let mut observed = NodeState::new();
        for (key, frontend) in &desired {
            let reason = rejected.get(&frontend.service.uid);
            let failed =
                reason.filter(|r| code(&r.code) != Some(RejectionCode::UnsupportedFeature));
            if let Some(reason) = failed {
                applied.rejected.push(Rejected {
                    key: *key,
                    code: code(&reason.code).unwrap_or(RejectionCode::Internal),
                    message: reason.message.clone(),
                });
            } else if !keys.contains(key) {
                observed.insert(*key, carried(frontend, can));
            }
        }
        self.observed = observed;
        Ok(Carried { plan, applied })
    }
}

/// A stream goes on from what is held if the server has just that, else with a snapshot.
pub(crate) fn welcome(state: &ServerState, hello: &wire::Hello) -> Vec<Frame> {
    let same = |held: &wire::Resume| {
        held.store_id == state.store_id.as_bytes()
            && held.revision == state.revision
            && held.digest == state.digest()
    };
    if hello.resume.as_ref().is_some_and(same) {
        vec![state.welcome_resume()]
    } else {
        state.welcome_snapshot()
    }
}

/// What is beyond a plugin is rejected as such, and nothing else is.
fn check_unsupported(
    beyond: &BTreeSet<Uid>,
    rejected: &BTreeMap<Uid, wire::Rejection>,
) -> Result<(), Broken> {
    let broken = |why: String| Err(Broken::new(Rule::AckRejected, why));
    for (uid, rejection) in rejected {
        match code(&rejection.code) {
            None => {
                let named = words::rejection(rejection);
                return broken(format!("a code of the .proto was due, it is: {named}"));
            }
            Some(RejectionCode::UnsupportedFeature) if !beyond.contains(uid) => {
                let named = words::rejection(rejection);
                return broken(format!(
                    "what is declared should be carried, it is rejected: {named}"
                ));
            }
            Some(_) => {}
        }
    }
    match beyond.iter().find(|uid| !rejected.contains_key(uid)) {
        Some(uid) => broken(format!(
            "KIND_SERVICE {} needs more than is declared, it should be rejected as UNSUPPORTED_FEATURE and is not",
            words::hex(uid.as_bytes())
        )),
        None => Ok(()),
    }
}

/// A code from its word.
fn code(word: &str) -> Option<RejectionCode> {
    use RejectionCode as Code;
    let known = [
        Code::UnsupportedFeature,
        Code::InvalidObject,
        Code::LimitExceeded,
        Code::PortInUse,
        Code::PermissionDenied,
        Code::FamilyUnavailable,
        Code::Internal,
    ];
    known.into_iter().find(|code| code.as_str() == word)
}

impl Plugin for Foreign {
    fn capabilities(&self) -> Capabilities {
        self.setup.declared.can.clone()
    }

    async fn carry(&mut self, node: &Name, views: &[(ViewKey, View)]) -> Carried {
        match self.lead(node, views).await {
            Ok(carried) => carried,
            // Cases fail by panics; this one says which rule it is.
            Err(broken) => std::panic::panic_any(broken),
        }
    }

    async fn observe(&mut self) -> NodeState {
        self.observed.clone()
    }

    async fn drain(&mut self) {
        unreachable!("the stream can't ask for it, so no case does");
    }

    async fn cleanup(&mut self) {
        unreachable!("the stream can't ask for it, so the case that does is left out");
    }
}

//! Made-up histories: random, but the same for the same seed.

mod changes;

use std::collections::BTreeMap;

use bytes::Bytes;
use portolan_model::view::{ViewKey, project};
use portolan_model::{
    Change, ClaimOwner, ClaimState, Cluster, ClusterSpec, Digest, Family, Kind, Labels, Meta, Name,
    Node, NodeSpec, Object, PortClaim, PortRange, Revision, State, StoreId, Timestamp, Uid,
};
use portolan_proto::convert::view::{digest, encode};
use portolan_store::{Commit, Loaded};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::NodeHello;

/// Commits, and the state after each.
pub(super) struct History {
    rng: StdRng,
    states: Vec<State>,
    commits: Vec<Commit>,
}

pub(super) fn store_id() -> StoreId {
    Uid::from_random(7)
}

fn name(text: &str) -> Name {
    Name::subdomain(text).unwrap()
}

pub(super) fn cluster() -> Name {
    name("test")
}

/// A node that exists in no history.
pub(super) fn hello(number: u64, session: u64) -> NodeHello {
    let uid = Uid::from_random(1_000_000 + u128::from(number));
    NodeHello {
        node: name(&format!("node-{number}")),
        uid,
        session,
        described: NodeSpec::default(),
    }
}

/// What every node holds at a state.
pub(super) fn bodies(state: &State) -> BTreeMap<ViewKey, Bytes> {
    project(state)
        .into_iter()
        .map(|(key, view)| (key, encode(&view)))
        .collect()
}

pub(super) fn state_digest(state: &State) -> Digest {
    let mut sum = Digest::EMPTY;
    for (key, body) in bodies(state) {
        sum.toggle(digest(key, &body));
    }
    sum
}

impl History {
    /// Begins with a cluster, and a node that stays.
    pub(super) fn new(seed: u64) -> Self {
        let mut history = Self {
            rng: StdRng::seed_from_u64(seed),
            states: vec![State::default()],
            commits: Vec::new(),
        };
        let meta = history.meta("test");
        let spec = ClusterSpec {
            node_ports: PortRange {
                first: 30_000,
                last: 32_767,
            },
            dns_domain: "cluster.local".to_owned(),
            families: vec![Family::V4],
            endpoint_ranges: Vec::new(),
            workload_ranges: Vec::new(),
        };
        let node = Node {
            meta: history.meta("anchor"),
            spec: NodeSpec::default(),
            session: 0,
        };
        history.add(vec![
            Change::create(Cluster { meta, spec }),
            Change::create(node),
        ]);
        history
    }

    pub(super) fn newest(&self) -> Revision {
        self.states.last().unwrap().revision()
    }

    pub(super) fn state(&self, revision: Revision) -> &State {
        &self.states[usize::try_from(revision.0).unwrap()]
    }

    fn head(&self) -> &State {
        self.states.last().unwrap()
    }

    /// As a store would load it.
    pub(super) fn loaded(&self, tail: usize) -> Loaded {
        let skip = self.commits.len().saturating_sub(tail);
        Loaded {
            revision: self.newest(),
            objects: self.head().objects().collect(),
            tail: self.commits[skip..].to_vec(),
        }
    }

    /// The same history, without its newest commits.
    pub(super) fn cut(&self, keep: Revision, seed: u64) -> Self {
        let keep = usize::try_from(keep.0).unwrap();
        Self {
            rng: StdRng::seed_from_u64(seed),
            states: self.states[..=keep].to_vec(),
            commits: self.commits[..keep].to_vec(),
        }
    }

    /// One more commit, of one to six changes.
    pub(super) fn commit(&mut self) -> Commit {
        let mut state = self.head().clone();
        let mut changes = Vec::new();
        let count = self.rng.random_range(1..=6);
        while changes.len() < count {
            for change in self.changes(&state) {
                state.apply(&change);
                changes.push(change);
            }
        }
        self.add(changes)
    }

    /// A Service with this many endpoints.
    pub(super) fn crowd(&mut self, endpoints: usize) {
        let state = self.head().clone();
        let created = loop {
            let changes = self.service(&state);
            if changes[0].before.is_none() {
                break changes;
            }
        };
        self.add(created);
        let mut known = self.head().endpoints_after(None, None).count();
        while known < endpoints {
            let state = self.head().clone();
            let service = state.services_after(None, None).next().cloned().unwrap();
            let endpoint =
                self.new_endpoint(&service, &format!("{}.m.crowd.{known}", service.meta.name));
            self.add(vec![Change::create(endpoint)]);
            known += 1;
        }
    }

    /// One more commit, of one endpoint's readiness.
    pub(super) fn flip_commit(&mut self) -> Commit {
        let state = self.head().clone();
        let changes = self.flip(&state);
        self.add(changes)
    }

    /// One more commit, of so many changes that no node is shown.
    pub(super) fn unseen_commit(&mut self, changes: usize) -> Commit {
        let claim = |first: u64| {
            let owner = ClaimOwner {
                uid: Uid::from_random(1),
                namespace: name("default"),
                name: name("unseen"),
            };
            let state = ClaimState::Quarantined {
                released_in: Revision(first),
                released_at: Timestamp(0),
            };
            Object::from(PortClaim {
                port: 30_000,
                owner,
                state,
            })
        };
        let sides = [claim(1), claim(2)];
        let mut before = self.head().object(Kind::PortClaim, "30000");
        let mut all = Vec::with_capacity(changes);
        for after in sides.iter().cycle().take(changes) {
            let after = Some(after.clone());
            all.push(Change {
                before: std::mem::replace(&mut before, after.clone()),
                after,
            });
        }
        self.add(all)
    }

    /// One more commit of these changes.
    pub(super) fn add(&mut self, changes: Vec<Change>) -> Commit {
        let mut state = self.head().clone();
        let revision = state.revision().next();
        state.apply_all(revision, &changes);
        let commit = Commit {
            revision,
            token: self.uid(),
            committed_at: Timestamp(i64::try_from(revision.0).unwrap()),
            traceparent: String::new(),
            digest: state.digest(),
            changes,
        };
        self.states.push(state);
        self.commits.push(commit.clone());
        commit
    }

    fn uid(&mut self) -> Uid {
        Uid::from_random(self.rng.random())
    }

    fn meta(&mut self, text: &str) -> Meta {
        Meta {
            name: name(text),
            uid: self.uid(),
            generation: 1,
            labels: Labels::new(),
            annotations: Labels::new(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            created_in: Revision(1),
            revision: Revision(1),
        }
    }
}

/// The node that stays, as it would come in.
pub(super) fn registered(state: &State, session: u64) -> NodeHello {
    let node = state.node(&name("anchor")).expect("it stays");
    NodeHello {
        node: node.meta.name.clone(),
        uid: node.meta.uid,
        session,
        described: node.spec.clone(),
    }
}

/// A commit that deletes a node.
pub(super) fn without(state: &State, uid: Uid) -> Change {
    let node = state.nodes().find(|node| node.meta.uid == uid).unwrap();
    Change::delete(Object::from(node.clone()))
}

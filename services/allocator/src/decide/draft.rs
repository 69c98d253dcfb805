//! Work in progress: the state as it would be, and how it came to be.

use std::borrow::Cow;
use std::net::IpAddr;

use portolan_model::alloc::Occupancy;
use portolan_model::{
    Change, Claimed, Digest, Event, EventType, Labels, Meta, Name, Object, Record, State,
    Timestamp, Uid,
};

use super::{Decision, Inputs};
use crate::{Outcome, Verb};

/// Collects changes and shows their effect to what follows.
pub(super) struct Draft {
    state: State,
    changes: Vec<Change>,
    records: Vec<Record>,
    events: Vec<Event>,
    picked: Vec<Claimed>,
    inputs: Inputs,
    drawn: u64,
    dry_run: bool,
    reserved_addresses: Vec<IpAddr>,
    reserved_ports: Vec<u16>,
}

impl Draft {
    pub(super) fn new(state: &State, inputs: Inputs, dry_run: bool) -> Self {
        Self {
            state: state.clone(),
            changes: Vec::new(),
            records: Vec::new(),
            events: Vec::new(),
            picked: Vec::new(),
            inputs,
            drawn: 0,
            dry_run,
            reserved_addresses: Vec::new(),
            reserved_ports: Vec::new(),
        }
    }

    /// Keeps picks away from what will be asked for later in the same operation.
    pub(super) fn reserve(
        &mut self,
        addresses: impl IntoIterator<Item = IpAddr>,
        ports: impl IntoIterator<Item = u16>,
    ) {
        self.reserved_addresses.extend(addresses);
        self.reserved_ports.extend(ports);
    }

    /// Addresses that must not be picked.
    pub(super) fn occupied_addresses(&self) -> Cow<'_, Occupancy> {
        let mut occupied = Cow::Borrowed(self.state.occupied_addresses());
        for address in &self.reserved_addresses {
            occupied.to_mut().insert_address(*address);
        }
        occupied
    }

    /// Ports that must not be picked.
    pub(super) fn occupied_ports(&self) -> Cow<'_, Occupancy> {
        let mut occupied = Cow::Borrowed(self.state.occupied_ports());
        for port in &self.reserved_ports {
            occupied.to_mut().insert_port(*port);
        }
        occupied
    }

    /// The state with everything so far.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn inputs(&self) -> Inputs {
        self.inputs
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inputs.now
    }

    /// Whether the outcome is only looked at.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// The changes so far.
    pub(super) fn changes(&self) -> &[Change] {
        &self.changes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Rows that the changes will write: the object's and the log's.
    pub(super) fn rows(&self) -> usize {
        self.changes.len() * 2
    }

    pub(super) fn apply(&mut self, change: Change) {
        self.records.push(self.state.apply(&change));
        self.changes.push(change);
    }

    /// Notes what was picked, rather than asked for.
    pub(super) fn picked(&mut self, claimed: Claimed) {
        self.picked.push(claimed);
    }

    /// 128 bits that depend on the seed and on how many were drawn before.
    pub(super) fn random(&mut self) -> u128 {
        self.drawn += 1;
        let digest = Digest::of(&[&self.inputs.seed.to_be_bytes(), &self.drawn.to_be_bytes()]);
        u128::from_be_bytes(*digest.as_bytes())
    }

    pub(super) fn uid(&mut self) -> Uid {
        Uid::from_random(self.random())
    }

    /// Metadata of something new.
    pub(super) fn new_meta(&mut self, name: &Name, labels: Labels, annotations: Labels) -> Meta {
        Meta {
            name: name.clone(),
            uid: self.uid(),
            generation: 1,
            labels,
            annotations,
            created_at: self.inputs.now,
            updated_at: self.inputs.now,
            created_in: self.inputs.revision,
            revision: self.inputs.revision,
        }
    }

    /// Metadata of something that is written again.
    pub(super) fn next_meta(
        &self,
        before: &Meta,
        spec_changed: bool,
        labels: Labels,
        annotations: Labels,
    ) -> Meta {
        Meta {
            generation: before.generation + u64::from(spec_changed),
            labels,
            annotations,
            updated_at: self.inputs.now,
            revision: self.inputs.revision,
            ..before.clone()
        }
    }

    pub(super) fn event(
        &mut self,
        about: &Object,
        event_type: EventType,
        reason: &str,
        message: String,
    ) {
        self.events.push(Event {
            object: about.resource(),
            object_uid: about.uid(),
            event_type,
            reason: reason.to_owned(),
            message,
            component: "allocator".to_owned(),
            count: 1,
            first_at: self.inputs.now,
            last_at: self.inputs.now,
        });
    }

    /// An answer about this draft.
    pub(super) fn outcome(&self, verb: Verb, objects: Vec<Object>) -> Outcome {
        Outcome {
            revision: self.inputs.revision,
            verb,
            objects,
            warnings: Vec::new(),
            discrepancies: Vec::new(),
        }
    }

    /// An answer that names no object: the verb is for what was changed, if anything was.
    pub(super) fn brief(&self, verb: Verb) -> Outcome {
        let verb = if self.is_empty() {
            Verb::Unchanged
        } else {
            verb
        };
        self.outcome(verb, Vec::new())
    }

    pub(super) fn finish(self, outcome: Outcome) -> Decision {
        Decision {
            state: self.state,
            changes: self.changes,
            records: self.records,
            events: self.events,
            picked: self.picked,
            outcome,
        }
    }
}

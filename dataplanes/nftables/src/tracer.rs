//! Runs the program on a packet, without a kernel: the same chains, over rendered elements. For unit tests.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use portolan_model::Protocol;
use portolan_netlink::nftables::{Element, Family, Verdict, octets};
use portolan_nft::ServiceSets as _;
use portolan_nft::expressions::Field;
use portolan_nft::key::{number, read_address};

use crate::entry::{Entry, Ranges, read_scratch};
use crate::program::{Chain, Key, Part, SetName, chains, verdicts};

/// A packet that begins a flow, or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packet {
    pub(crate) from: IpAddr,
    pub(crate) to: SocketAddr,
    pub(crate) protocol: Protocol,
    /// Of TCP: it has SYN alone.
    pub(crate) syn: bool,
}

/// What becomes of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing of ours concerns it.
    Untouched,
    Dropped,
    Refused,
    /// Where it goes, and whether its source is replaced.
    Forwarded(SocketAddr, bool),
}

/// The node's state as rules see it.
pub(crate) struct Tracer {
    chains: BTreeMap<String, Chain>,
    elements: BTreeMap<(Family, SetName), BTreeMap<Vec<u8>, Element>>,
    own: BTreeSet<IpAddr>,
    /// What `numgen` draws next.
    pub(crate) random: u32,
    /// Seconds for which a client is remembered, by key.
    pub(crate) remembered: BTreeMap<Vec<u8>, u32>,
}

/// Why a chain ended.
enum End {
    /// Its last rule, or `return`.
    Back,
    Done(Outcome),
}

struct Run {
    packet: Packet,
    /// As the client sent it.
    original: SocketAddr,
    scratch: u32,
}

impl Tracer {
    pub(crate) fn new(entries: &[Entry], ranges: &Ranges, own: &[IpAddr]) -> Self {
        let mut elements: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for entry in entries {
            let set = elements.entry((entry.family, entry.set)).or_default();
            set.insert(entry.element.key.clone(), entry.element.clone());
        }
        for (set, ranges) in ranges {
            let keyed = ranges
                .iter()
                .map(|element| (element.key.clone(), element.clone()));
            elements.insert(*set, keyed.collect());
        }
        Self {
            chains: chains()
                .into_iter()
                .map(|chain| (chain.name.clone(), chain))
                .collect(),
            elements,
            own: own.iter().copied().collect(),
            random: 0,
            remembered: BTreeMap::new(),
        }
    }

    /// A packet that arrives, or that the node itself sends: both meet the same chains.
    pub(crate) fn trace(&mut self, packet: Packet) -> Outcome {
        let mut run = Run {
            packet,
            original: packet.to,
            scratch: 0,
        };
        let End::Done(outcome) = self.chain("services", &mut run) else {
            return Outcome::Untouched;
        };
        let Outcome::Forwarded(to, _) = outcome else {
            return outcome;
        };
        run.packet.to = to;
        match self.chain("postrouting", &mut run) {
            End::Done(Outcome::Forwarded(_, masqueraded)) => Outcome::Forwarded(to, masqueraded),
            _ => Outcome::Forwarded(to, false),
        }
    }

    fn chain(&mut self, name: &str, run: &mut Run) -> End {
        let rules: Vec<Vec<Part>> = self.chains[name]
            .rules
            .iter()
            .map(|rule| rule.parts.clone())
            .collect();
        for parts in rules {
            for part in parts {
                let verdict = match self.part(&part, run) {
                    Step::Next => continue,
                    Step::Break => break,
                    Step::End(outcome) => return End::Done(outcome),
                    Step::To(verdict) => verdict,
                };
                match verdict {
                    Verdict::Accept | Verdict::Return => return End::Back,
                    Verdict::Drop => return End::Done(Outcome::Dropped),
                    Verdict::Goto(chain) => return self.chain(&chain, run),
                    Verdict::Jump(chain) => match self.chain(&chain, run) {
                        End::Back => break,
                        done @ End::Done(_) => return done,
                    },
                }
            }
        }
        End::Back
    }

    fn part(&mut self, part: &Part, run: &mut Run) -> Step {
        let of = Family::from(run.packet.from);
        let check = |yes: bool| if yes { Step::Next } else { Step::Break };
        match part {
            Part::NotSyn => check(run.packet.protocol == Protocol::Tcp && !run.packet.syn),
            Part::Invalid => Step::Break,
            Part::Stays => check(self.own.contains(&run.packet.to.ip())),
            Part::Translated => check(run.original != run.packet.to),
            Part::In(key, set) => check(self.contains(of, *set, &run.key(*key))),
            Part::SourceIsLocal => check(self.own.contains(&run.packet.from)),
            Part::Has(bits) => check(run.scratch & bits == *bits),
            Part::Take(key, map) => {
                let value = self
                    .value(of, *map, &run.key(*key))
                    .and_then(|value| read_scratch(&value));
                run.scratch = value.unwrap_or(run.scratch);
                check(value.is_some())
            }
            Part::Keep(mask) => run.set(run.scratch & mask),
            Part::Add(bits) => run.set(run.scratch | bits),
            Part::Clear => run.set(0),
            Part::Random(below) => {
                self.random += 1;
                run.set((self.random - 1) % below)
            }
            Part::Dispatch(mask, map) => {
                let all = verdicts(*map);
                let found = all.into_iter().find(|(key, _)| *key == run.scratch & mask);
                found.map_or(Step::Break, |(_, verdict)| Step::To(verdict))
            }
            Part::Remember(seconds) => self.remember(of, *seconds, run),
            Part::Forget => {
                let map = self.elements.entry((of, SetName::Affinity)).or_default();
                map.remove(&run.key(Key::Client));
                Step::Next
            }
            Part::Translate => self.translate(of, run),
            Part::Masquerade => Step::End(Outcome::Forwarded(run.packet.to, true)),
            Part::Reset if run.packet.protocol != Protocol::Tcp => Step::Break,
            Part::Reset | Part::Unreachable => Step::End(Outcome::Refused),
            Part::Do(verdict) => Step::To(verdict.clone()),
        }
    }

    fn remember(&mut self, of: Family, seconds: u32, run: &Run) -> Step {
        let key = run.key(Key::Client);
        let value = Some(run.scratch.to_ne_bytes().to_vec());
        self.remembered.insert(key.clone(), seconds);
        let map = self.elements.entry((of, SetName::Affinity)).or_default();
        // An update leaves the value of an element that is there.
        map.entry(key.clone()).or_insert_with(|| Element {
            key,
            value,
            ..Element::default()
        });
        Step::Next
    }

    fn translate(&self, of: Family, run: &Run) -> Step {
        let value = self.value(of, SetName::Backends, &run.key(Key::Slot));
        let to = value.and_then(|value| {
            let (address, rest) = read_address(of, &value)?;
            let port = u16::from_be_bytes([*rest.first()?, *rest.get(1)?]);
            Some((address, port).into())
        });
        to.map_or(Step::Break, |to| Step::End(Outcome::Forwarded(to, false)))
    }

    fn value(&self, of: Family, map: SetName, key: &[u8]) -> Option<Vec<u8>> {
        self.elements.get(&(of, map))?.get(key)?.value.clone()
    }

    fn contains(&self, of: Family, set: SetName, key: &[u8]) -> bool {
        let Some(elements) = self.elements.get(&(of, set)) else {
            return false;
        };
        if SetName::OF_ENVIRONMENT.contains(&set) {
            let before = elements.range(..=key.to_vec()).next_back();
            return before.is_some_and(|(_, element)| !element.interval_end);
        }
        let within = |element: &Element| {
            let end = element.key_end.as_deref().unwrap_or(&element.key);
            element.key.as_slice() <= key && key <= end
        };
        elements.values().any(within)
    }
}

/// What a piece of a rule leads to.
enum Step {
    Next,
    Break,
    To(Verdict),
    End(Outcome),
}

impl Run {
    fn set(&mut self, scratch: u32) -> Step {
        self.scratch = scratch;
        Step::Next
    }

    fn key(&self, key: Key) -> Vec<u8> {
        let fields = key.fields().iter();
        fields.flat_map(|field| self.field(*field)).collect()
    }

    fn field(&self, field: Field) -> Vec<u8> {
        let port = |at: SocketAddr| [&at.port().to_be_bytes()[..], &[0, 0]].concat();
        match field {
            Field::Source => octets(self.packet.from),
            Field::Destination => octets(self.packet.to.ip()),
            Field::Transport => vec![number(self.packet.protocol), 0, 0, 0],
            Field::Port => port(self.packet.to),
            Field::OriginalDestination => octets(self.original.ip()),
            Field::OriginalPort => port(self.original),
            Field::Priority => self.scratch.to_ne_bytes().to_vec(),
            Field::ReplySource | Field::ReplyPort => unreachable!("no key has it"),
        }
    }
}

#[cfg(test)]
mod tests;

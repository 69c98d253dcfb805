//! What cases assert, in their own words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use portolan_model::Protocol;

use crate::{Answer, Ask, Lab, Outcome, Plugin};

/// Enough tries for one of two equal members to be missed once in thirty million times.
pub const TRIES: usize = 26;

/// A SYN that got no answer is repeated after a second: what comes sooner is the answer to the first.
const ONE_ROUND_TRIP: Duration = Duration::from_millis(900);

/// Who answered how often, in words.
pub(crate) fn tally(answers: &[Answer]) -> String {
    let mut times = BTreeMap::new();
    for answer in answers {
        *times.entry(answer.by.as_str()).or_insert(0_usize) += 1;
    }
    let each = times.iter().map(|(by, n)| format!("{by} ({n} times)"));
    each.collect::<Vec<_>>().join(", ")
}

impl<D: Plugin> Lab<D> {
    /// One after the other, each with a source port of its own.
    pub fn ask_often(&self, from: &str, ask: Ask, times: usize) -> Vec<Outcome> {
        self.network.host(from).machine.run(async move {
            let mut outcomes = Vec::new();
            for _ in 0..times {
                outcomes.push(ask.ask().await);
            }
            outcomes
        })
    }

    /// All at the same time: silence takes its time only once.
    pub fn ask_all(&self, asks: &[(&str, Ask)]) -> Vec<Outcome> {
        let machine = |from: &str| &self.network.host(from).machine;
        let start = |(from, ask): &(&str, Ask)| machine(from).spawn(ask.ask());
        let asking: Vec<_> = asks.iter().map(start).collect();
        let pairs = asks.iter().zip(asking);
        pairs
            .map(|((from, _), task)| machine(from).join(task))
            .collect()
    }

    /// Everybody who answers.
    ///
    /// # Panics
    /// If one question goes without answer.
    pub fn answers(&self, from: &str, ask: Ask, times: usize) -> Vec<Answer> {
        let answered = |outcome| match outcome {
            Outcome::Answered(answer) => answer,
            other => panic!(
                "{from} to {}/{}: an answer was due, it got {other}",
                ask.to, ask.protocol
            ),
        };
        let outcomes = self.ask_often(from, ask, times).into_iter();
        outcomes.map(answered).collect()
    }

    /// Each of these answers, nobody else, and every question is answered.
    pub fn assert_reaches(&self, from: &str, to: SocketAddr, protocol: Protocol, whom: &[&str]) {
        let tries = if whom.len() == 1 { 5 } else { TRIES };
        let answers = self.answers(from, Ask::new(to, protocol), tries);
        let by: BTreeSet<_> = answers.iter().map(|answer| answer.by.as_str()).collect();
        assert!(
            by.iter().eq(BTreeSet::from_iter(whom)),
            "{from} to {to}/{protocol}: {} should answer, and nobody else; it was {}",
            whom.join(" and "),
            tally(&answers)
        );
    }

    /// The same over every transport, and what they are seen as where the dataplane keeps sources.
    pub fn assert_seen_as(&self, from: &str, to: SocketAddr, whom: &[&str], source: IpAddr) {
        for protocol in self.protocols() {
            self.assert_reaches(from, to, protocol, whom);
            for answer in self.answers(from, Ask::new(to, protocol), 3) {
                let seen = answer.client.ip();
                assert!(
                    seen == source,
                    "{from} to {to}/{protocol}: {} should see the source {source}, it sees {seen}",
                    answer.by
                );
            }
        }
    }

    /// RST or ICMP port unreachable, within one round trip: at best of a few, as a machine busy with something else is
    /// slow now and then, and one that gets its answer to a repeated SYN is slow each time.
    pub fn assert_refused(&self, from: &str, to: SocketAddr, protocol: Protocol) {
        let ask = Ask::new(to, protocol);
        let attempt = |_| {
            let began = Instant::now();
            let outcome = ask.on(&self.network.host(from).machine);
            let is_refused = outcome == Outcome::Refused || self.is_barred(from, &outcome);
            assert!(
                is_refused,
                "{from} to {to}/{protocol}: {} was due, it got {outcome}",
                Outcome::Refused
            );
            began.elapsed()
        };
        let took = (0..3).map(attempt).min().unwrap_or_default();
        assert!(
            took < ONE_ROUND_TRIP,
            "{from} to {to}/{protocol}: a refusal was due at once, it came after {took:?}"
        );
    }

    /// No answer at all; of a dataplane that can't be silent, none but a refusal.
    pub fn assert_dropped(&self, from: &str, to: SocketAddr, protocol: Protocol) {
        let ask = Ask::new(to, protocol).briefly();
        let outcome = ask.on(&self.network.host(from).machine);
        let silent = outcome == Outcome::Silent || self.is_barred(from, &outcome);
        let in_its_way = if self.can().drop {
            silent
        } else {
            // A relay's UDP socket that serves others can only be silent.
            outcome == Outcome::Refused || (silent && protocol == Protocol::Udp)
        };
        let due = if self.can().drop {
            "silence was due"
        } else {
            "a refusal was due, since `drop` is not declared"
        };
        assert!(
            in_its_way,
            "{from} to {to}/{protocol}: {due}, it got {outcome}"
        );
    }

    /// On a node the rules are those of the sender itself.
    pub fn is_barred(&self, from: &str, outcome: &Outcome) -> bool {
        *outcome == Outcome::Barred && self.nodes().any(|node| node == from)
    }

    /// How often each member answers.
    pub fn shares(&self, from: &str, ask: Ask, times: usize) -> BTreeMap<String, f64> {
        let mut shares = BTreeMap::new();
        for answer in self.answers(from, ask, times) {
            *shares.entry(answer.by).or_insert(0.0) += 1.0;
        }
        shares
    }
}

//! The chains. A NAT chain sees the first packet of each flow; conntrack repeats for the others what it decided.

use portolan_netlink::nftables::{Hook, Verdict};
use portolan_nft::{chain, hooked, rule};

use super::{Chain, Key, Part, Rule, SetName};
use crate::class::{AFFINE, COUNTS, GUARDED, INSIDE, KIND, PICK, SPLIT, TIMEOUT, TIMEOUTS};

use Part::{
    Add, Clear, Dispatch, Do, Forget, Has, In, Invalid, Keep, Masquerade, NotSyn, Random, Remember,
    Reset, SourceIsLocal, Stays, Take, Translate, Translated, Unreachable,
};

/// `NF_INET_*`.
const PREROUTING: u32 = 0;
const OUTPUT: u32 = 3;
const POSTROUTING: u32 = 4;

/// `NF_IP_PRI_NAT_DST`, `NF_IP_PRI_NAT_SRC`.
const DSTNAT: i32 = -100;
const SRCNAT: i32 = 100;
/// Where filters are: at `NF_IP_PRI_FILTER`.
const FILTER: Hook = Hook {
    kind: "filter",
    number: PREROUTING,
    priority: 0,
};

fn nat(number: u32, priority: i32) -> Hook {
    Hook {
        kind: "nat",
        number,
        priority,
    }
}

fn jump(chain: &str) -> Part {
    Do(Verdict::Jump(chain.to_owned()))
}

fn goto(chain: &str) -> Part {
    Do(Verdict::Goto(chain.to_owned()))
}

/// Every chain, in order of creation.
pub(crate) fn chains() -> Vec<Chain> {
    let services = || vec![rule("", [jump("services")])];
    let mut chains = vec![
        hooked("prerouting", nat(PREROUTING, DSTNAT), services()),
        hooked("output", nat(OUTPUT, DSTNAT), services()),
        hooked("postrouting", nat(POSTROUTING, SRCNAT), postrouting()),
        hooked("answers", FILTER, answers()),
        chain("services", first_packet()),
        chain("service", for_a_frontend()),
    ];
    chains.extend(who_may());
    chains.extend(affinity());
    chains.extend(identities());
    chains.extend(ends());
    chains.extend(masquerading());
    for seconds in TIMEOUTS {
        let parts = [Remember(seconds)];
        chains.push(chain(&remember_chain(seconds), [rule("", parts)]));
    }
    for count in COUNTS {
        chains.push(chain(&pick_chain(count), [rule("", [Random(count)])]));
    }
    chains
}

fn first_packet() -> Vec<Rule> {
    vec![
        rule(
            "loading NAT starts conntrack amid flows: leave them alone",
            [NotSyn, Do(Verdict::Return)],
        ),
        rule(
            "",
            [Take(Key::Frontend, SetName::Frontends), goto("service")],
        ),
        rule(
            "another port of a live ClusterIP",
            [In(Key::To, SetName::ClusterIps), goto("refuse")],
        ),
        rule(
            "an address of nobody",
            [In(Key::To, SetName::ServiceCidrs), Do(Verdict::Drop)],
        ),
    ]
}

/// The scratch is the frontend's class.
fn for_a_frontend() -> Vec<Rule> {
    vec![
        rule("source ranges", [Has(GUARDED), jump("guard")]),
        rule("an external Local policy", [Has(SPLIT), jump("sources")]),
        rule("session affinity", [Has(AFFINE), goto("affine")]),
        rule(
            "the scratch becomes a slot",
            [Dispatch(PICK, SetName::Pick)],
        ),
        rule("", [goto("forward")]),
    ]
}

fn who_may() -> Vec<Chain> {
    vec![
        chain(
            "guard",
            [
                rule("", [In(Key::Source, SetName::Allowed), Do(Verdict::Return)]),
                rule("not among the source ranges", [Do(Verdict::Drop)]),
            ],
        ),
        chain(
            "sources",
            [
                rule("", [In(Key::From, SetName::Workloads), goto("inside")]),
                rule("the node itself", [SourceIsLocal, goto("inside")]),
            ],
        ),
        chain(
            "inside",
            [
                rule(
                    "the cluster's list instead of this node's",
                    [Take(Key::Frontend, SetName::Inside)],
                ),
                rule("", [Has(AFFINE), goto("affine_inside")]),
                rule("", [Dispatch(PICK, SetName::Pick)]),
                rule("slots of the other list", [Add(INSIDE)]),
                rule("", [goto("forward")]),
            ],
        ),
    ]
}

/// A client is remembered with the identity of its endpoint: slots move when others come and go, identities don't.
fn affinity() -> Vec<Chain> {
    let known = || {
        rule(
            "a client that was here",
            [Take(Key::Client, SetName::Affinity), jump("recall")],
        )
    };
    vec![
        chain(
            "affine",
            [
                known(),
                rule("the class again", [Take(Key::Frontend, SetName::Frontends)]),
                rule("", [Dispatch(PICK, SetName::Pick)]),
                rule("", [goto("identify")]),
            ],
        ),
        chain(
            "affine_inside",
            [
                known(),
                rule("the class again", [Take(Key::Frontend, SetName::Inside)]),
                rule("", [Dispatch(PICK, SetName::Pick)]),
                rule("", [Add(INSIDE)]),
                rule("", [goto("identify")]),
            ],
        ),
    ]
}

/// An identity becomes a backend, and a slot an identity.
fn identities() -> Vec<Chain> {
    vec![
        chain(
            "recall",
            [
                rule("whatever the timeout was then", [Keep(!TIMEOUT)]),
                rule(
                    "still one of its endpoints",
                    [Take(Key::Slot, SetName::Identities), goto("remember")],
                ),
                rule("an update would keep the old value", [Forget]),
            ],
        ),
        chain(
            "identify",
            [
                rule(
                    "from the slot",
                    [Take(Key::Slot, SetName::Identities), goto("remember")],
                ),
                rule(
                    "not loaded yet: the client tries again",
                    [Do(Verdict::Drop)],
                ),
            ],
        ),
        chain(
            "remember",
            [
                rule("", [Dispatch(TIMEOUT, SetName::Timeouts)]),
                rule("", [goto("forward")]),
            ],
        ),
    ]
}

fn ends() -> Vec<Chain> {
    vec![
        chain(
            "forward",
            [
                rule("", [Translate]),
                rule(
                    "not loaded yet: the client tries again",
                    [Do(Verdict::Drop)],
                ),
            ],
        ),
        chain("refuse", [rule("", [Reset]), rule("", [Unreachable])]),
    ]
}

/// What is not translated back would reach the client as a stranger's, which it resets (k/k#74839).
fn answers() -> Vec<Rule> {
    let strange = [
        Invalid,
        In(Key::FromTwice, SetName::Hairpin),
        Do(Verdict::Drop),
    ];
    vec![rule("a backend's stray segment", strange)]
}

fn postrouting() -> Vec<Rule> {
    let ours = [
        Translated,
        Take(Key::Original, SetName::Frontends),
        goto("translated"),
    ];
    vec![
        rule(
            "answers come back here anyhow",
            [Stays, Do(Verdict::Return)],
        ),
        rule("flows to frontends of ours", ours),
    ]
}

/// The scratch is the frontend's class.
fn masquerading() -> Vec<Chain> {
    vec![
        chain(
            "translated",
            [
                rule(
                    "to itself: else it would answer itself directly",
                    [In(Key::Both, SetName::Hairpin), goto("masquerade_all")],
                ),
                rule("", [Dispatch(KIND, SetName::Kinds)]),
                rule("", [Clear]),
            ],
        ),
        chain(
            "masquerade_strangers",
            [
                rule(
                    "answers come back to workloads by themselves",
                    [In(Key::From, SetName::Unmasked), Do(Verdict::Return)],
                ),
                rule("", [goto("masquerade_all")]),
            ],
        ),
        chain(
            "masquerade_node",
            [rule("", [SourceIsLocal, goto("masquerade_all")])],
        ),
        chain(
            "masquerade_all",
            [rule("", [Clear]), rule("", [Masquerade])],
        ),
    ]
}

pub(super) fn remember_chain(seconds: u32) -> String {
    format!("remember_{seconds}s")
}

pub(super) fn pick_chain(count: u32) -> String {
    format!("pick_{count}")
}

//! The chains. IPVS sees what reaches this machine (input) and what it sends itself (output), so packets for Services get a
//! mark before routing, and marked ones are routed to this machine, whoever has their address. What IPVS sends on passes
//! output and postrouting again.

use portolan_netlink::nftables::{Hook, Verdict};
use portolan_nft::{chain, hooked, rule};

use super::{Chain, Key, Part, Rule, SetName};
use crate::mark::{Kind, MarkBit};

use Part::{
    Answer, Do, Has, In, Invalid, Keep, Known, Mark, Masquerade, NotSyn, Repeated, Reset,
    SourceIsLocal, Stays, Take, Unreachable,
};

/// `NF_INET_*`.
const PREROUTING: u32 = 0;
const INPUT: u32 = 1;
const OUTPUT: u32 = 3;
const POSTROUTING: u32 = 4;

/// `NF_IP_PRI_FILTER`.
const FILTER: i32 = 0;
/// `NF_IP_PRI_NAT_DST` is -100: what another program translates is no more for a Service of ours.
const BEHIND_DSTNAT: i32 = -90;
/// NAT in output asks for another route where the destination was changed: by then the mark must be gone.
const BEFORE_DSTNAT: i32 = -150;
/// Behind NAT, before IPVS takes it (-98).
const BEFORE_IPVS_OUT: i32 = -99;
/// Behind where IPVS takes it: 99 in input, -98 in output.
const BEHIND_IPVS_IN: i32 = 150;
const BEHIND_IPVS_OUT: i32 = -50;
/// `NF_IP_PRI_NAT_SRC`.
const SRCNAT: i32 = 100;

fn goto(chain: &str) -> Part {
    Do(Verdict::Goto(chain.to_owned()))
}

fn jump(chain: &str) -> Part {
    Do(Verdict::Jump(chain.to_owned()))
}

/// Every chain, in order of creation.
pub(crate) fn chains(mark: MarkBit) -> Vec<Chain> {
    let bit = mark.mask();
    let at = |kind, number, priority| Hook {
        kind,
        number,
        priority,
    };
    let filter = |number, priority| at("filter", number, priority);
    let mut chains = vec![
        hooked(
            "prerouting",
            filter(PREROUTING, BEHIND_DSTNAT),
            entering(bit),
        ),
        hooked("output", filter(OUTPUT, BEFORE_IPVS_OUT), entering(bit)),
        hooked("sent", filter(OUTPUT, BEFORE_DSTNAT), sent(bit)),
        hooked("passed_in", filter(INPUT, BEHIND_IPVS_IN), passed(bit)),
        hooked(
            "passed_out",
            at("route", OUTPUT, BEHIND_IPVS_OUT),
            passed(bit),
        ),
        hooked("answers", filter(PREROUTING, FILTER), answers()),
        hooked("postrouting", at("nat", POSTROUTING, SRCNAT), postrouting()),
        chain("first", first_packet()),
        chain("service", for_a_frontend(mark)),
    ];
    chains.extend(who_may());
    chains.extend(ends());
    chains.extend(masquerading(mark));
    chains
}

/// Before routing, and what the node itself sends.
fn entering(bit: u32) -> Vec<Rule> {
    let known = [
        Known,
        In(Key::Frontend, SetName::Served),
        Mark(bit),
        Do(Verdict::Accept),
    ];
    let direct = [Known, In(Key::Server, SetName::Served), Do(Verdict::Return)];
    vec![
        rule("answers are no requests", [Answer, Do(Verdict::Return)]),
        rule("IPVS did not take it: it is another's", direct),
        rule("of a connection that IPVS has", known),
        rule("", [Known, Do(Verdict::Return)]),
        rule("", [goto("first")]),
    ]
}

fn sent(bit: u32) -> Vec<Rule> {
    vec![rule(
        "IPVS sends it on: it is routed as any other",
        [Has(bit, bit), Mark(0)],
    )]
}

/// What IPVS leaves on this machine: packets to its own servers, which in output still have the route to the virtual address,
/// so a chain of type route asks for another one; and what it did not take.
fn passed(bit: u32) -> Vec<Rule> {
    vec![
        rule("", [Has(bit, bit), jump("unserved")]),
        rule("for a server on this machine", [Has(bit, bit), Mark(0)]),
    ]
}

fn first_packet() -> Vec<Rule> {
    let nobody = [In(Key::To, SetName::ServiceCidrs), Do(Verdict::Drop)];
    vec![
        rule(
            "loading conntrack starts it amid flows: leave them alone",
            [NotSyn, Do(Verdict::Return)],
        ),
        rule(
            "it was sent before it was ours: its source can't be replaced any more",
            [Repeated, In(Key::Server, SetName::Served), goto("refuse")],
        ),
        rule(
            "the mark becomes the class",
            [Take(Key::Frontend, SetName::Frontends), goto("service")],
        ),
        rule(
            "another port of a live ClusterIP",
            [In(Key::To, SetName::ClusterIps), goto("refuse")],
        ),
        rule("an address of nobody", nobody),
    ]
}

/// The mark is the frontend's class; what passes goes to IPVS with it.
fn for_a_frontend(mark: MarkBit) -> Vec<Rule> {
    let has = |bit| Has(bit, bit);
    vec![
        rule("source ranges", [has(mark.guarded()), jump("guard")]),
        rule(
            "an external Local policy",
            [has(mark.split()), jump("sources")],
        ),
        rule("nobody serves", [has(mark.refuse()), goto("refuse")]),
        rule(
            "others serve, elsewhere",
            [has(mark.drop()), Do(Verdict::Drop)],
        ),
        rule("what is left is IPVS's", [Keep(!mark.class())]),
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
            [rule(
                "the mark of another virtual server",
                [Take(Key::Frontend, SetName::Inside)],
            )],
        ),
    ]
}

fn ends() -> Vec<Chain> {
    vec![
        chain("refuse", [rule("", [Reset]), rule("", [Unreachable])]),
        chain(
            "unserved",
            [
                rule(
                    "of a connection that was there before IPVS",
                    [NotSyn, Do(Verdict::Return)],
                ),
                rule(
                    "IPVS did not take it: not loaded yet, the client tries again",
                    [In(Key::Frontend, SetName::Served), Do(Verdict::Drop)],
                ),
            ],
        ),
    ]
}

/// What is not translated back would reach a stranger, who resets the connection (k/k#74839).
fn answers() -> Vec<Rule> {
    let strange = [
        Invalid,
        In(Key::FromTwice, SetName::Hairpin),
        Do(Verdict::Drop),
    ];
    vec![rule("a backend's stray segment", strange)]
}

fn postrouting() -> Vec<Rule> {
    let ours = [Take(Key::Original, SetName::Frontends), goto("translated")];
    let gone = [In(Key::Original, SetName::Served), goto("masquerade_all")];
    vec![
        rule(
            "answers come back here anyhow",
            [Stays, Do(Verdict::Return)],
        ),
        rule("flows to frontends of ours", ours),
        rule("to one that went while IPVS had the packet", gone),
    ]
}

/// The mark is the frontend's class.
fn masquerading(mark: MarkBit) -> Vec<Chain> {
    let kind = |kind, chain| [Has(mark.kinds(), mark.kind(kind)), goto(chain)];
    vec![
        chain(
            "translated",
            [
                rule(
                    "to itself: else it would answer itself directly",
                    [In(Key::Both, SetName::Hairpin), goto("masquerade_all")],
                ),
                rule("", kind(Kind::Always, "masquerade_all")),
                rule("", kind(Kind::NotWorkloads, "masquerade_strangers")),
                rule("", kind(Kind::Node, "masquerade_node")),
                rule("", [Mark(0)]),
            ],
        ),
        chain(
            "masquerade_strangers",
            [
                rule(
                    "answers come back to workloads by themselves",
                    [In(Key::From, SetName::Unmasked), goto("as_it_is")],
                ),
                rule("", [goto("masquerade_all")]),
            ],
        ),
        chain(
            "masquerade_node",
            [
                rule("", [SourceIsLocal, goto("masquerade_all")]),
                rule("", [goto("as_it_is")]),
            ],
        ),
        chain(
            "masquerade_all",
            [rule("", [Mark(0)]), rule("", [Masquerade])],
        ),
        chain("as_it_is", [rule("", [Mark(0)])]),
    ]
}

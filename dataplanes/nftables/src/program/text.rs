//! The program as `nft list table` shows it.

use std::fmt::Write;

use portolan_netlink::nftables::{Family, Verdict};
use portolan_nft::SetName as _;

use super::sets::declaration;
use super::{Chain, Key, LAYOUT, Part, Rule, SetName, TABLE, chains};

/// One family's table without elements, in the words of `nft --stateless --terse list table`.
pub fn text(family: Family) -> String {
    let mut text = format!(
        "table {} {TABLE} {{\n\tcomment \"{LAYOUT}\"\n",
        family.as_str()
    );
    let mut blocks: Vec<_> = SetName::of(family)
        .map(|set| declaration(set, family))
        .collect();
    blocks.extend(chains().iter().map(|chain| chain_text(chain, family)));
    text.push_str(&blocks.join("\n"));
    text.push_str("}\n");
    text
}

fn chain_text(chain: &Chain, family: Family) -> String {
    let mut text = format!("\tchain {} {{\n", chain.name);
    if let Some(hook) = &chain.hook {
        let (place, priority) = match (hook.number, hook.priority) {
            (0, 0) => ("prerouting", "filter"),
            (0, _) => ("prerouting", "dstnat"),
            (4, _) => ("postrouting", "srcnat"),
            // nft 1.0.6 knows no name for it in this hook.
            _ => ("output", "-100"),
        };
        let kind = hook.kind;
        let _ = writeln!(
            text,
            "\t\ttype {kind} hook {place} priority {priority}; policy accept;"
        );
    }
    for rule in &chain.rules {
        let _ = writeln!(text, "\t\t{}", rule_text(rule, family));
    }
    text.push_str("\t}\n");
    text
}

fn rule_text(rule: &Rule, family: Family) -> String {
    let parts: Vec<_> = rule
        .parts
        .iter()
        .map(|part| part_text(part, family))
        .collect();
    let mut text = parts.join(" ");
    if !rule.why.is_empty() {
        let _ = write!(text, " comment \"{}\"", rule.why);
    }
    text
}

fn part_text(part: &Part, family: Family) -> String {
    let key = |key| key_text(key, family);
    let ip = family.as_str();
    match part {
        Part::NotSyn => "tcp flags != syn / fin,syn,rst,ack".to_owned(),
        Part::Invalid => "meta l4proto tcp ct state invalid".to_owned(),
        Part::Stays => "oif \"lo\"".to_owned(),
        Part::Translated => "ct status dnat".to_owned(),
        Part::In(of, set) => format!("{} @{}", key(*of), set.as_str()),
        Part::SourceIsLocal => "fib saddr type local".to_owned(),
        Part::Has(bits) => format!("meta priority & {0} == {0}", scratch(*bits)),
        Part::Take(of, map) => format!("meta priority set {} map @{}", key(*of), map.as_str()),
        Part::Keep(mask) => format!("meta priority set meta priority & {}", scratch(*mask)),
        Part::Add(bits) => format!("meta priority set meta priority | {}", scratch(*bits)),
        Part::Clear => "meta priority set none".to_owned(),
        Part::Random(below) => format!("meta priority set numgen random mod {below}"),
        Part::Dispatch(mask, map) => {
            format!("meta priority & {} vmap @{}", scratch(*mask), map.as_str())
        }
        Part::Remember(seconds) => format!(
            "update @affinity {{ {} timeout {} : meta priority }}",
            key(Key::Client),
            duration(*seconds)
        ),
        Part::Forget => format!(
            "delete @affinity {{ {} : meta priority }}",
            key(Key::Client)
        ),
        Part::Translate => format!("dnat {ip} to {} map @backends", key(Key::Slot)),
        Part::Masquerade => "masquerade fully-random".to_owned(),
        Part::Reset => "reject with tcp reset".to_owned(),
        Part::Unreachable => "reject".to_owned(),
        Part::Do(verdict) => match verdict {
            Verdict::Accept => "accept".to_owned(),
            Verdict::Drop => "drop".to_owned(),
            Verdict::Return => "return".to_owned(),
            Verdict::Jump(chain) => format!("jump {chain}"),
            Verdict::Goto(chain) => format!("goto {chain}"),
        },
    }
}

fn key_text(key: Key, family: Family) -> String {
    let fields = key.fields().iter().map(|field| field.text(family));
    fields.collect::<Vec<_>>().join(" . ")
}

/// The scratch in nft's notation of `classid`.
fn scratch(value: u32) -> String {
    match value {
        0 => "none".to_owned(),
        _ => format!("{:x}:{:x}", value >> 16, value & 0xffff),
    }
}

/// Seconds in the words of nft.
fn duration(seconds: u32) -> String {
    let mut text = String::new();
    let units = [
        ("d", 86_400, u32::MAX),
        ("h", 3600, 24),
        ("m", 60, 60),
        ("s", 1, 60),
    ];
    for (unit, size, most) in units {
        let count = seconds / size % most;
        if count != 0 {
            let _ = write!(text, "{count}{unit}");
        }
    }
    text
}

//! A frontend in HAProxy's words.

use std::fmt::{self, Write};

use ipnet::IpNet;
use portolan_dataplane::{Frontend, FrontendKey, Pool};
use portolan_model::view::{Reach, WhenEmpty};

/// Begins a section. The rest of the line is what HAProxy has no words for.
pub(crate) const MARK: &str = "# frontend ";

/// The largest weight of a server.
const HEAVIEST: u64 = 256;

/// Whether everything about a frontend can stand in a line of words.
pub(crate) fn is_writable(frontend: &Frontend) -> bool {
    let port = &frontend.service.port;
    port != "-" && !port.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// A frontend where it is.
pub(crate) struct Section<'a>(pub(crate) FrontendKey, pub(crate) &'a Frontend);

impl Section<'_> {
    /// What stands in the file.
    pub(crate) fn text(&self, inside: &[String]) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(inside, &mut text);
        text
    }

    /// Writes it; `inside` are the ranges that the rules for sources inside name.
    pub(crate) fn write(&self, inside: &[String], to: &mut impl Write) -> fmt::Result {
        let Self(key, frontend) = self;
        self.mark(to)?;
        let mut pools = self.pools(inside);
        let refuses =
            |pool: &Pool| pool.backends.is_empty() && pool.when_empty == WhenEmpty::Reject;
        if pools.iter().all(|(pool, ..)| refuses(pool)) {
            // Nobody listens, and the kernel itself refuses.
            return Ok(());
        }
        let at = self.name();
        writeln!(to, "frontend {at}")?;
        writeln!(to, "    bind {} transparent", key.socket_addr())?;
        if !frontend.source_ranges.is_empty() {
            let ranges = join(&frontend.source_ranges, " ");
            let rule = "tcp-request connection silent-drop";
            writeln!(to, "    {rule} unless {{ src {ranges} }}")?;
        }
        // HAProxy wants its rules in the order in which it goes by them: refusals first.
        pools.sort_by_key(|(pool, ..)| !pool.backends.is_empty());
        for (pool, name, condition) in &pools {
            entry(to, pool, name, condition)?;
        }
        for (pool, name, _) in &pools {
            servers(to, frontend, key, pool, name)?;
        }
        Ok(())
    }

    /// The first line: what HAProxy has no words for, in words of ours.
    fn mark(&self, to: &mut impl Write) -> fmt::Result {
        let Self(key, frontend) = self;
        let service = &frontend.service;
        let reach = match frontend.reach {
            Reach::Internal => "internal",
            Reach::External => "external",
        };
        let empty = |pool: &Pool| word(pool.when_empty);
        writeln!(
            to,
            "{MARK}{} {} {} {} {} {} {reach} {} {} {} {}",
            key.address,
            key.port,
            service.uid,
            service.namespace,
            service.name,
            or_dash(service.port.clone()),
            empty(&frontend.pool),
            frontend.inside.as_deref().map_or("-", empty),
            frontend.affinity_seconds,
            or_dash(join(&frontend.source_ranges, ",")),
        )
    }

    /// Names within HAProxy have to be unique.
    fn name(&self) -> String {
        format!("{}_{}", self.0.address, self.0.port)
    }

    /// Each pool with its name, and with the condition on which sources use it.
    fn pools(&self, inside: &[String]) -> Vec<(&Pool, String, String)> {
        let (at, pool) = (self.name(), &self.1.pool);
        let Some(own) = &self.1.inside else {
            return vec![(pool, at, String::new())];
        };
        let from = format!("{{ src {} }}", inside.join(" "));
        vec![
            (own, format!("in_{at}"), format!(" if {from}")),
            (pool, at, format!(" unless {from}")),
        ]
    }
}

fn word(when_empty: WhenEmpty) -> &'static str {
    match when_empty {
        WhenEmpty::Reject => "reject",
        WhenEmpty::Drop => "silent-drop",
    }
}

/// How sources that a condition names get to a pool.
fn entry(to: &mut impl Write, pool: &Pool, name: &str, condition: &str) -> fmt::Result {
    if pool.backends.is_empty() {
        writeln!(
            to,
            "    tcp-request connection {}{condition}",
            word(pool.when_empty)
        )
    } else {
        writeln!(to, "    use_backend {name}{condition}")
    }
}

/// A pool's backends, with their weights and, if asked for, the memory of who was where.
fn servers(
    to: &mut impl Write,
    frontend: &Frontend,
    key: &FrontendKey,
    pool: &Pool,
    name: &str,
) -> fmt::Result {
    if pool.backends.is_empty() {
        return Ok(());
    }
    writeln!(to, "backend {name}\n    balance random")?;
    if frontend.affinity_seconds > 0 {
        let kind = if key.address.is_ipv4() { "ip" } else { "ipv6" };
        let expire = frontend.affinity_seconds;
        writeln!(
            to,
            "    stick-table type {kind} size 100k expire {expire}s\n    stick on src"
        )?;
    }
    let heaviest = pool
        .backends
        .iter()
        .map(|b| u64::from(b.weight))
        .max()
        .unwrap_or(1);
    for backend in &pool.backends {
        let weight = u64::from(backend.weight);
        let scaled = (weight * HEAVIEST / heaviest.max(HEAVIEST)).max(1);
        writeln!(
            to,
            "    server {} {} weight {scaled} # {weight}",
            backend.endpoint,
            backend.socket_addr()
        )?;
    }
    Ok(())
}

fn join(ranges: &[IpNet], by: &str) -> String {
    let words: Vec<_> = ranges.iter().map(IpNet::to_string).collect();
    words.join(by)
}

fn or_dash(word: String) -> String {
    if word.is_empty() {
        "-".to_owned()
    } else {
        word
    }
}

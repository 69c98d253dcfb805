//! What a section says.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, Pool, ServiceRef};
use portolan_model::view::{Reach, WhenEmpty};
use portolan_model::{Name, Protocol};

use crate::section::MARK;

/// What a section says; `None` if it says nothing of sense.
pub(crate) fn parse(text: &str) -> Option<(FrontendKey, Frontend)> {
    let mut words = text.lines().next()?.strip_prefix(MARK)?.split(' ');
    let address: IpAddr = next(&mut words)?;
    let key = FrontendKey {
        address,
        port: next(&mut words)?,
        protocol: Protocol::Tcp,
    };
    let service = ServiceRef {
        uid: next(&mut words)?,
        namespace: Name::label(words.next()?).ok()?,
        name: Name::label(words.next()?).ok()?,
        port: Some(words.next()?)
            .filter(|word| *word != "-")
            .unwrap_or_default()
            .to_owned(),
    };
    let reach = match words.next()? {
        "internal" => Reach::Internal,
        _ => Reach::External,
    };
    let at = format!("{}_{}", key.address, key.port);
    let policy = pool(text, &at, words.next()?)?;
    let inside = pool(text, &format!("in_{at}"), words.next()?);
    let frontend = Frontend {
        service,
        reach,
        pool: policy,
        inside: inside.map(Box::new),
        affinity_seconds: next(&mut words)?,
        source_ranges: ranges(words.next()?)?,
    };
    Some((key, frontend))
}

fn next<T: FromStr>(words: &mut std::str::Split<'_, char>) -> Option<T> {
    words.next()?.parse().ok()
}

/// The pool of this name; `None` if there is none, as `when_empty` says.
fn pool(text: &str, name: &str, when_empty: &str) -> Option<Pool> {
    let when_empty = match when_empty {
        "reject" => WhenEmpty::Reject,
        "silent-drop" => WhenEmpty::Drop,
        _ => return None,
    };
    let begins = format!("backend {name}");
    let lines = text.lines().skip_while(|line| *line != begins).skip(1);
    let lines = lines.take_while(|line| line.starts_with(' '));
    let servers = lines.filter_map(|line| line.trim().strip_prefix("server "));
    let backend = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let [uid, address, _, _, _, weight] = words.as_slice() else {
            return None;
        };
        let at = address.parse().ok()?;
        Some(Backend::new(uid.parse().ok()?, at, weight.parse().ok()?))
    };
    Some(Pool {
        backends: servers.map(backend).collect::<Option<_>>()?,
        when_empty,
    })
}

fn ranges(word: &str) -> Option<Vec<IpNet>> {
    let words = word.split(',').filter(|word| *word != "-");
    words.map(|word| word.parse().ok()).collect()
}

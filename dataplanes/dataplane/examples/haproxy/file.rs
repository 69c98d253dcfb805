//! The file: a preamble, and a section a frontend.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use ipnet::IpNet;
use portolan_dataplane::{Environment, NodeState};

use crate::parse::parse;
use crate::section::{MARK, Section};

const PREAMBLE: &str = "\
# Written by portolan-haproxy. What is changed by hand is put back.
global
    maxconn 20000
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
";
const INSIDE: &str = "# inside ";

/// What is in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// Ranges of the sources that are inside; empty before they are known.
    pub(crate) inside: Vec<IpNet>,
    /// Frontends with their backends.
    pub(crate) state: NodeState,
}

impl Content {
    /// The sources that [`Environment::is_inside`] names.
    pub(crate) fn set_inside(&mut self, environment: &Environment) {
        let loopback = IpNet::new_assert(Ipv4Addr::new(127, 0, 0, 0).into(), 8);
        let own = environment.own.iter().copied().map(IpNet::from);
        let mut inside = vec![
            loopback,
            IpNet::from(std::net::IpAddr::from(Ipv6Addr::LOCALHOST)),
        ];
        inside.extend(own);
        inside.extend(&environment.workload_ranges);
        inside.extend(&environment.service_cidrs);
        self.inside = inside;
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREAMBLE)?;
        let inside: Vec<_> = self.inside.iter().map(IpNet::to_string).collect();
        writeln!(f, "{INSIDE}{}", inside.join(" "))?;
        for (key, frontend) in &self.state {
            Section(*key, frontend).write(&inside, f)?;
        }
        Ok(())
    }
}

/// What the file says; nothing if there is none yet. A section counts only if it is exactly what would be written for
/// what it says: one that somebody changed is not there, and so is written again.
pub(crate) fn read(path: &Path) -> io::Result<Content> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let (head, sections) = match text.find(MARK) {
        Some(at) => text.split_at(at),
        None => (text.as_str(), ""),
    };
    let words = head.lines().find_map(|line| line.strip_prefix(INSIDE));
    let words = words.unwrap_or_default().split_whitespace();
    let inside: Vec<IpNet> = words.filter_map(|word| word.parse().ok()).collect();
    let mut content = Content {
        inside,
        state: NodeState::new(),
    };
    let inside: Vec<_> = content.inside.iter().map(IpNet::to_string).collect();
    for section in sections
        .split_inclusive('\n')
        .collect::<Vec<_>>()
        .chunk_by(|_, next| !next.starts_with(MARK))
    {
        let text = section.concat();
        if let Some((key, frontend)) = parse(&text)
            && Section(key, &frontend).text(&inside) == text
        {
            content.state.insert(key, frontend.into());
        }
    }
    Ok(content)
}

/// Puts a text in the place of a file, whole or not at all; `None` if it is there already, else what was there.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<Option<String>> {
    let before = match std::fs::read_to_string(path) {
        Ok(before) if before == text => return Ok(None),
        Ok(before) => before,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    Ok(Some(before))
}

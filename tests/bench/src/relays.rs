//! Relays in processes of their own: ours and its peers, each in front of one backend.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use portolan_model::Protocol;
use tempfile::TempDir;

use crate::machine::{Facts, children, cpu_ms, resident_kib};

/// The hidden command that serves ours.
pub(crate) const OURS_COMMAND: &str = "relay-server";
/// The hidden command that only holds connections: the floor of memory.
pub(crate) const HOLD_COMMAND: &str = "hold-server";

const DEADLINE: Duration = Duration::from_secs(20);
/// Most connections that a peer is told of. HAProxy wants five descriptors for two of them, and a hard limit of 20,000 is
/// common.
const MOST: usize = 7_000;

/// What is measured of relays.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Of each measurement that takes a time.
    pub(crate) length: Duration,
}

/// Who relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Ours,
    /// Accepts, connects, and does nothing else.
    Hold,
    HaProxy,
    Nginx,
    /// Of UDP sessions it forgets those that were answered once.
    NginxOnce,
    Realm,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Hold => "hold",
            Self::HaProxy => "HAProxy",
            Self::Nginx | Self::NginxOnce => "nginx",
            Self::Realm => "realm",
        }
    }

    fn program(self) -> anyhow::Result<PathBuf> {
        let this = std::env::current_exe()?;
        let found = match self {
            Self::Ours | Self::Hold => Some(this),
            Self::HaProxy => installed("haproxy"),
            Self::Nginx | Self::NginxOnce => installed("nginx"),
            Self::Realm => {
                let target = this.parent().and_then(Path::parent);
                target.map(|folder| folder.join("realm/release/realm-peer"))
            }
        };
        found
            .filter(|path| path.exists())
            .with_context(|| format!("{} is missing: see tests/bench/README.md", self.name()))
    }

    /// Its version, for the report.
    pub(crate) fn describe(self, facts: &mut Facts) -> anyhow::Result<()> {
        let version = match self {
            Self::Ours | Self::Hold => return Ok(()),
            Self::HaProxy | Self::Nginx | Self::NginxOnce => {
                let said = Command::new(self.program()?).arg("-v").output()?;
                let said = [said.stdout, said.stderr].concat();
                let said = String::from_utf8_lossy(&said).into_owned();
                said.lines().next().unwrap_or_default().to_owned()
            }
            Self::Realm => "realm_core 0.5.1".to_owned(),
        };
        facts.insert(self.name().to_owned(), version);
        Ok(())
    }
}

/// Daemons are often outside the `PATH` of users.
fn installed(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let mut found = folders.iter().map(|folder| Path::new(folder).join(name));
    found.find(|path| path.exists())
}

/// A running relay; ends when dropped.
pub(crate) struct Relay {
    child: Child,
    pub(crate) at: SocketAddr,
    folder: TempDir,
}

impl Relay {
    /// One that listens already.
    pub(crate) fn start(kind: Kind, protocol: Protocol, to: SocketAddr) -> anyhow::Result<Self> {
        let at = free(protocol)?;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(kind.program()?);
        match kind {
            Kind::Ours => {
                command.args([OURS_COMMAND, &at.to_string(), &to.to_string()]);
                if protocol == Protocol::Udp {
                    command.arg("--udp");
                }
            }
            Kind::Hold => {
                command.args([HOLD_COMMAND, &at.to_string(), &to.to_string()]);
            }
            Kind::Realm => {
                command.args([at.to_string(), to.to_string()]);
            }
            Kind::HaProxy => {
                let path = folder.path().join("haproxy.cfg");
                std::fs::write(&path, haproxy(at, to))?;
                command.args(["-db", "-f"]).arg(path);
            }
            Kind::Nginx | Kind::NginxOnce => {
                let path = folder.path().join("nginx.conf");
                std::fs::write(&path, nginx(protocol, at, to, kind == Kind::NginxOnce))?;
                let prefix = folder.path();
                command.arg("-p").arg(prefix).arg("-c").arg(path);
            }
        }
        let log = std::fs::File::create(folder.path().join("log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut relay = Self { child, at, folder };
        relay.wait(protocol).context(kind.name())?;
        Ok(relay)
    }

    /// Until somebody has the port.
    fn wait(&mut self, protocol: Protocol) -> anyhow::Result<()> {
        let began = Instant::now();
        while try_bind(protocol, self.at).is_ok() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                bail!(
                    "it does not listen ({ended:?}): {}",
                    log.unwrap_or_default()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// All its processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let own = self.child.id();
        std::iter::once(own).chain(children(own)).collect()
    }

    /// Processor time of all its processes so far.
    pub(crate) fn cpu_ms(&self) -> u64 {
        self.pids().into_iter().filter_map(cpu_ms).sum()
    }

    /// Resident memory of all its processes.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.pids().into_iter().filter_map(resident_kib).sum()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // nginx's workers end with their master, but only if that is asked.
        let pid = i32::try_from(self.child.id()).map(nix::unistd::Pid::from_raw);
        // It may have ended already.
        let _ = pid.map(|pid| nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM));
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > DEADLINE {
                let _ = self.child.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn free(protocol: Protocol) -> std::io::Result<SocketAddr> {
    try_bind(protocol, (Ipv4Addr::LOCALHOST, 0).into())
}

fn try_bind(protocol: Protocol, at: SocketAddr) -> std::io::Result<SocketAddr> {
    if protocol == Protocol::Tcp {
        TcpListener::bind(at)?.local_addr()
    } else {
        UdpSocket::bind(at)?.local_addr()
    }
}

/// As many threads as processors, which is its default, and splicing allowed.
fn haproxy(at: SocketAddr, to: SocketAddr) -> String {
    format!(
        "global\n maxconn {MOST}\n\
         defaults\n mode tcp\n option splice-auto\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n\
         listen relay\n bind {at} backlog 4096\n server backend {to}\n"
    )
}

/// As many workers as processors. Half-closed connections live on, as they do with all others: by default nginx closes both
/// sides when one ends, and what the other still had to say is lost.
fn nginx(protocol: Protocol, at: SocketAddr, to: SocketAddr, once: bool) -> String {
    let forget = if once { "proxy_responses 1;" } else { "" };
    let listen = if protocol == Protocol::Tcp {
        format!("listen {at} backlog=4096; proxy_half_close on;")
    } else {
        format!("listen {at} udp reuseport;")
    };
    format!(
        "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n\
         daemon off;\npid nginx.pid;\nerror_log stderr error;\n\
         worker_processes auto;\nworker_rlimit_nofile 20000;\n\
         events {{ worker_connections {MOST}; }}\n\
         stream {{ server {{ {listen} proxy_pass {to}; {forget} }} }}\n"
    )
}

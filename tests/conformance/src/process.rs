//! The plugin's process.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// Where its output goes, in its directory.
const OUTPUT: &str = "output";

/// How a plugin is started: a shell command, to which the environment says where it is.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The command.
    pub command: String,
}

/// Where a plugin runs.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The node's name.
    pub(crate) node: String,
    /// Its addresses, the primary one first.
    pub(crate) addresses: Vec<IpAddr>,
    /// Its zone.
    pub(crate) zone: String,
    /// Where it keeps what it remembers, and where its output goes.
    pub(crate) dir: PathBuf,
}

/// A running plugin; it and what it started end with this value.
pub(crate) struct Process {
    child: Child,
    dir: PathBuf,
}

impl Launch {
    /// Starts it on the machine whose thread calls this.
    pub(crate) fn start(&self, place: &Place, server: &str) -> io::Result<Process> {
        let state = place.dir.join("state");
        std::fs::create_dir_all(&state)?;
        let output = place.dir.join(OUTPUT);
        let log = || OpenOptions::new().create(true).append(true).open(&output);
        let (out, err): (File, File) = (log()?, log()?);
        let addresses: Vec<_> = place.addresses.iter().map(IpAddr::to_string).collect();
        let child = Command::new("sh")
            .args(["-c", &self.command])
            .env("PORTOLAN_SERVER", server)
            .env("PORTOLAN_CLUSTER", "default")
            .env("PORTOLAN_NODE", &place.node)
            .env("PORTOLAN_ZONE", &place.zone)
            .env("PORTOLAN_ADDRESSES", addresses.join(","))
            .env("PORTOLAN_STATE_DIR", state)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()?;
        let dir = place.dir.clone();
        Ok(Process { child, dir })
    }
}

impl Process {
    /// Ends it at once, without a chance to tidy up.
    pub(crate) fn kill(&mut self) {
        let group = i32::try_from(self.child.id()).map(Pid::from_raw);
        // It may be gone already, which is as good.
        let _ = group.map(|group| killpg(group, Signal::SIGKILL));
        let _ = self.child.wait();
    }

    /// The last lines that it said.
    pub(crate) fn said(&self) -> String {
        tail(&self.dir)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of the plugin that has its place there.
pub(crate) fn tail(dir: &Path) -> String {
    const LINES: usize = 15;
    let said = std::fs::read(dir.join(OUTPUT)).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}

//! An unprivileged user, and what it runs.

use std::fs::{Permissions, set_permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use crate::{Namespace, Output, Process, binary, eventually, free_port, get, holds, run};

/// `nobody` wherever the kernel's own default is kept (`/proc/sys/kernel/overflowuid`).
const NOBODY: u32 = 65534;

/// Of tests without root, which share this machine's addresses.
static TURN: Mutex<()> = Mutex::new(());

/// A user without privileges, with a home of its own. If the test is root, also on a machine of its own; else such
/// tests take turns.
pub struct User {
    namespace: Option<Namespace>,
    home: TempDir,
    /// A `portolan` that this user may run.
    portolan: PathBuf,
    _turn: Option<MutexGuard<'static, ()>>,
}

/// A running `portolan dev`.
pub struct Dev<'a> {
    /// Its process; killed and started again at will.
    pub process: Process,
    user: &'a User,
    ports: Ports,
}

/// Where a `portolan dev` listens.
#[derive(Clone, Copy)]
pub struct Ports {
    /// The API.
    pub api: SocketAddr,
    /// Metrics and readiness.
    pub http: SocketAddr,
}

impl Ports {
    /// Ports that nobody has right now.
    pub fn free() -> Self {
        let loopback = || SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Self {
            api: loopback(),
            http: loopback(),
        }
    }
}

impl User {
    /// A new one.
    #[expect(
        clippy::new_without_default,
        reason = "making one may change the machine"
    )]
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        if !nix::unistd::geteuid().is_root() {
            let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
            return Self {
                namespace: None,
                home,
                portolan: binary("portolan"),
                _turn: Some(turn),
            };
        }
        chown(home.path(), Some(NOBODY), Some(NOBODY)).expect("root may give a directory away");
        let mut user = Self {
            namespace: Some(Namespace::new()),
            portolan: binary("portolan"),
            home,
            _turn: None,
        };
        user.portolan = user.runnable(&user.portolan);
        user
    }

    /// A path to the program that the user may run: its own, or a copy at home.
    fn runnable(&self, program: &Path) -> PathBuf {
        let mut look = self.command(Path::new("test"));
        look.arg("-x").arg(program);
        if run(look, "").code == 0 {
            return program.to_owned();
        }
        let copy = self.home.path().join("portolan");
        std::fs::copy(program, &copy).expect("the program can be copied");
        set_permissions(&copy, Permissions::from_mode(0o755)).expect("the copy is ours");
        copy
    }

    /// A command that the user runs.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = namespace.command(Path::new("setpriv"));
                let id = NOBODY.to_string();
                command.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]);
                command.arg(program);
                command
            }
        };
        command
            .env("HOME", self.home.path())
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env_remove("PORTOLAN_SERVER");
        command
    }

    /// The user's `portolan`.
    pub fn portolan(&self) -> Command {
        self.command(&self.portolan)
    }

    /// A directory of the user.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs code on the user's machine, with the privileges of the test.
    pub fn inside<T: Send>(&self, code: impl FnOnce() -> T + Send) -> T {
        match &self.namespace {
            Some(namespace) => namespace.enter(code),
            None => code(),
        }
    }

    /// Whether the machine is the user's alone, so that a test may set it up as it likes.
    pub fn has_own_machine(&self) -> bool {
        self.namespace.is_some()
    }

    /// `portolan dev` on one data directory, not started yet.
    pub fn dev_command(&self, ports: Ports, extra: &[&str]) -> Command {
        let mut command = self.portolan();
        command.arg("dev").arg("--data-dir").arg(self.data_dir());
        command.args(["--listen", &ports.api.to_string()]);
        command.args(["--http-listen", &ports.http.to_string()]);
        command.args(extra);
        command
    }

    /// The directory that every `portolan dev` of this user works on.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts `portolan dev`, and waits until it answers; with `--demo`, until it has shown everything.
    pub fn dev(&self, extra: &[&str]) -> Dev<'_> {
        let ports = Ports::free();
        let process = Process::start("portolan dev", self.dev_command(ports, extra));
        let mut dev = Dev {
            process,
            user: self,
            ports,
        };
        eventually("portolan dev is ready", || dev.ready());
        if extra.contains(&"--demo") {
            eventually("the demo was shown", || dev.shown());
        }
        dev
    }
}

impl Dev<'_> {
    fn ready(&mut self) -> std::io::Result<String> {
        if let Some(status) = self.process.ended() {
            panic!("portolan dev ended: {status}");
        }
        self.user.inside(|| get(self.ports.http, "/readyz"))
    }

    fn shown(&mut self) -> Result<(), String> {
        if let Some(status) = self.process.ended() {
            panic!("portolan dev ended: {status}");
        }
        holds(
            self.process.said().contains("End with Ctrl-C"),
            "it is still at it",
        )
    }

    /// Where it listens.
    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Runs the operator's command against it.
    pub fn portolan(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.user.portolan();
        let server = format!("http://{}", self.ports.api);
        command.args(arguments).env("PORTOLAN_SERVER", server);
        run(command, input)
    }

    /// The same, and it must succeed.
    ///
    /// # Panics
    /// With what it said, if it does not.
    pub fn succeed(&self, arguments: &[&str], input: &str) -> String {
        let output = self.portolan(arguments, input);
        assert_eq!(output.code, 0, "portolan {arguments:?}: {output:?}");
        output.out
    }
}

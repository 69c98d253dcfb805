//! Machines of `dev`'s own: network namespaces without names, which end with this process however it ends.

use std::fs::File;
use std::io::Error;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::thread;

use nix::sched::{CloneFlags, unshare};
use portolan_server::ServerError;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A network namespace with a thread in it. What is spawned on its runtime opens its sockets there.
pub(super) struct Machine {
    net: File,
    runtime: Handle,
    _life: oneshot::Sender<()>,
}

impl Machine {
    /// Makes a machine that has nothing but loopback, and passes on packets for others.
    pub(super) async fn new(name: &'static str) -> Result<Self, ServerError> {
        let (life, ended) = oneshot::channel::<()>();
        let (started, starting) = oneshot::channel();
        let inside = move || match enter() {
            Ok((net, runtime)) => {
                let handle = runtime.handle().clone();
                if started.send(Ok((net, handle))).is_ok() {
                    // Its owner never says a word, and is gone in the end.
                    let _ = runtime.block_on(ended);
                }
            }
            Err(error) => drop(started.send(Err(error))),
        };
        thread::Builder::new().name(name.to_owned()).spawn(inside)?;
        let started = starting
            .await
            .map_err(|_| ServerError::Start(format!("the machine {name} ended")))?;
        let (net, runtime) = started.map_err(|error| {
            ServerError::Start(format!(
                "can't make the network namespace {name}: {error}; it needs root: run it with sudo, or take \
                 --dataplane userspace"
            ))
        })?;
        let machine = Self {
            net,
            runtime,
            _life: life,
        };
        machine.ip("link set lo up\n".to_owned()).await?;
        Ok(machine)
    }

    /// The runtime of its tasks.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The path by which other programs find it.
    pub(super) fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.net.as_raw_fd())
    }

    /// Runs `ip` for each line.
    pub(super) async fn ip(&self, lines: String) -> Result<(), ServerError> {
        let done = self.runtime.spawn(ip(lines)).await;
        done.map_err(|ended| ServerError::Start(ended.to_string()))?
    }
}

fn enter() -> Result<(File, tokio::runtime::Runtime), Error> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let net = File::open("/proc/thread-self/ns/net")?;
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
    let v6 = "/proc/sys/net/ipv6/conf/all/forwarding";
    if Path::new(v6).exists() {
        std::fs::write(v6, "1")?;
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok((net, runtime))
}

/// A child is in the namespace of the thread that forks.
async fn ip(lines: String) -> Result<(), ServerError> {
    let missing = |error| ServerError::Start(format!("ip: {error}; install iproute2"));
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes()).await?;
    }
    let done = child.wait_with_output().await?;
    if done.status.success() {
        return Ok(());
    }
    let error = String::from_utf8_lossy(&done.stderr);
    Err(ServerError::Start(format!("ip: {}", error.trim())))
}

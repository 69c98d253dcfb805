//! One machine: a network namespace with a thread that lives in it.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What every machine of the lab has set. Without these the kernel delays new IPv6 addresses, takes routes from
/// strangers, and answers only so many unreachable ports a second.
const SYSCTLS: [(&str, &str); 10] = [
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv4/icmp_msgs_per_sec", "1000000"),
    ("ipv4/icmp_msgs_burst", "1000000"),
    ("ipv6/icmp/ratelimit", "0"),
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
];

/// A network namespace without a name: it lives as long as this value, so nothing is left behind however the process
/// ends. Futures that it runs are polled on its own thread; the sockets that they open belong to it.
pub struct Namespace {
    name: String,
    net: File,
    runtime: Handle,
    life: Option<(oneshot::Sender<()>, thread::JoinHandle<()>)>,
}

impl Namespace {
    /// A machine with nothing but loopback.
    ///
    /// # Panics
    /// Without root: the lab needs it, and never skips silently.
    pub fn new(name: &str) -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "the packet lab makes network namespaces, which needs root: run these tests as root"
        );
        let namespace = Self::start(name, || {
            unshare(CloneFlags::CLONE_NEWNET).expect("root may make a network namespace");
        });
        for (key, value) in SYSCTLS {
            namespace.sysctl(key, value);
        }
        namespace.ip("link set lo up");
        namespace
    }

    /// Another thread of the same machine: when it is dropped, everything that it runs ends at once, as with a process.
    pub fn process(&self, name: &str) -> Self {
        let net = self.net.try_clone().expect("a descriptor is left");
        Self::start(name, move || {
            setns(net, CloneFlags::CLONE_NEWNET).expect("root may enter a network namespace");
        })
    }

    fn start(name: &str, enter: impl FnOnce() + Send + 'static) -> Self {
        let (started, starting) = std::sync::mpsc::sync_channel(1);
        let (stop, stopped) = oneshot::channel();
        let inside = move || {
            enter();
            let net = File::open("/proc/thread-self/ns/net").expect("/proc is mounted");
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime needs descriptors only");
            let ready = (net, runtime.handle().clone());
            started.send(ready).expect("the maker waits");
            // Its owner is gone, with or without a word.
            let _ = runtime.block_on(stopped);
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(inside);
        let thread = thread.expect("the machine has room for a thread");
        let (net, runtime) = starting
            .recv()
            .expect("the thread says why if it can't start");
        Self {
            name: name.to_owned(),
            net,
            runtime,
            life: Some((stop, thread)),
        }
    }

    /// Its name; several labs may use the same.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A path by which other programs find it.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.net.as_raw_fd())
    }

    /// Runs a future inside, and waits for it. What panics inside panics here.
    pub fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        match self.runtime.block_on(self.spawn(future)) {
            Ok(output) => output,
            Err(ended) => std::panic::resume_unwind(ended.into_panic()),
        }
    }

    /// Starts a future inside; it ends with the namespace.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.runtime.spawn(future)
    }

    /// Waits for what was started inside.
    pub fn join<T>(&self, task: JoinHandle<T>) -> T {
        match self.runtime.block_on(task) {
            Ok(output) => output,
            Err(ended) => std::panic::resume_unwind(ended.into_panic()),
        }
    }

    /// Sets a value below `/proc/sys/net`, which shows every thread its own namespace.
    pub fn sysctl(&self, key: &'static str, value: &str) {
        let value = value.to_owned();
        self.run(async move {
            let written = std::fs::write(format!("/proc/sys/net/{key}"), &value);
            written.unwrap_or_else(|error| panic!("net/{key} = {value}: {error}"));
        });
    }

    /// Runs `ip` for each line.
    pub fn ip(&self, lines: &str) {
        self.execute(&["ip", "-batch", "-"], lines);
    }

    /// Runs a program inside with this input; its output.
    ///
    /// # Panics
    /// If it is not installed or fails.
    pub fn execute(&self, words: &[&str], input: &str) -> String {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let (name, input) = (self.name.clone(), input.to_owned());
        self.run(async move {
            // A child inherits the namespace of the thread that forks.
            let child = Command::new(&words[0])
                .args(&words[1..])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn();
            let mut child = child.unwrap_or_else(|error| panic!("{words:?}: {error}; install it"));
            let mut stdin = child.stdin.take().expect("it is piped");
            stdin
                .write_all(input.as_bytes())
                .await
                .expect("it reads its input");
            drop(stdin);
            let output = child.wait_with_output().await.expect("it runs");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success(),
                "{name}: {words:?} {input}: {error}"
            );
            String::from_utf8_lossy(&output.stdout).into_owned()
        })
    }
}

/// Runs a case where nothing of this machine is touched.
pub fn on_a_machine_of_its_own(case: impl Future<Output = ()> + Send + 'static) {
    Namespace::new("node").run(case);
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.life.take() {
            // The thread may have ended by a panic, which was told where it happened.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

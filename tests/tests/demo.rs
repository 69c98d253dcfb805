//! `portolan dev`, as an unprivileged user meets it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portolan_tests::{Dev, Load, Ports, Process, User, eventually, get, holds, run};
use serde_json::Value;

/// Twice the period of the demo's probes.
const TWO_PROBES: Duration = Duration::from_secs(2);
/// What was on its way to a backend when that ended, is known to have failed by then.
const IN_FLIGHT: Duration = Duration::from_secs(1);
const CLIENTS: usize = 4;

const WEB: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports: [{port: 8081}]
";

/// What the demo printed.
struct Shown {
    frontend: SocketAddr,
    /// Address and process id of each backend.
    backends: BTreeMap<String, (SocketAddr, i32)>,
    /// How often each of them answered.
    answers: BTreeMap<String, usize>,
    /// The command that starts the first of them again.
    restart: String,
}

impl Shown {
    fn read(text: &str) -> Self {
        let mut shown = Self {
            frontend: ([0, 0, 0, 0], 0).into(),
            backends: BTreeMap::new(),
            answers: BTreeMap::new(),
            restart: String::new(),
        };
        for line in text.lines() {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            match words.as_slice() {
                ["Service", _, "is", "at", url, ..] => {
                    let address = url.trim_start_matches("http://");
                    shown.frontend = address.parse().expect("an address and a port");
                }
                [name, address, "pid", pid] => {
                    let address = address.parse().expect("an address and a port");
                    let pid = pid.parse().expect("a process id");
                    shown.backends.insert((*name).to_owned(), (address, pid));
                }
                [times, "from", name, ..] => {
                    let times = times.parse().expect("a number");
                    shown.answers.insert((*name).to_owned(), times);
                }
                [_, "demo-backend", ..] => {
                    let command = line.split('#').next().unwrap_or_default();
                    command.trim().clone_into(&mut shown.restart);
                }
                _ => {}
            }
        }
        shown
    }
}

/// The backend's name out of `demo-1 (pid 7)`.
fn name(answer: &str) -> &str {
    answer.split(' ').next().unwrap_or_default()
}

fn json(dev: &Dev<'_>, arguments: &[&str]) -> Value {
    let text = dev.succeed(&[arguments, &["-o", "json"]].concat(), "");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_demo_ends_in_balanced_answers_from_three_backends() {
    let user = User::new();
    let dev = user.dev(&["--demo"]);
    let shown = Shown::read(&dev.process.said());
    let names = ["demo-1", "demo-2", "demo-3"];
    assert!(shown.answers.keys().eq(names), "{}", dev.process.said());
    assert!(shown.backends.keys().eq(names), "{}", dev.process.said());

    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..300 {
        let answer = user.inside(|| get(shown.frontend, "/"));
        let answer = answer.expect("every request is answered");
        *answers.entry(name(&answer).to_owned()).or_default() += 1;
    }
    println!("300 answers: {answers:?}");
    // Six standard deviations of a random choice.
    let balanced = |times: &usize| (50..=150).contains(times);
    assert!(
        answers.len() == 3 && answers.values().all(balanced),
        "{answers:?}"
    );
}

#[test]
fn a_backend_that_ends_gets_no_new_connection_and_comes_back() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let user = User::new();
        let dev = user.dev(&["--demo"]);
        let shown = Shown::read(&dev.process.said());
        let (address, pid) = shown.backends["demo-1"];
        let load = user.inside(|| Load::start(shown.frontend, CLIENTS));
        eventually("all three answer", || answered(&load, &shown, None));

        let ended = Instant::now();
        kill(Pid::from_raw(pid), signal).expect("the printed process is there");
        eventually("demo-1 is no longer ready", || ready(&dev, "False"));
        let noticed = ended.elapsed();
        assert!(noticed < TWO_PROBES, "{signal}: noticed after {noticed:?}");

        let impostor = user.inside(|| Impostor::listen(address));
        let since = Instant::now();
        eventually("it is probed, and others have work", || {
            let probes = impostor.asked().iter().filter(|p| *p == "/healthz").count();
            let answers = total(&load);
            let done = probes >= 2 && answers >= 1000;
            holds(done, format!("{probes} probes, {answers} answers"))
        });
        let asked = impostor.stop();
        assert!(asked.iter().all(|path| path == "/healthz"), "{asked:?}");

        let mut shell = user.command(Path::new("sh"));
        shell.args(["-c", &format!("exec {}", shown.restart)]);
        let _again = Process::start("demo-1", shell);
        eventually("demo-1 is back", || answered(&load, &shown, Some(since)));
        let tally = load.stop();
        println!(
            "{signal}: not ready after {noticed:?}, {} failures of {} requests",
            tally.failures.len(),
            tally
                .answers
                .values()
                .map(|(times, _)| times)
                .sum::<usize>()
        );
        let in_flight = |at: &Instant| (ended..ended + IN_FLIGHT).contains(at);
        let failures = &tally.failures;
        assert!(
            failures.len() <= CLIENTS && failures.iter().all(|(at, _)| in_flight(at)),
            "{signal} at {ended:?}: {failures:?}"
        );
    }
}

/// Whether each backend has answered since.
fn answered(load: &Load, shown: &Shown, since: Option<Instant>) -> Result<(), String> {
    let tally = load.tally();
    let answers = tally.answers.iter().filter(|(_, (_, last))| *last > since);
    let recent: BTreeSet<_> = answers.map(|(answer, _)| name(answer)).collect();
    let all = shown.backends.keys().map(String::as_str);
    holds(recent.iter().copied().eq(all), format!("{tally:?}"))
}

fn total(load: &Load) -> usize {
    load.tally().answers.values().map(|(times, _)| times).sum()
}

/// Whether the first backend is shown as ready as wanted.
fn ready(dev: &Dev<'_>, wanted: &str) -> Result<(), String> {
    let table = dev.succeed(&["get", "workload", "demo-1"], "");
    holds(table.contains(wanted), table)
}

/// Listens where a backend was, says that it is not well, and notes what it is asked for.
struct Impostor {
    stop: Arc<AtomicBool>,
    asked: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

impl Impostor {
    fn listen(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("the backend is gone");
        listener.set_nonblocking(true).expect("a socket");
        let (stop, asked) = (
            Arc::<AtomicBool>::default(),
            Arc::<Mutex<Vec<String>>>::default(),
        );
        let (over, paths) = (stop.clone(), asked.clone());
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let path = refuse(stream).unwrap_or_else(|error| error.to_string());
                        let mut paths = paths.lock().expect("nobody panics");
                        paths.push(path);
                    }
                    Err(_) => std::thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Self {
            stop,
            asked,
            thread,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panics").clone()
    }

    fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic");
        let asked = self.asked.lock().expect("nobody panics");
        asked.clone()
    }
}

fn refuse(mut stream: std::net::TcpStream) -> std::io::Result<String> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(IN_FLIGHT))?;
    let mut request = [0; 1024];
    let read = stream.read(&mut request)?;
    stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")?;
    let request = String::from_utf8_lossy(&request[..read]).into_owned();
    Ok(request.split(' ').nth(1).unwrap_or_default().to_owned())
}

#[test]
fn data_stays_and_the_demo_again_changes_nothing() {
    let user = User::new();
    let identity = |dev: &Dev<'_>| -> Vec<Value> {
        let all = json(dev, &["get", "services,workloads"]);
        let items = all["items"].as_array().expect("a list").iter();
        let key = |item: &Value| {
            serde_json::json!({
                "kind": item["kind"],
                "name": item["metadata"]["name"],
                "uid": item["metadata"]["uid"],
                "generation": item["metadata"]["generation"],
                "spec": item["spec"],
            })
        };
        items.map(key).collect()
    };
    let first = {
        let mut dev = user.dev(&["--demo"]);
        dev.succeed(&["apply", "-f", "-"], WEB);
        let all = identity(&dev);
        assert!(dev.process.terminate().success(), "it ends in order");
        all
    };
    assert_eq!(first.len(), 5, "{first:?}");
    for (row, arguments) in [("alone", &[][..]), ("with the demo", &["--demo"])] {
        let mut dev = user.dev(arguments);
        assert_eq!(identity(&dev), first, "{row}");
        assert!(dev.process.terminate().success(), "{row}: it ends in order");
    }
    let demo = user.dev(&["--demo"]);
    let shown = Shown::read(&demo.process.said());
    assert_eq!(shown.answers.len(), 3, "{}", demo.process.said());
}

#[test]
fn a_flag_that_differs_from_what_is_stored_is_refused_until_a_reset() {
    let user = User::new();
    let mut dev = user.dev(&[]);
    dev.succeed(&["apply", "-f", "-"], WEB);
    assert!(dev.process.terminate().success(), "it ends in order");

    for (flag, value, stored) in [
        ("--service-cidr", "127.97.0.0/16", "127.96.0.0/16"),
        ("--node-port-range", "30000-30100", "30000-32767"),
    ] {
        let output = run(user.dev_command(Ports::free(), &[flag, value]), "");
        assert_eq!(output.code, 1, "{flag}: {output:?}");
        let dir = user.data_dir();
        for part in [flag, value, stored, "--reset", &dir.to_string_lossy()] {
            assert!(output.err.contains(part), "{flag}: {part}: {}", output.err);
        }
    }

    let dev = user.dev(&["--reset", "--service-cidr", "127.97.0.0/16"]);
    let services = json(&dev, &["get", "services"]);
    assert_eq!(services["items"].as_array().map(Vec::len), Some(0));
    dev.succeed(&["apply", "-f", "-"], WEB);
    let address = json(&dev, &["get", "service", "web"])["spec"]["clusterIP"].clone();
    let address = address.as_str().expect("an address").to_owned();
    assert!(address.starts_with("127.97."), "{address}");
}

#[test]
fn one_process_alone_uses_a_data_directory() {
    let user = User::new();
    let _first = user.dev(&[]);
    let second = run(user.dev_command(Ports::free(), &[]), "");
    assert_eq!(second.code, 1, "{second:?}");
    let dir = user.data_dir();
    for part in ["--data-dir", &dir.to_string_lossy(), "in use"] {
        assert!(second.err.contains(part), "{part}: {}", second.err);
    }
    let reset = run(user.dev_command(Ports::free(), &["--reset"]), "");
    assert_eq!(reset.code, 1, "data in use is not reset: {reset:?}");
}

#[test]
fn a_taken_port_is_an_error_that_names_flag_and_holder() {
    let user = User::new();
    let first = user.dev(&[]);
    let (taken, free) = (first.ports(), Ports::free());
    let holder = format!("portolan (pid {})", first.process.pid());
    for (flag, address, ports) in [
        (
            "--listen",
            taken.api,
            Ports {
                api: taken.api,
                ..free
            },
        ),
        (
            "--http-listen",
            taken.http,
            Ports {
                http: taken.http,
                ..free
            },
        ),
    ] {
        let dir = user.home().join("other").display().to_string();
        let mut command: Command = user.portolan();
        command.args(["dev", "--data-dir", &dir]);
        command.args(["--listen", &ports.api.to_string()]);
        command.args(["--http-listen", &ports.http.to_string()]);
        let output = run(command, "");
        assert_eq!(output.code, 1, "{flag}: {output:?}");
        let said = format!("{flag} {address} is taken by {holder}");
        assert!(output.err.contains(&said), "{said}: {}", output.err);
    }
}

#[test]
fn one_port_for_api_and_metrics_is_refused_with_both_flags() {
    let user = User::new();
    let free = Ports::free();
    let ports = Ports {
        http: free.api,
        ..free
    };
    let output = run(user.dev_command(ports, &[]), "");
    assert_eq!(output.code, 2, "{output:?}");
    let said = format!("--listen and --http-listen are both {}", free.api);
    assert!(output.err.contains(&said), "{said}: {}", output.err);
}

#[test]
fn a_privileged_port_is_a_condition_and_harms_no_other_service() {
    const FLOOR: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let user = User::new();
    if user.has_own_machine() {
        user.inside(|| std::fs::write(FLOOR, "1024").expect("root sets its own machine up"));
    }
    let floor = user.inside(|| std::fs::read_to_string(FLOOR).expect("Linux"));
    let privileged = floor.trim().parse::<u16>().expect("a port") > 80;

    let mut dev = user.dev(&["--demo"]);
    let shown = Shown::read(&dev.process.said());
    let low = WEB.replace("name: web", "name: low").replace("8081", "80");
    let low = low.replace("spec:", "spec:\n  selector: {app: demo}");
    dev.succeed(&["apply", "-f", "-"], &low);
    let condition = eventually("the node has tried it", || {
        let service = json(&dev, &["get", "service", "low"]);
        let conditions = service["status"]["conditions"].as_array().cloned();
        let mut conditions = conditions.unwrap_or_default().into_iter();
        let programmed = conditions.find(|condition| condition["type"] == "Programmed");
        let settled = if privileged { "False" } else { "True" };
        let condition = programmed
            .filter(|condition| condition["status"] == settled && condition["reason"] != "Pending");
        condition.ok_or_else(|| service.to_string())
    });
    if privileged {
        let text = condition.to_string();
        for part in [
            "PERMISSION_DENIED",
            "setcap cap_net_bind_service=+ep",
            "ip_unprivileged_port_start=80",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let described = dev.succeed(&["describe", "service", "low"], "");
        assert!(described.contains("PERMISSION_DENIED"), "{described}");
    }
    assert!(dev.process.ended().is_none(), "it runs on");
    for _ in 0..20 {
        let answer = user.inside(|| get(shown.frontend, "/"));
        answer.expect("the other Service is not affected");
    }
}

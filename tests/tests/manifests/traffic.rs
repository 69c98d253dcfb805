//! What the manifests carry, on a node of their own.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portolan_tests::{Backend, Namespace, Plugin, Server, Store, eventually, get};

use crate::{cluster_ip, directory, manifest, read, without_selector};

const NODE: &str = "192.0.2.10";
/// A refusal takes a round trip; whatever waits takes seconds.
const AT_ONCE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);

/// Beside the manifests, which have TCP only: DNS' port over both transports, on every node.
const ECHO: &str = "
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: production}
spec:
  type: NodePort
  selector: {app: echo}
  ports:
  - {name: dns, port: 53, targetPort: 5300, nodePort: 31053, protocol: UDP}
  - {name: dns-tcp, port: 53, targetPort: 5300, nodePort: 31053, protocol: TCP}
";

/// Who stands behind the selectors: name, namespace, labels, address.
const WORKLOADS: [(&str, &str, &str, &str); 4] = [
    (
        "backend-1",
        "production",
        "app: backend, tier: api",
        "10.244.1.42",
    ),
    ("user-1", "default", "app: user-service", "10.244.1.43"),
    ("web-1", "production", "app: web-frontend", "10.244.1.44"),
    ("echo-1", "production", "app: echo", "10.244.1.45"),
];

/// Which of their ports answer over HTTP; that of `echo-1` answers datagrams, too.
const LISTENERS: [(&str, &str); 7] = [
    ("backend-http", "10.244.1.42:8080"),
    ("backend-grpc", "10.244.1.42:9090"),
    ("user-http", "10.244.1.43:8080"),
    ("user-metrics", "10.244.1.43:9090"),
    ("web-http", "10.244.1.44:8080"),
    ("web-https", "10.244.1.44:8443"),
    ("echo", "10.244.1.45:5300"),
];

/// Sends datagrams back to where they come from, until dropped.
struct Echo {
    stop: Arc<AtomicBool>,
}

impl Echo {
    fn start(namespace: &Namespace, address: &str) -> Self {
        let socket = namespace.enter(|| UdpSocket::bind(address).expect("the address is here"));
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a socket has a timeout");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    // A client that is gone misses nothing.
                    let _ = socket.send_to(&buffer[..length], from);
                }
            }
        });
        Self { stop }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A machine with the addresses of its backends.
fn machine(backends: &[&str]) -> Namespace {
    let namespace = Namespace::new();
    for address in [&[NODE], backends].concat() {
        namespace.ip(&["address", "add", &format!("{address}/32"), "dev", "lo"]);
    }
    namespace
}

fn server(namespace: &Namespace) -> Server<'_> {
    let ranges = ["--service-cidr", "10.96.0.0/12"];
    Server::start(Some(namespace), &Store::Sqlite, &ranges)
}

fn socket(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

/// Waits until every node carries a Service as it is now.
fn programmed(server: &Server<'_>, namespace: &str, name: &str) {
    eventually(&format!("{namespace}/{name} is programmed"), || {
        let service = read(server, &["service", name, "-n", namespace]);
        let conditions = service["status"]["conditions"].as_array();
        let programmed = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == "Programmed");
        match programmed {
            Some(condition) if condition["status"] == "True" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

/// One datagram there and back.
fn ask(address: SocketAddr, text: &str) -> std::io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(address)?;
    socket.send(text.as_bytes())?;
    let mut buffer = [0; 1500];
    let length = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// Where traffic arrives, and who must answer.
fn frontends(server: &Server<'_>) -> Vec<(SocketAddr, &'static str)> {
    let backend = cluster_ip(server, "production", "backend-service");
    let web = cluster_ip(server, "production", "web-frontend");
    let echo = cluster_ip(server, "production", "echo");
    vec![
        (socket(&backend, 80), "backend-http"),
        (socket(&backend, 9090), "backend-grpc"),
        (socket("10.96.100.50", 80), "user-http"),
        (socket("10.96.100.50", 9090), "user-metrics"),
        (socket(&web, 80), "web-http"),
        (socket(&web, 443), "web-https"),
        (socket(NODE, 31080), "web-http"),
        (socket(NODE, 31443), "web-https"),
        (socket(&echo, 53), "echo"),
        (socket(NODE, 31053), "echo"),
    ]
}

fn apply_workloads(server: &Server<'_>) {
    let document = |(name, namespace, labels, address)| {
        format!(
            "---\napiVersion: portolan/v1\nkind: Workload\nmetadata: {{name: {name}, namespace: {namespace}, \
             labels: {{{labels}}}}}\nspec: {{addresses: [{address}]}}\n"
        )
    };
    let text: String = WORKLOADS.into_iter().map(document).collect();
    server.succeed(&["apply", "-f", "-"], &text);
}

#[test]
fn every_virtual_address_and_node_port_carries_tcp_and_udp_and_refuses_while_empty() {
    let addresses = WORKLOADS.map(|(_, _, _, address)| address);
    let machine = machine(&addresses);
    let server = server(&machine);
    let _plugin = Plugin::start(Some(&machine), &server.url(), "n1", NODE);
    server.portolan(&["apply", "-f", &directory()]);
    server.succeed(&["apply", "-f", "-"], ECHO);
    let services = [
        ("production", "backend-service"),
        ("default", "user-service"),
        ("production", "web-frontend"),
        ("production", "echo"),
    ];
    for (namespace, name) in services {
        programmed(&server, namespace, name);
    }

    let frontends = frontends(&server);
    let udp = [frontends[8].0, frontends[9].0];
    machine.enter(|| {
        for (address, _) in &frontends {
            let refused = TcpStream::connect_timeout(address, AT_ONCE).map_err(|e| e.kind());
            let kind = refused.expect_err("nobody is there yet");
            assert_eq!(kind, ErrorKind::ConnectionRefused, "{address}");
        }
        for address in udp {
            let kind = ask(address, "anybody?").map_err(|e| e.kind());
            assert_eq!(kind, Err(ErrorKind::ConnectionRefused), "{address}/UDP");
        }
    });

    let _echo = Echo::start(&machine, "10.244.1.45:5300");
    let _backends = LISTENERS.map(|(name, address)| {
        Backend::start(Some(&machine), name, address.parse().expect("an address"))
    });
    apply_workloads(&server);
    machine.enter(|| {
        for (address, name) in &frontends {
            let answer = eventually(&format!("{name} behind {address}"), || get(*address, "/"));
            assert!(
                answer.starts_with(&format!("{name} (pid")),
                "{address}: {answer}"
            );
        }
        for address in udp {
            let what = format!("datagrams to {address}");
            let answer = eventually(&what, || ask(address, "hello"));
            assert_eq!(answer, "hello", "{address}");
        }
    });
    let shown = server.succeed(&["get", "all", "-A", "-o", "yaml"], "");
    let said = server.succeed(&["apply", "-f", "-"], &shown);
    let ending = |end| said.lines().filter(|line| line.ends_with(end)).count();
    // Those of the manifests that are accepted, and `echo`.
    let written = 7 + WORKLOADS.len();
    assert_eq!(ending(" unchanged"), written, "{said}");
    let derived = said
        .lines()
        .filter(|line| line.contains(" ignored: it follows from workload/"));
    assert_eq!(derived.count() + written, said.lines().count());
}

#[test]
fn endpoints_written_by_hand_carry_traffic() {
    let addresses = ["10.244.1.42", "10.244.2.31", "10.244.3.55"];
    let machine = machine(&addresses);
    let server = server(&machine);
    let _plugin = Plugin::start(Some(&machine), &server.url(), "n1", NODE);
    let _backends = addresses.map(|address| {
        [8080, 9090].map(|port| {
            let listen = socket(address, port);
            Backend::start(Some(&machine), &listen.to_string(), listen)
        })
    });
    server.succeed(&["apply", "-f", &manifest("00")], "");
    server.succeed(&["apply", "-f", "-"], &without_selector());
    server.succeed(&["apply", "-f", &manifest("02")], "");

    let virtual_address = cluster_ip(&server, "production", "backend-service");
    machine.enter(|| {
        for (port, target) in [(80, 8080), (9090, 9090)] {
            for address in addresses {
                let backend = format!("{address}:{target} (");
                eventually(&format!("{backend} takes its share of port {port}"), || {
                    let answer = get(socket(&virtual_address, port), "/");
                    let answer = answer.map_err(|error| error.to_string())?;
                    answer.starts_with(&backend).then_some(()).ok_or(answer)
                });
            }
        }
    });
}

//! What people complain about, provoked on a running system: `ExplainService` and `portolan explain` name cause and
//! remedy, and once the remedy was followed they are content.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use portolan_proto::v1;
use portolan_proto::v1::FindingSeverity;
use portolan_proto::v1::node_api_client::NodeApiClient;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_tests::api::{NAMESPACE, block_on, channel};
use portolan_tests::{Fleet, Node, Output, Store, eventually, get, holds};
use tonic::Code;

/// A node port of these tests; each has addresses of its own.
const NODE_PORT: u16 = 30_480;

/// The address of the second node.
const SECOND: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A system whose Services are asked about.
struct Clinic {
    fleet: Fleet,
}

impl Clinic {
    fn open(backends: u8) -> Self {
        Self {
            fleet: Fleet::start(&Store::Sqlite, backends),
        }
    }

    fn apply(&self, manifest: &str) {
        self.fleet.server.succeed(&["apply", "-f", "-"], manifest);
    }

    fn explain(&self, service: &str) -> v1::ExplainServiceResponse {
        let request = v1::ExplainServiceRequest {
            name: format!("{NAMESPACE}/services/{service}"),
            ..v1::ExplainServiceRequest::default()
        };
        let mut client = ServiceApiClient::new(channel(&self.fleet.server.url()));
        let explained = block_on(client.explain_service(request));
        explained.expect("the Service exists").into_inner()
    }

    /// Waits for a finding, which must say what one sees, name a word in its cause and one in its remedy.
    fn finds(&self, service: &str, code: &str, symptom: &str, [cause, remedy]: [&str; 2]) {
        let finding = eventually(code, || {
            let findings = self.explain(service).findings;
            let all = format!("{findings:?}");
            findings.into_iter().find(|f| f.code == code).ok_or(all)
        });
        assert_eq!(finding.symptom, symptom, "{finding:?}");
        assert!(finding.cause.contains(cause), "{finding:?}");
        assert!(finding.remedy.contains(remedy), "{finding:?}");
        self.tells(service, &finding);
    }

    /// The command says the same, whole, and its exit code tells errors from lesser findings.
    fn tells(&self, service: &str, finding: &v1::Finding) {
        let (severity, code) = match finding.severity() {
            FindingSeverity::Error => ("ERROR", 1),
            FindingSeverity::Warning => ("WARNING", 0),
            _ => ("INFO", 0),
        };
        let said = self.portolan(&["explain", "service", service]);
        let words = unwrapped(&said.out);
        let title = format!("{severity}: {} ({})", finding.symptom, finding.code);
        for part in [&title, &finding.cause, &finding.remedy] {
            assert!(words.contains(&unwrapped(part)), "no {part:?} in {said:?}");
        }
        if code == 1 {
            assert_eq!(said.code, 1, "{said:?}");
            assert!(words.starts_with(&format!(
                "service/{service} in namespace default does not work"
            )));
        }
        let json = self.portolan(&["explain", &format!("svc/{service}"), "-o", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json.out).expect("it is JSON");
        let codes = json["findings"].as_array().into_iter().flatten();
        let codes: Vec<_> = codes.filter_map(|f| f["code"].as_str()).collect();
        assert!(codes.contains(&finding.code.as_str()), "{codes:?}");
    }

    fn portolan(&self, arguments: &[&str]) -> Output {
        self.fleet.server.portolan(arguments)
    }

    /// `portolan explain flow`, seen from outside.
    fn tells_flow(&self, node: &str, to: SocketAddr, parts: &[&str], code: i32) {
        let to = to.to_string();
        let words = ["--node", node, "--source", "203.0.113.9"];
        let said = self.portolan(&[&["explain", "flow", &to], &words[..]].concat());
        let text = unwrapped(&said.out);
        for part in parts {
            assert!(text.contains(part), "no {part:?} in {said:?}");
        }
        assert_eq!(said.code, code, "{said:?}");
    }

    /// Waits until nothing is wrong any more.
    fn is_content(&self, service: &str) {
        eventually("nothing is wrong", || {
            let explained = self.explain(service);
            let worst = explained.severity();
            holds(worst <= FindingSeverity::Info, format!("{explained:?}"))
        });
        let said = self.portolan(&["explain", "service", service]);
        assert_eq!(said.code, 0, "{said:?}");
        assert!(said.out.contains(" works"), "{said:?}");
    }

    fn flow(&self, node: &str, source: &str, to: SocketAddr) -> v1::ExplainFlowResponse {
        let request = v1::ExplainFlowRequest {
            name: format!("clusters/default/nodes/{node}"),
            source_address: source.to_owned(),
            destination_address: to.ip().to_string(),
            destination_port: to.port().into(),
            ..v1::ExplainFlowRequest::default()
        };
        let mut client = NodeApiClient::new(channel(&self.fleet.server.url()));
        let explained = block_on(client.explain_flow(request));
        explained.expect("the node exists").into_inner()
    }

    /// Where node n1 answers for node ports.
    fn node_address(&self) -> Ipv4Addr {
        let IpAddr::V4(backend) = self.fleet.backends[0].address.ip() else {
            panic!("fleets live on IPv4");
        };
        let [a, b, c, d] = backend.octets();
        Ipv4Addr::new(a, b, c, d - 1)
    }

    /// Another node, n2, without a backend; it has SECOND for its address.
    fn second_node(&self) -> Node {
        let node = block_on(Node::connect(&self.fleet.server.url(), "n2"));
        node.expect("a stream")
    }

    /// Has that node carry what there is.
    fn carry(&self, node: &mut Node, service: &str) {
        let revision = self.explain(service).revision;
        block_on(async {
            node.reach(revision).await.expect("the stream goes on");
            node.acknowledge().await;
        });
    }
}

/// The words, however they were broken into lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn service(name: &str, spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n")
}

#[test]
fn empty_endpoints_are_explained_by_the_label_that_differs() {
    let clinic = Clinic::open(1);
    let spec = "selector: {app: wbe}, ports: [{port: 80, targetPort: 8080}]";
    clinic.apply(&service("orders", spec));
    let words = ["its app is \"web\"", "web-1"];
    clinic.finds(
        "orders",
        "NO_WORKLOAD_MATCHES",
        "endpoints are empty",
        words,
    );
    clinic.apply(&service("orders", &spec.replace("wbe", "web")));
    clinic.is_content("orders");
}

#[test]
fn a_name_that_does_not_resolve_is_explained_by_endpoints_that_are_not_ready() {
    let mut clinic = Clinic::open(1);
    let spec = "clusterIP: None, selector: {app: web}, ports: [{port: 8080}]";
    clinic.apply(&service("peers", spec));
    clinic.is_content("peers");
    clinic.fleet.backends[0].process.kill();
    let words = ["NXDOMAIN", "publishNotReadyAddresses"];
    clinic.finds(
        "peers",
        "NAME_HAS_NO_ADDRESS",
        "the name does not resolve",
        words,
    );
    let all = format!("{spec}, publishNotReadyAddresses: true");
    clinic.apply(&service("peers", &all));
    let resolved = eventually("the name resolves", || {
        let mut records = clinic.explain("peers").records.into_iter();
        records
            .find(|record| record.record_type == "A")
            .ok_or("NXDOMAIN")
    });
    let address = clinic.fleet.backends[0].address.ip().to_string();
    assert_eq!(resolved.data, address);
}

#[test]
fn a_refused_connection_is_explained_by_the_port_that_nobody_listens_on() {
    let mut clinic = Clinic::open(1);
    clinic.fleet.backends[0].process.kill();
    eventually("connections are refused", || {
        match get(clinic.fleet.frontend, "/") {
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let words = ["refused", "port 8080 of workload web-1"];
    clinic.finds("web", "NO_ENDPOINT_READY", "connection refused", words);
    let flow = clinic.flow("n1", "", clinic.fleet.frontend);
    assert_eq!(flow.verdict(), v1::FlowVerdict::Rejected, "{flow:?}");
    assert_eq!(flow.code, "NO_ENDPOINT");
    let parts = ["refused at once", "NO_ENDPOINT"];
    clinic.tells_flow("n1", clinic.fleet.frontend, &parts, 1);
}

#[test]
fn a_wrong_target_port_is_explained_although_probes_pass() {
    let clinic = Clinic::open(1);
    let spec = "selector: {app: web}, ports: [{port: 80, targetPort: 9}]";
    clinic.apply(&service("orders", spec));
    let words = ["looks at port 8080, but traffic goes to 9", "targetPort"];
    clinic.finds(
        "orders",
        "TARGET_PORT_NOT_PROBED",
        "connection refused",
        words,
    );
    clinic.apply(&service(
        "orders",
        &spec.replace("targetPort: 9", "targetPort: 8080"),
    ));
    clinic.is_content("orders");
}

#[test]
fn intermittent_failures_are_explained_by_the_endpoint_that_fails() {
    let mut clinic = Clinic::open(2);
    clinic.is_content("web");
    clinic.fleet.backends[1].process.kill();
    let words = ["not ready: 1 of 2 endpoints", "workload web-2"];
    clinic.finds("web", "SOME_NOT_READY", "intermittent failures", words);
}

#[test]
fn intermittent_failures_are_explained_by_the_node_that_rejects() {
    let clinic = Clinic::open(1);
    let mut second = clinic.second_node();
    let at = SocketAddr::from((clinic.node_address(), NODE_PORT));
    let taken = TcpListener::bind(at).expect("nobody has the port");
    let ports = format!("ports: [{{port: 80, targetPort: 8080, nodePort: {NODE_PORT}}}]");
    clinic.apply(&service(
        "orders",
        &format!("type: NodePort, selector: {{app: web}}, {ports}"),
    ));
    let words = ["PORT_IN_USE", "on these nodes"];
    clinic.finds("orders", "REJECTED_BY_NODE", "intermittent failures", words);
    let flow = clinic.flow("n1", "", at);
    assert_eq!(
        flow.verdict(),
        v1::FlowVerdict::Forwarded,
        "once the node can"
    );
    assert_eq!(flow.findings[0].code, "REJECTED_BY_NODE", "{flow:?}");
    drop(taken);
    let words = ["n2", "in a moment"];
    clinic.finds("orders", "NODE_LAGS", "intermittent failures", words);
    clinic.carry(&mut second, "orders");
    clinic.is_content("orders");
    drop(second);
    let words = ["n2", "plugin"];
    clinic.finds(
        "orders",
        "NODE_NOT_CONNECTED",
        "intermittent failures",
        words,
    );
}

#[test]
fn a_pending_address_is_explained_by_the_pool_that_is_not_there() {
    let clinic = Clinic::open(1);
    let spec = "type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]";
    clinic.apply(&service("front", spec));
    let words = ["no load-balancer pool", "node's address and port 3"];
    clinic.finds("front", "LOAD_BALANCER_PENDING", "address pending", words);
}

#[test]
fn a_replaced_client_address_is_explained_by_the_policy_and_the_dataplane() {
    let clinic = Clinic::open(1);
    let spec = "type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]";
    clinic.apply(&service("orders", spec));
    let symptom = "client address replaced";
    let words = [
        "externalTrafficPolicy is Cluster",
        "externalTrafficPolicy: Local",
    ];
    clinic.finds("orders", "CLIENT_ADDRESS_REPLACED", symptom, words);
    let words = ["userspace", "dataplane of the kernel"];
    clinic.finds("orders", "CLIENT_ADDRESS_RELAYED", symptom, words);
    let flow = clinic.flow("n1", "203.0.113.9", clinic.fleet.frontend);
    assert_eq!(flow.verdict(), v1::FlowVerdict::Forwarded, "{flow:?}");
    assert_eq!(flow.source(), v1::FlowSource::Replaced, "{flow:?}");
    let backend = clinic.fleet.backends[0].address;
    let told: Vec<_> = flow
        .backends
        .iter()
        .map(|b| format!("{}:{}", b.address, b.port))
        .collect();
    assert_eq!(told, [backend.to_string()]);
    let address = backend.ip().to_string();
    let parts = [
        "forwarded",
        "an address of the node",
        "service/web",
        &address,
    ];
    clinic.tells_flow("n1", clinic.fleet.frontend, &parts, 0);
    let named = clinic.portolan(&["explain", "flow", "web:8080", "--node", "n1"]);
    let at = clinic.fleet.frontend.to_string();
    assert!(
        named.out.contains(&at),
        "a Service goes by its name: {named:?}"
    );
}

#[test]
fn silence_is_explained_by_the_local_policy_and_the_node_without_an_endpoint() {
    let clinic = Clinic::open(1);
    let mut second = clinic.second_node();
    let ports = format!(
        "ports: [{{port: 80, targetPort: 8080, nodePort: {}}}]",
        NODE_PORT + 1
    );
    let spec = format!("type: NodePort, selector: {{app: web}}, {ports}");
    let local = format!("{spec}, externalTrafficPolicy: Local");
    clinic.apply(&service("orders", &local));
    let words = ["n2", "externalTrafficPolicy: Cluster"];
    clinic.finds(
        "orders",
        "NO_LOCAL_ENDPOINT",
        "no answer on some nodes",
        words,
    );
    let at = SocketAddr::from((SECOND, NODE_PORT + 1));
    let flow = clinic.flow("n2", "203.0.113.9", at);
    assert_eq!(flow.verdict(), v1::FlowVerdict::Dropped, "{flow:?}");
    assert_eq!(flow.code, "NO_LOCAL_ENDPOINT", "{flow:?}");
    let told = ["dropped, the client hears nothing", "NO_LOCAL_ENDPOINT"];
    clinic.tells_flow("n2", at, &told, 1);
    let inside = clinic.flow("n2", "", at);
    assert_eq!(inside.verdict(), v1::FlowVerdict::Forwarded, "{inside:?}");
    clinic.apply(&service(
        "orders",
        &format!("{spec}, externalTrafficPolicy: Cluster"),
    ));
    clinic.carry(&mut second, "orders");
    clinic.is_content("orders");
}

#[test]
fn what_can_not_be_explained_is_refused_with_a_reason() {
    let clinic = Clinic::open(1);
    let url = clinic.fleet.server.url();
    let mut services = ServiceApiClient::new(channel(&url));
    for (row, name, node, code) in [
        ("no such Service", "services/none", "", Code::NotFound),
        (
            "no such node",
            "services/web",
            "clusters/default/nodes/none",
            Code::NotFound,
        ),
        (
            "a node of another cluster",
            "services/web",
            "clusters/other/nodes/n1",
            Code::InvalidArgument,
        ),
        (
            "no Service's name",
            "workloads/web-1",
            "",
            Code::InvalidArgument,
        ),
    ] {
        let request = v1::ExplainServiceRequest {
            name: format!("{NAMESPACE}/{name}"),
            node: node.to_owned(),
            ..v1::ExplainServiceRequest::default()
        };
        let refused = block_on(services.explain_service(request)).expect_err(row);
        assert_eq!(refused.code(), code, "{row}: {refused}");
    }
    let mut nodes = NodeApiClient::new(channel(&url));
    for (row, node, source, destination, port, code) in [
        ("no such node", "n9", "", "10.0.0.1", 80, Code::NotFound),
        ("no port", "n1", "", "10.0.0.1", 0, Code::InvalidArgument),
        ("no destination", "n1", "", "", 80, Code::InvalidArgument),
        (
            "no source's address",
            "n1",
            "web",
            "10.0.0.1",
            80,
            Code::InvalidArgument,
        ),
    ] {
        let request = v1::ExplainFlowRequest {
            name: format!("clusters/default/nodes/{node}"),
            source_address: source.to_owned(),
            destination_address: destination.to_owned(),
            destination_port: port,
            ..v1::ExplainFlowRequest::default()
        };
        let refused = block_on(nodes.explain_flow(request)).expect_err(row);
        assert_eq!(refused.code(), code, "{row}: {refused}");
    }
}

use portolan_proto::v1;

use super::read;
use crate::manifest::{Item, Manifest, Reading, Scope};

fn scope() -> Scope {
    Scope {
        cluster: "default".into(),
        namespace: None,
    }
}

fn manifests(text: &str) -> Vec<Manifest> {
    let manifest = |reading| match reading {
        Reading::Manifest(manifest) => *manifest,
        other => panic!("{other:?}"),
    };
    read("a.yaml", text, &scope())
        .into_iter()
        .map(manifest)
        .collect()
}

fn workload(text: &str) -> (v1::Workload, Vec<String>) {
    let manifest = manifests(text).remove(0);
    match manifest.item {
        Item::Workload(workload) => (workload, manifest.notes),
        other => panic!("{other:?}"),
    }
}

fn endpoints(text: &str) -> v1::ReplaceEndpointsRequest {
    match manifests(text).remove(0).item {
        Item::Endpoints(request) => request,
        other => panic!("{other:?}"),
    }
}

fn refused(text: &str) -> String {
    match read("a.yaml", text, &scope()).remove(0) {
        Reading::Refused(lines) => lines.join("\n"),
        other => panic!("{text}: {other:?}"),
    }
}

fn ignored(text: &str) -> String {
    match read("a.yaml", text, &scope()).remove(0) {
        Reading::Ignored(line) => line,
        other => panic!("{other:?}"),
    }
}

fn service(spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Service, metadata: {{name: web}}, spec: {{{spec}}}}}")
}

/// What is wrong, the manifest, and how the first line of the refusal begins.
const REFUSALS: &[(&str, &str, &str)] = &[
    (
        "unknown field of a Service",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - port: 80\n    targetport: 8080\n",
        "a.yaml:7:5: spec.ports[0].targetport: unknown field",
    ),
    (
        "unknown field of metadata",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  lables: {}\nspec: {}\n",
        "a.yaml:5:3: metadata.lables: unknown field",
    ),
    (
        "a string for an integer",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports:\n  - port: http\n",
        "a.yaml:6:11: spec.ports[0].port: expected an integer, found a string",
    ),
    (
        "an integer out of range",
        "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 4294967296}]}}",
        "a.yaml:1:78: spec.ports[0].port: 4294967296 is out of range",
    ),
    (
        "a number for a string",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {version: 1.10}\n",
        "a.yaml:5:23: spec.selector.version: expected a string, found a number (put it in quotes)",
    ),
    (
        "a word that is none",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: Nodeport}\n",
        "a.yaml:4:14: spec.type: \"Nodeport\" is none of ClusterIP, NodePort, LoadBalancer, ExternalName",
    ),
    (
        "externalIPs",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  externalIPs: [192.0.2.1]\n",
        "a.yaml:5:16: spec.externalIPs: not supported: with it any tenant could take over any address (CVE-2020-8554); leave it out, and use type NodePort or LoadBalancer",
    ),
    (
        "clusterIP against clusterIPs",
        "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.2]\n",
        "a.yaml:5:14: spec.clusterIP: 10.0.0.1 differs from clusterIPs[0], which is 10.0.0.2: leave one of them out",
    ),
    (
        "no name",
        "apiVersion: v1\nkind: Namespace\nmetadata: {}\n",
        "a.yaml:3:11: metadata: name is missing: every resource needs one",
    ),
    (
        "no kind",
        "apiVersion: v1\n",
        "a.yaml:1:1: kind is missing: a manifest says what it describes, for example Service",
    ),
    (
        "another version of a known kind",
        "apiVersion: v2\nkind: Service\n",
        "a.yaml:1:13: apiVersion: \"v2\" is no version of kind Service that Portolan reads",
    ),
    (
        "a kind that we have not",
        "apiVersion: portolan/v1\nkind: Gadget\n",
        "a.yaml:2:7: kind: Portolan has no kind Gadget to apply",
    ),
    (
        "a kind in another spelling",
        "apiVersion: v1\nkind: service\n",
        "a.yaml:2:7: kind: kind \"service\" is written Service",
    ),
    (
        "another kind in another spelling",
        "apiVersion: discovery.k8s.io/v1\nkind: Endpointslice\n",
        "a.yaml:2:7: kind: kind \"Endpointslice\" is written EndpointSlice",
    ),
    (
        "one of ours that is no YAML",
        "# one\n---\nkind: Service\n  a: 1\n",
        "a.yaml:4:4: mapping values are not allowed in this context",
    ),
    (
        "an endpoint written by hand, as it is shown",
        "apiVersion: portolan/v1\nkind: Endpoint\nmetadata: {name: a}\norigin: Endpoints/web\n",
        "a.yaml:1:1: an Endpoint is shown, but not applied",
    ),
    (
        "no map",
        "- a\n",
        "a.yaml:1:1: expected a map, found a list",
    ),
    (
        "within a List",
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: web}\n  spec: {port: 80}\n",
        "a.yaml:7:10: items[0].spec.port: unknown field",
    ),
    (
        "two probes in one",
        "apiVersion: portolan/v1\nkind: Workload\nmetadata: {name: a}\nspec:\n  readinessProbe: {grpc: {port: 1}, tcpSocket: {port: 1}}\n",
        "a.yaml:5:19: spec.readinessProbe: expected exactly one of httpGet, tcpSocket and grpc",
    ),
    (
        "a slice without Service",
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\n",
        "a.yaml:1:1: metadata.labels[kubernetes.io/service-name] is missing: it names the Service",
    ),
    ("malformed YAML", "a: 'b\n", "a.yaml:"),
];

#[test]
fn every_refusal_names_the_place_and_the_field() {
    for (name, text, line) in REFUSALS {
        let found = refused(text);
        assert!(found.starts_with(line), "{name}:\n{found}\nis not\n{line}");
    }
}

#[test]
fn all_problems_of_a_document_are_named_at_once() {
    let found = refused(&service("type: 1, ports: [{port: a, x: 1}], y: 1"));
    assert_eq!(found.lines().count(), 4, "{found}");
}

#[test]
fn the_namespace_is_the_manifests_unless_asked_for() {
    let other = Scope {
        namespace: Some("blue".into()),
        ..scope()
    };
    let namespace = |text: &str, scope: &Scope| match read("a.yaml", text, scope).remove(0) {
        Reading::Manifest(manifest) => manifest.item.namespace().unwrap().to_owned(),
        other => format!("{other:?}"),
    };
    let own = "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: green}}";
    assert_eq!(namespace(own, &scope()), "green");
    assert_eq!(namespace(&service(""), &scope()), "default");
    assert_eq!(namespace(&service(""), &other), "blue");
    assert!(namespace(own, &other).contains("but --namespace says \\\"blue\\\""));
}

#[test]
fn a_target_port_may_be_a_number_a_number_in_quotes_or_a_name() {
    use v1::service_port::Target;
    for (target, expected) in [
        ("8080", Some(Target::TargetPort(8080))),
        ("\"8080\"", Some(Target::TargetPort(8080))),
        ("http", Some(Target::TargetPortName("http".into()))),
        ("0", None),
        ("\"\"", None),
        ("null", None),
    ] {
        let text = service(&format!("ports: [{{port: 80, targetPort: {target}}}]"));
        let Item::Service(service) = manifests(&text).remove(0).item else {
            panic!("no Service");
        };
        assert_eq!(service.spec.unwrap().ports[0].target, expected, "{target}");
    }
}

#[test]
fn what_a_server_set_is_ignored() {
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  uid: x\n  resourceVersion: '5'\n  generation: 3\n  creationTimestamp: null\n  managedFields: [{a: b}]\n  ownerReferences: [{}]\n  selfLink: x\n  finalizers: [a]\nspec: {ports: [{port: 80}]}\nstatus: {loadBalancer: {}}\n";
    assert_eq!(manifests(text)[0].label, "service/web");
}

#[test]
fn lists_are_taken_apart_and_typed_ones_say_what_their_items_are() {
    let text = "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n- {kind: Namespace, apiVersion: v1, metadata: {name: b}}\n";
    let labels: Vec<_> = manifests(text).into_iter().map(|m| m.label).collect();
    assert_eq!(labels, ["service/a", "namespace/b"]);
}

const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}, deletionTimestamp: '2024-01-01T00:00:00Z'}
spec:
  nodeName: node-a
  hostname: web-0
  subdomain: web
  serviceAccountName: whatever
  containers:
  - name: sidecar
    ports: [{containerPort: 9000}, {name: metrics, containerPort: 9100}]
  - name: web
    ports: [{name: http, containerPort: 8080, protocol: TCP}, {name: metrics, containerPort: 1}]
    readinessProbe: PROBE
status:
  phase: Running
  podIP: 10.1.0.5
  podIPs: [{ip: 10.1.0.5}, {ip: 'fd00::5'}]
  conditions: [{type: Initialized, status: 'True'}, {type: Ready, status: 'False'}]
";

#[test]
fn a_pod_becomes_a_workload() {
    let probe = "{httpGet: {path: /ready, port: http, scheme: HTTP}, periodSeconds: 5, terminationGracePeriodSeconds: 1}";
    let (workload, notes) = workload(&POD.replace("PROBE", probe));
    assert_eq!(
        workload.name,
        "clusters/default/namespaces/shop/workloads/web-0"
    );
    assert_eq!(workload.labels["app"], "web");
    let spec = workload.spec.unwrap();
    let ports: Vec<_> = spec
        .ports
        .iter()
        .map(|p| (p.name.as_str(), p.port))
        .collect();
    assert_eq!(ports, [("metrics", 9100), ("http", 8080)]);
    assert_eq!(spec.addresses, ["10.1.0.5", "fd00::5"]);
    assert_eq!(
        (
            spec.node.as_str(),
            spec.hostname.as_str(),
            spec.subdomain.as_str()
        ),
        ("node-a", "web-0", "web")
    );
    assert_eq!((spec.draining, spec.reported_ready), (true, Some(false)));
    let probe = spec.readiness_probe.unwrap();
    assert_eq!(probe.period_seconds, 5);
    assert!(
        matches!(probe.action, Some(v1::probe::Action::HttpGet(http)) if http.path == "/ready")
    );
    assert!(notes.is_empty());
}

#[test]
fn a_probe_that_only_kubelet_can_run_leaves_readiness_to_the_ready_condition() {
    for probe in [
        "{exec: {command: [true]}}",
        "{httpGet: {port: 8443, scheme: HTTPS}}",
    ] {
        let (workload, notes) = workload(&POD.replace("PROBE", probe));
        let spec = workload.spec.unwrap();
        assert_eq!(spec.readiness_probe, None, "{probe}");
        assert_eq!(spec.reported_ready, Some(false), "{probe}");
        assert!(
            notes[0].contains("its Ready condition counts instead"),
            "{notes:?}"
        );
    }
}

#[test]
fn what_is_not_used_is_ignored_with_a_reason() {
    for (text, line) in [
        (
            "{apiVersion: v1, kind: ServiceAccount, metadata: {name: sa}}",
            "serviceaccount/sa ignored: Portolan does not use kind ServiceAccount",
        ),
        (
            "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n",
            "service/a ignored: Portolan does not use kind Service of serving.knative.dev/v1",
        ),
        (
            "apiVersion: kueue.x-k8s.io/v1beta1\nkind: Workload\nmetadata: {name: a}\n",
            "workload/a ignored: Portolan does not use kind Workload of kueue.x-k8s.io/v1beta1",
        ),
        (
            "kind: DaemonSet\n  a: 1\n",
            "a.yaml:2:4: mapping values are not allowed in this context; ignored: Portolan does not use kind DaemonSet",
        ),
        (
            "{\"apiVersion\": \"apps/v1\",\n\"kind\": \"Deployment\", [}\n",
            "a.yaml:2:24: did not find expected node content, while parsing a flow node; ignored: Portolan does not use kind Deployment",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {phase: Succeeded, podIP: 10.0.0.1}}",
            "pod/p ignored: its phase is Succeeded, so it serves no more",
        ),
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: p}, status: {phase: Pending}}",
            "pod/p ignored: it has no address yet (status.podIP)",
        ),
        (
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: {endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}}",
            "endpointslice/s ignored: it is made by endpointslice-controller.k8s.io, and Portolan makes endpoints of its own",
        ),
        (
            "{apiVersion: portolan/v1, kind: Endpoint, metadata: {name: e}, origin: workload/web-1}",
            "endpoint/e ignored: it follows from workload/web-1",
        ),
    ] {
        assert_eq!(ignored(text), line);
    }
}

#[test]
fn an_address_of_several_subsets_is_one_endpoint() {
    let request = endpoints(
        "
apiVersion: v1
kind: Endpoints
metadata: {name: db}
subsets:
- addresses: [{ip: 10.0.0.1, nodeName: a, targetRef: {kind: Pod}}, {ip: 10.0.0.2}]
  ports: [{name: sql, port: 5432}]
- notReadyAddresses: [{ip: 10.0.0.1}]
  ports: [{name: admin, port: 8080, protocol: TCP}]
",
    );
    assert_eq!(
        request.service,
        "clusters/default/namespaces/default/services/db"
    );
    assert_eq!(request.source, "Endpoints/db");
    let specs: Vec<_> = request
        .endpoints
        .into_iter()
        .map(|e| e.spec.unwrap())
        .collect();
    let rows: Vec<_> = specs
        .iter()
        .map(|s| (s.address.as_str(), s.ports.len(), s.ready))
        .collect();
    assert_eq!(
        rows,
        [("10.0.0.1", 2, Some(false)), ("10.0.0.2", 1, Some(true))]
    );
}

#[test]
fn a_slice_names_its_service_by_label() {
    let request = endpoints(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5432, protocol: TCP, appProtocol: postgres}]
endpoints:
- addresses: [10.0.0.1]
  conditions: {ready: false, serving: true, terminating: true}
  nodeName: a
  zone: z
  hints: {forZones: [{name: z}]}
- addresses: [10.0.0.2]
",
    );
    assert_eq!(
        request.service,
        "clusters/default/namespaces/default/services/db"
    );
    assert_eq!(request.source, "EndpointSlice/db-1");
    let first = request.endpoints[0].spec.clone().unwrap();
    assert_eq!(
        (first.ready, first.serving, first.terminating),
        (Some(false), Some(true), Some(true))
    );
    assert_eq!((first.node.as_str(), first.zone.as_str()), ("a", "z"));
    let second = request.endpoints[1].spec.clone().unwrap();
    assert_eq!((second.ready, second.ports[0].port), (None, 5432));
}

#[test]
fn the_manifests_that_people_write_today_are_read_unchanged() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/manifests");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    names.sort();
    let mut lines = Vec::new();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        for reading in read("f", &text, &scope()) {
            lines.push(match reading {
                Reading::Manifest(manifest) => manifest.label,
                Reading::Ignored(line) | Reading::Empty(line) => line,
                Reading::Refused(lines) => panic!("{}: {lines:?}", path.display()),
            });
        }
    }
    assert_eq!(
        lines,
        [
            "namespace/production",
            "service/backend-service",
            "endpoints/backend-service",
            "service/user-service",
            "service/user-service-headless",
            "service/web-frontend",
            "service/web-frontend",
            "service/api-gateway",
            "service/advanced-api",
            "serviceaccount/advanced-api-sa ignored: Portolan does not use kind ServiceAccount",
            "service/my-database",
        ]
    );
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_ignored_or_refused(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        read("f", &String::from_utf8_lossy(&bytes), &scope());
    }

    /// A real manifest with a piece cut out, or another put in, meets every reader in every wrong shape.
    #[test]
    fn any_damage_to_a_manifest_is_read_ignored_or_refused(
        at in 0..POD.len(),
        length in 0..40usize,
        instead in "([a-z0-9:\\-,{}\\[\\]'\"\n ]{0,8})",
    ) {
        let end = (at + length).min(POD.len());
        let text = format!("{}{instead}{}", &POD[..at], &POD[end..]);
        read("f", &text, &scope());
        read("f", &text.replace("kind: Pod", "kind: Service"), &scope());
    }
}

//! What `apply` answers, and what is there afterwards.

use portolan_tests::{Output, Server, Store};

use crate::{cluster_ip, directory, manifest, read, without_selector};

/// A file, what is said about it the first time (`None`: refused), and what a refusal names.
const FILES: &[(&str, Option<&str>, &[&str])] = &[
    ("00", Some("namespace/production"), &[]),
    ("01", Some("service/backend-service"), &[]),
    (
        "02",
        None,
        &[
            "endpoints/backend-service",
            "production/backend-service has a selector",
            "remove the selector",
        ],
    ),
    ("03", Some("service/user-service"), &[]),
    ("04", Some("service/user-service-headless"), &[]),
    ("05", Some("service/web-frontend"), &[]),
    (
        "06",
        None,
        &[
            "06-web-frontend-nodeport-local.yaml:15:17: spec.ports[0].nodePort",
            "node port 31080 is held by Service production/web-frontend",
        ],
    ),
    ("07", Some("service/api-gateway"), &[]),
    (
        "08",
        None,
        &[
            "08-advanced-api.yaml:29:7: spec.ipFamilies[1]: the cluster is not configured for IPv6",
            "leave it out, or give the cluster that family",
        ],
    ),
    ("09", Some("service/my-database"), &[]),
];

/// As kubectl would show it, but for the widths and the age.
const SHOWN: &str = "\
NAMESPACE NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S)
default user-service ClusterIP 10.96.100.50 <none> 80/TCP,9090/TCP
default user-service-headless ClusterIP None <none> 80/TCP
production api-gateway LoadBalancer GATEWAY <pending> 80:HTTP/TCP,443:HTTPS/TCP
production backend-service ClusterIP BACKEND <none> 80/TCP,9090/TCP
production my-database ExternalName <none> my-database.us-east-1.rds.amazonaws.com <none>
production web-frontend NodePort FRONTEND <none> 80:31080/TCP,443:31443/TCP
";

const IGNORED: &str = "serviceaccount/advanced-api-sa ignored";

fn server() -> Server<'static> {
    let ranges = ["--service-cidr", "10.96.0.0/12"];
    Server::start(None, &Store::Sqlite, &ranges)
}

fn apply(server: &Server<'_>, file: &str) -> Output {
    server.portolan(&["apply", "-f", file])
}

/// How far the cluster's history has come; a refusal leaves it where it is.
fn revision(server: &Server<'_>) -> u64 {
    let cluster = read(server, &["cluster", "default"]);
    cluster["status"]["headRevision"]
        .as_u64()
        .expect("a cluster has a revision")
}

/// Applies every file in its order, and compares with the table.
fn apply_each(server: &Server<'_>, verb: &str) {
    for (file, accepted, refusal) in FILES {
        let before = revision(server);
        let said = apply(server, &manifest(file));
        for part in *refusal {
            assert!(said.err.contains(part), "{file}: no {part:?} in {said:?}");
        }
        let changed = accepted.is_some() && verb != "unchanged";
        assert_eq!(revision(server) - before, u64::from(changed), "{file}");
        let ignored = said.out.lines().filter(|line| line.starts_with(IGNORED));
        assert_eq!(ignored.count(), usize::from(*file == "08"), "{said:?}");
        if let Some(name) = accepted {
            assert_eq!(said.out, format!("{name} {verb}\n"), "{file}");
            assert_eq!((said.code, said.err.as_str()), (0, ""), "{file}");
        } else {
            assert_eq!(said.code, 1, "{file}: {said:?}");
        }
    }
}

#[test]
fn a_namespace_that_is_missing_is_named_with_the_remedies() {
    let server = server();
    let before = revision(&server);
    let said = apply(&server, &manifest("01"));
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    for part in [
        "namespace \"production\" does not exist",
        "--create-namespace",
        "kind Namespace",
    ] {
        assert!(said.err.contains(part), "no {part:?} in {said:?}");
    }
    assert_eq!(revision(&server), before);

    let file = manifest("01");
    let said = server.succeed(&["apply", "--create-namespace", "-f", &file], "");
    assert_eq!(
        said,
        "namespace/production created\nservice/backend-service created\n"
    );
}

#[test]
fn each_is_taken_or_refused_as_its_comment_says_and_repeating_it_changes_nothing() {
    let server = server();
    apply_each(&server, "created");
    assert_eq!(
        cluster_ip(&server, "default", "user-service"),
        "10.96.100.50"
    );
    let headless = read(&server, &["service", "user-service-headless"]);
    assert_eq!(headless["spec"]["clusterIP"], "None");
    let frontend = read(&server, &["service", "web-frontend", "-n", "production"]);
    for (i, number) in [31080, 31443].into_iter().enumerate() {
        assert_eq!(frontend["spec"]["ports"][i]["nodePort"], number);
    }
    apply_each(&server, "unchanged");
}

#[test]
fn a_directory_is_applied_as_far_as_it_can_be() {
    let server = server();
    let said = apply(&server, &directory());
    assert_eq!(said.code, 1);
    for (file, accepted, refusal) in FILES {
        if let Some(name) = accepted {
            assert!(said.out.contains(&format!("{name} created\n")), "{said:?}");
        }
        for part in *refusal {
            assert!(said.err.contains(part), "{file}: no {part:?} in {said:?}");
        }
    }
    let before = revision(&server);
    let again = apply(&server, &directory());
    assert_eq!(again.code, 1);
    assert_eq!(again.err, said.err, "every refusal is repeated");
    assert_eq!(again.out, said.out.replace(" created\n", " unchanged\n"));
    assert_eq!(revision(&server), before);
}

#[test]
fn without_a_selector_endpoints_written_by_hand_are_taken() {
    let server = server();
    server.succeed(&["apply", "-f", &manifest("00")], "");
    server.succeed(&["apply", "-f", "-"], &without_selector());
    let said = server.succeed(&["apply", "-f", &manifest("02")], "");
    assert_eq!(said, "endpoints/backend-service created\n");
    let said = server.succeed(&["apply", "-f", &manifest("02")], "");
    assert_eq!(said, "endpoints/backend-service unchanged\n");

    let table = server.succeed(&["get", "endpoints", "-n", "production"], "");
    for address in ["10.244.1.42", "10.244.3.55", "10.244.2.31"] {
        let row = table.lines().find(|line| line.contains(address));
        let row = row.unwrap_or_else(|| panic!("no {address} in {table}"));
        assert!(row.contains("http:8080/TCP,grpc:9090/TCP"), "{row}");
    }
}

#[test]
fn services_are_shown_as_kubectl_shows_them() {
    let server = server();
    apply(&server, &directory());
    let table = server.succeed(&["get", "services", "-A"], "");
    let backend = cluster_ip(&server, "production", "backend-service");
    let frontend = cluster_ip(&server, "production", "web-frontend");
    let gateway = read(&server, &["service", "api-gateway", "-n", "production"]);
    let [http, https] = [0, 1].map(|i| gateway["spec"]["ports"][i]["nodePort"].to_string());
    let shown = SHOWN.replace("BACKEND", &backend);
    let shown = shown.replace("FRONTEND", &frontend);
    let shown = shown.replace("GATEWAY", &cluster_ip(&server, "production", "api-gateway"));
    let shown = shown.replace(":HTTPS/", &format!(":{https}/"));
    let shown = shown.replace(":HTTP/", &format!(":{http}/"));
    let words = |text: &str| -> Vec<Vec<String>> {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        text.lines().map(words).collect()
    };
    let (mut rows, expected) = (words(&table), words(&shown));
    let ages: Vec<_> = rows.iter_mut().filter_map(Vec::pop).collect();
    assert_eq!(rows, expected, "{table}");
    let is_age = |text: &String| text.starts_with(|c: char| c.is_ascii_digit());
    assert_eq!(ages[0], "AGE");
    assert!(ages[1..].iter().all(is_age), "{table}");
    let start = table.find("EXTERNAL-IP").expect("there is a header");
    let aligned = |line: &str| line.as_bytes()[start - 1] == b' ' && line.as_bytes()[start] != b' ';
    assert!(table.lines().all(aligned), "{table}");

    let wide = server.succeed(&["get", "services", "-A", "-o", "wide"], "");
    assert!(
        wide.lines()
            .next()
            .is_some_and(|header| header.ends_with("SELECTOR"))
    );
    assert!(wide.contains("app=backend,tier=api"), "{wide}");
}

#[test]
fn a_load_balancer_without_a_pool_says_so() {
    let server = server();
    server.succeed(&["apply", "-f", &manifest("00")], "");
    server.succeed(&["apply", "-f", &manifest("07")], "");
    let gateway = read(&server, &["service", "api-gateway", "-n", "production"]);
    let conditions = gateway["status"]["conditions"].as_array();
    let assigned = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["type"] == "LoadBalancerAssigned")
        .expect("the condition is there");
    assert_eq!(
        (&assigned["status"], &assigned["reason"]),
        (&"False".into(), &"NoPool".into())
    );
    let health = gateway["spec"]["healthCheckNodePort"].as_u64();
    assert!(health.is_some_and(|port| (30000..=32767).contains(&port)));
}

#[test]
fn what_is_shown_as_yaml_applies_without_change() {
    let server = server();
    apply(&server, &directory());
    server.succeed(&["apply", "-f", "-"], &without_selector());
    server.succeed(&["apply", "-f", &manifest("02")], "");
    for kind in ["namespaces", "services", "namespaces,services"] {
        let shown = server.succeed(&["get", kind, "-A", "-o", "yaml"], "");
        let before = revision(&server);
        let said = server.succeed(&["apply", "-f", "-"], &shown);
        assert!(
            !said.is_empty() && said.lines().all(|line| line.ends_with(" unchanged")),
            "{kind}: {said}"
        );
        assert_eq!(revision(&server), before, "{kind}");
    }
}

//! grpcurl, which asks for reflection v1alpha, and `buf curl`, which asks for v1.

use std::process::Command;

use portolan_tests::{Output, Server, eventually, run, tool};

use crate::{CALLS, MANIFESTS, hello, server};

fn grpcurl(server: &Server<'_>, options: &[&str], words: &[&str]) -> Output {
    let mut command = Command::new(tool("grpcurl"));
    command.arg("-plaintext").args(options);
    command.arg(server.api().to_string()).args(words);
    run(command, "")
}

fn buf(server: &Server<'_>, options: &[&str], path: &str) -> Output {
    let mut command = Command::new(tool("buf"));
    command.args(["curl", "--http2-prior-knowledge", "--protocol", "grpc"]);
    command
        .args(options)
        .arg(format!("{}/{path}", server.url()));
    run(command, "")
}

/// Something of every kind. The node comes by its own stream, so this is a test of that, too.
fn fill(server: &Server<'_>) {
    server.succeed(&["apply", "-f", "-"], MANIFESTS);
    let said = grpcurl(
        server,
        &["-d", &hello()],
        &["portolan.node.v1.NodeSync/Sync"],
    );
    assert!(said.out.contains("MODE_SNAPSHOT"), "{said:?}");
    // Events are written in the background.
    eventually("an event is there", || {
        let events = server.succeed(&["events", "-A"], "");
        if events.contains("ClusterIPAllocated") {
            Ok(())
        } else {
            Err(events)
        }
    });
}

#[test]
fn grpcurl_lists_describes_and_calls_every_service() {
    let server = server();
    fill(&server);
    let listed = grpcurl(&server, &[], &["list"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let services: Vec<_> = listed.out.lines().collect();
    for service in &services {
        let described = grpcurl(&server, &[], &["describe", service]);
        assert!(described.out.contains("is a service"), "{described:?}");
        assert!(described.out.contains("rpc "), "{described:?}");
    }
    for (path, request, part) in CALLS {
        let (service, _) = path.split_once('/').expect("a path has two parts");
        assert!(services.contains(&service), "no {service} in {services:?}");
        let said = grpcurl(&server, &["-d", request], &[path]);
        assert_eq!(said.code, 0, "{path}: {said:?}");
        assert!(said.out.contains(part), "{path}: no {part} in {said:?}");
    }
    let untested = services.iter().filter(|service| {
        !service.starts_with("grpc.reflection.")
            && **service != "portolan.node.v1.NodeSync"
            && !CALLS
                .iter()
                .any(|(path, ..)| path.starts_with(&format!("{service}/")))
    });
    assert_eq!(untested.count(), 0, "{services:?}");
}

#[test]
fn grpcurl_shows_the_details_of_a_refusal() {
    let server = server();
    let request = r#"{"parent": "clusters/default/namespaces/default", "serviceId": "Web", "service": {"spec": {}}}"#;
    let said = grpcurl(
        &server,
        &["-d", request],
        &["portolan.v1.ServiceAPI/CreateService"],
    );
    assert_ne!(said.code, 0);
    for part in [
        "InvalidArgument",
        "google.rpc.BadRequest",
        "service_id",
        "service.spec.ports",
        "FIELD_INVALID",
    ] {
        assert!(said.err.contains(part), "no {part} in {said:?}");
    }
}

#[test]
fn buf_curl_calls_every_service_through_both_versions_of_reflection() {
    let server = server();
    fill(&server);
    for version in ["grpc-v1", "grpc-v1alpha"] {
        let listed = buf(
            &server,
            &["--reflect-protocol", version, "--list-services"],
            "",
        );
        for name in [
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "portolan.v1.ServiceAPI",
        ] {
            assert!(
                listed.out.lines().any(|line| line == name),
                "{version}: {listed:?}"
            );
        }
        for (path, request, part) in CALLS {
            let options = ["--reflect-protocol", version, "-d", request];
            let said = buf(&server, &options, path);
            assert_eq!(said.code, 0, "{version}: {path}: {said:?}");
            assert!(
                said.out.contains(part),
                "{version}: {path}: no {part} in {said:?}"
            );
        }
    }
}

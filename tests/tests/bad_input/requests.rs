//! Well-formed requests that the present state forbids: the code, and the details that name holder, resource and quota.

use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{
    self, GetServiceRequest, ListServicesRequest, ServiceSpec, UpdateServiceRequest,
    WatchServicesRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::details::{fields, reason};
use crate::{NAMESPACE, at, connect, create, node_port, port, ports, revision, server};

type Client = ServiceApiClient<Channel>;

/// A Service that holds 10.96.0.9 and node port 30009.
async fn hold(client: &mut Client) -> v1::Service {
    let spec = ServiceSpec {
        cluster_ips: vec!["10.96.0.9".to_owned()],
        ..node_port(30009)
    };
    let created = client.create_service(create("holder", spec)).await;
    created.expect("it is free").into_inner()
}

/// Requests that are well-formed, but that the present state forbids: per row the violations, as type, subject and a
/// part of the description.
fn forbidden() -> Vec<(&'static str, ServiceSpec, Vec<[&'static str; 3]>)> {
    let (address, number) = (
        "service.spec.cluster_ips[0]",
        "service.spec.ports[0].node_port",
    );
    let held = "held by Service default/holder";
    vec![
        (
            "an address outside",
            at("192.0.2.1"),
            vec![["RANGE", address, "10.96.0.0/12"]],
        ),
        (
            "the range's own address",
            at("10.96.0.0"),
            vec![["RANGE", address, "10.96.0.0/12"]],
        ),
        (
            "a taken address",
            at("10.96.0.9"),
            vec![["CLUSTER_IP_IN_USE", address, held]],
        ),
        (
            "a node port outside",
            node_port(80),
            vec![["RANGE", number, "30000-32767"]],
        ),
        (
            "a taken node port",
            node_port(30009),
            vec![["NODE_PORT_IN_USE", number, held]],
        ),
        (
            "both taken",
            ServiceSpec {
                cluster_ips: vec!["10.96.0.9".to_owned()],
                ..node_port(30009)
            },
            vec![
                ["CLUSTER_IP_IN_USE", address, held],
                ["NODE_PORT_IN_USE", number, held],
            ],
        ),
        (
            "a family that is not configured",
            at("fd00::1"),
            vec![["FAMILY_NOT_CONFIGURED", address, "IPv6"]],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_named_with_its_holder() {
    let server = server(&[]);
    let channel = connect(&server).await;
    let mut client = Client::new(channel.clone());
    hold(&mut client).await;
    let before = revision(&channel).await;
    for (row, spec, expected) in forbidden() {
        let status = client.create_service(create("web", spec)).await;
        let status = status.expect_err(row);
        assert_eq!(status.code(), Code::FailedPrecondition, "{row}: {status:?}");
        assert_eq!(reason(&status), expected[0][0], "{row}");
        let failure = status.get_details_precondition_failure();
        let found = failure.expect("it says what stands in the way").violations;
        assert_eq!(found.len(), expected.len(), "{row}: {found:?}");
        for (violation, [kind, subject, part]) in found.iter().zip(expected) {
            assert_eq!(
                (violation.r#type.as_str(), violation.subject.as_str()),
                (kind, subject),
                "{row}"
            );
            assert!(violation.description.contains(part), "{row}: {violation:?}");
            assert!(status.message().contains(part), "{row}: {status:?}");
        }
        assert_eq!(revision(&channel).await, before, "{row}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_existing_and_changed_resources_are_told_apart() {
    let server = server(&[]);
    let channel = connect(&server).await;
    let mut client = Client::new(channel.clone());
    let held = hold(&mut client).await;
    let before = revision(&channel).await;

    let mut nowhere = create("web", at(""));
    nowhere.parent = "clusters/default/namespaces/nowhere".to_owned();
    nowhere.service = Some(v1::Service {
        spec: Some(ports(&[port(80)])),
        ..v1::Service::default()
    });
    let status = client
        .create_service(nowhere)
        .await
        .expect_err("no namespace");
    named_resource(&status, Code::NotFound, "NOT_FOUND", "namespaces/nowhere");
    assert!(
        status.message().contains("--create-namespace"),
        "{status:?}"
    );

    let again = client.create_service(create("holder", ports(&[port(81)])));
    let status = again.await.expect_err("it exists");
    named_resource(
        &status,
        Code::AlreadyExists,
        "ALREADY_EXISTS",
        "services/holder",
    );

    let name = format!("{NAMESPACE}/services/nobody");
    let request = GetServiceRequest {
        name,
        ..GetServiceRequest::default()
    };
    let status = client.get_service(request).await.expect_err("no Service");
    named_resource(&status, Code::NotFound, "NOT_FOUND", "services/nobody");

    let mut elsewhere = held.clone();
    elsewhere.spec.as_mut().expect("it has one").cluster_ips = vec!["10.96.0.10".to_owned()];
    elsewhere.etag = String::new();
    let status = update(&mut client, elsewhere).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "FIELD_IMMUTABLE")
    );
    assert_eq!(fields(&status), ["service.spec.cluster_ips[0]"]);

    let stale = v1::Service {
        etag: "\"0\"".to_owned(),
        ..held
    };
    let status = update(&mut client, stale).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Aborted, "ETAG_MISMATCH")
    );
    assert_eq!(revision(&channel).await, before);
}

async fn update(client: &mut Client, service: v1::Service) -> Status {
    let request = UpdateServiceRequest {
        service: Some(service),
        ..UpdateServiceRequest::default()
    };
    client.update_service(request).await.expect_err("refused")
}

fn named_resource(status: &Status, code: Code, why: &str, resource: &str) {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (code, why),
        "{status:?}"
    );
    let info = status.get_details_resource_info();
    let name = info.expect("it names the resource").resource_name;
    assert!(name.ends_with(resource), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_watches_that_make_no_sense_are_refused() {
    let server = server(&[]);
    let mut client = Client::new(connect(&server).await);
    let list = |page_size, page_token: &str| ListServicesRequest {
        parent: NAMESPACE.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        ..ListServicesRequest::default()
    };
    for (request, field) in [
        (list(-1, ""), "page_size"),
        (list(0, "page 2"), "page_token"),
    ] {
        let status = client.list_services(request).await.expect_err(field);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(fields(&status), [field]);
    }
    let request = WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        from_revision: 1 << 40,
        ..WatchServicesRequest::default()
    };
    let status = match client.watch_services(request).await {
        Ok(stream) => stream.into_inner().message().await.expect_err("the future"),
        Err(status) => status,
    };
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::OutOfRange, "REVISION_UNKNOWN")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_range_is_refused_with_its_counts() {
    let ranges = [
        "--service-cidr",
        "10.0.0.0/30",
        "--node-port-range",
        "30000-30001",
    ];
    let server = server(&ranges);
    let channel = connect(&server).await;
    let mut client = Client::new(channel.clone());
    let port_pair = |i| create(&format!("s{i}"), node_port(0));
    for i in 0..2 {
        client
            .create_service(port_pair(i))
            .await
            .expect("there is room");
    }
    let before = revision(&channel).await;
    let rows = [
        (
            "CLUSTER_IP_EXHAUSTED",
            "10.0.0.0/30",
            create("s3", ports(&[port(80)])),
        ),
        ("CLUSTER_IP_EXHAUSTED", "10.0.0.0/30", port_pair(4)),
    ];
    for (why, range, request) in rows {
        let status = client.create_service(request).await.expect_err(why);
        exhausted(&status, why, range);
        assert_eq!(revision(&channel).await, before, "{why}");
    }

    let external = ServiceSpec {
        r#type: v1::ServiceType::ExternalName.into(),
        external_name: "db.example".to_owned(),
        ..ServiceSpec::default()
    };
    client
        .create_service(create("alias", external))
        .await
        .expect("it needs neither");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_node_ports_are_refused_with_their_counts() {
    let server = server(&["--node-port-range", "30000-30001"]);
    let channel = connect(&server).await;
    let mut client = Client::new(channel.clone());
    for i in 0..2 {
        let request = create(&format!("s{i}"), node_port(0));
        client.create_service(request).await.expect("there is room");
    }
    let before = revision(&channel).await;
    let status = client.create_service(create("s3", node_port(0))).await;
    exhausted(
        &status.expect_err("full"),
        "NODE_PORT_EXHAUSTED",
        "30000-30001",
    );
    assert_eq!(
        revision(&channel).await,
        before,
        "the address is not kept either"
    );
}

/// Two of two are used.
fn exhausted(status: &Status, why: &str, range: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let info = status.get_details_error_info().expect("it says why");
    assert_eq!(info.reason, why);
    let counts = [
        ("range", range),
        ("used", "2"),
        ("quarantined", "0"),
        ("capacity", "2"),
    ];
    for (key, value) in counts {
        assert_eq!(
            info.metadata.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }
    let quota = status
        .get_details_quota_failure()
        .expect("it names the quota");
    let [violation] = quota.violations.as_slice() else {
        panic!("{quota:?}");
    };
    assert_eq!(violation.subject, range);
    assert!(violation.description.contains("2 in use"), "{violation:?}");
}

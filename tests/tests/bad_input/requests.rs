//! Through gRPC: the code, `ErrorInfo`, and the details that name every field, subject and quota.

use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{
    self, CreateServiceRequest, GetServiceRequest, ListServicesRequest, ServicePort, ServiceSpec,
    UpdateServiceRequest, WatchServicesRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{NAMESPACE, at, connect, create, named, node_port, port, revision, server};

const DOMAIN: &str = "portolan";

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

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    let info = info.unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, DOMAIN);
    info.reason
}

/// Paths of the fields that a `BadRequest` names; each comes with an explanation.
fn fields(status: &Status) -> Vec<String> {
    let bad_request = status.get_details_bad_request();
    let bad_request = bad_request.unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    let described = |v: &tonic_types::FieldViolation| !v.description.is_empty();
    assert!(bad_request.field_violations.iter().all(described));
    bad_request
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

fn ports(ports: Vec<ServicePort>) -> ServiceSpec {
    ServiceSpec {
        ports,
        ..ServiceSpec::default()
    }
}

/// Requests that are wrong whatever is stored, and every field that they must name.
fn invalid() -> Vec<(&'static str, CreateServiceRequest, Vec<&'static str>)> {
    let with = |change: fn(&mut CreateServiceRequest)| {
        let mut request = create("web", ports(vec![port(80)]));
        change(&mut request);
        request
    };
    vec![
        (
            "a name out of rule",
            create("Web_1", ports(vec![port(80)])),
            vec!["service_id"],
        ),
        (
            "no name",
            create("", ports(vec![port(80)])),
            vec!["service_id"],
        ),
        (
            "a name too long",
            create(&"a".repeat(64), ports(vec![port(80)])),
            vec!["service_id"],
        ),
        (
            "no parent",
            with(|r| r.parent = "nonsense".to_owned()),
            vec!["parent"],
        ),
        ("no Service", with(|r| r.service = None), vec!["service"]),
        (
            "a request id that is none",
            with(|r| r.request_id = "again".to_owned()),
            vec!["request_id"],
        ),
        (
            "no ports",
            create("web", ports(vec![])),
            vec!["service.spec.ports"],
        ),
        (
            "port 0",
            create("web", ports(vec![port(0)])),
            vec!["service.spec.ports[0].port"],
        ),
        (
            "port 70000",
            create("web", ports(vec![port(70000)])),
            vec!["service.spec.ports[0].port"],
        ),
        (
            "a negative node port",
            create("web", node_port(-1)),
            vec!["service.spec.ports[0].node_port"],
        ),
        (
            "no address",
            create("web", at("10.96.0.300")),
            vec!["service.spec.cluster_ips[0]"],
        ),
        (
            "a port twice",
            create("web", ports(vec![named("a", 80), named("b", 80)])),
            vec!["service.spec.ports[1].port"],
        ),
        (
            "a node port without the type",
            create(
                "web",
                ServiceSpec {
                    r#type: 0,
                    ..node_port(30001)
                },
            ),
            vec!["service.spec.ports[0].node_port"],
        ),
        (
            "a type and a protocol that nobody knows",
            create(
                "web",
                ServiceSpec {
                    r#type: 99,
                    ports: vec![ServicePort {
                        protocol: 99,
                        ..port(80)
                    }],
                    ..ServiceSpec::default()
                },
            ),
            vec!["service.spec.type", "service.spec.ports[0].protocol"],
        ),
        (
            "a selector out of rule",
            create(
                "web",
                ServiceSpec {
                    selector: [("-a".to_owned(), String::new())].into(),
                    ..ports(vec![port(80)])
                },
            ),
            vec!["service.spec.selector[\"-a\"]"],
        ),
        (
            "much at once",
            with(|r| {
                r.service_id = "-".to_owned();
                let spec = ServiceSpec {
                    cluster_ips: vec!["here".to_owned()],
                    ..ports(vec![named("a", 0), named("a", 70000), port(80)])
                };
                r.service = Some(v1::Service {
                    spec: Some(spec),
                    labels: [("a/b/c".to_owned(), String::new())].into(),
                    ..v1::Service::default()
                });
            }),
            vec![
                "service_id",
                "service.labels[\"a/b/c\"]",
                "service.spec.cluster_ips[0]",
                "service.spec.ports[0].port",
                "service.spec.ports[1].name",
                "service.spec.ports[1].port",
                "service.spec.ports[2].name",
            ],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_wrong_is_named_at_once() {
    let server = server(&[]);
    let channel = connect(&server).await;
    let mut client = Client::new(channel.clone());
    let before = revision(&channel).await;
    for (row, request, expected) in invalid() {
        let status = client.create_service(request).await.expect_err(row);
        assert_eq!(status.code(), Code::InvalidArgument, "{row}: {status:?}");
        assert_eq!(reason(&status), "FIELD_INVALID", "{row}");
        let mut fields = fields(&status);
        fields.sort();
        let mut expected = expected;
        expected.sort_unstable();
        assert_eq!(fields, expected, "{row}");
        assert_eq!(revision(&channel).await, before, "{row}");
    }
    let many = create(
        "web",
        ports((0..200).map(|i| named(&format!("p{i}"), 0)).collect()),
    );
    let status = client.create_service(many).await.expect_err("200 mistakes");
    assert_eq!(fields(&status).len(), 50, "headers have room for these");
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
            vec![[
                "FAMILY_NOT_CONFIGURED",
                "service.spec.ip_families[0]",
                "IPv6",
            ]],
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
        spec: Some(ports(vec![port(80)])),
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

    let again = client.create_service(create("holder", ports(vec![port(81)])));
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
            create("s3", ports(vec![port(80)])),
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

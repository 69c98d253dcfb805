//! Requests that are wrong whatever is stored: every field that is, at once.

use portolan_proto::v1::service_api_client::ServiceApiClient;
use portolan_proto::v1::{CreateServiceRequest, ServicePort, ServiceSpec};
use tonic::Code;

use crate::details::{fields, reason};
use crate::{at, connect, create, named, node_port, port, ports, revision, server};

/// What is wrong, the request, and the fields that must be named, in order of their paths.
type Row = (&'static str, CreateServiceRequest, &'static [&'static str]);

/// Around the specification.
fn requests() -> Vec<Row> {
    let id = |id: &str| create(id, ports(&[port(80)]));
    let right = id("web");
    let parent = "nonsense".to_owned();
    let request_id = "again".to_owned();
    vec![
        ("a name out of rule", id("Web_1"), &["service_id"]),
        ("no name", id(""), &["service_id"]),
        ("a name too long", id(&"a".repeat(64)), &["service_id"]),
        (
            "no parent",
            CreateServiceRequest {
                parent,
                ..right.clone()
            },
            &["parent"],
        ),
        (
            "no Service",
            CreateServiceRequest {
                service: None,
                ..right.clone()
            },
            &["service"],
        ),
        (
            "a request id that is none",
            CreateServiceRequest {
                request_id,
                ..right
            },
            &["request_id"],
        ),
    ]
}

/// In it.
fn specifications() -> Vec<Row> {
    let unknown = ServicePort {
        protocol: 99,
        ..port(80)
    };
    let selector = [("-a".to_owned(), String::new())].into();
    let rows: [(_, _, &[_]); 9] = [
        ("no ports", ports(&[]), &["service.spec.ports"]),
        ("port 0", ports(&[port(0)]), &["service.spec.ports[0].port"]),
        (
            "port 70000",
            ports(&[port(70000)]),
            &["service.spec.ports[0].port"],
        ),
        (
            "a negative node port",
            node_port(-1),
            &["service.spec.ports[0].node_port"],
        ),
        (
            "no address",
            at("10.96.0.300"),
            &["service.spec.cluster_ips[0]"],
        ),
        (
            "a port twice",
            ports(&[named("a", 80), named("b", 80)]),
            &["service.spec.ports[1].port"],
        ),
        (
            "a node port without the type",
            ServiceSpec {
                r#type: 0,
                ..node_port(30001)
            },
            &["service.spec.ports[0].node_port"],
        ),
        (
            "a type and a protocol that nobody knows",
            ServiceSpec {
                r#type: 99,
                ..ports(&[unknown])
            },
            &["service.spec.ports[0].protocol", "service.spec.type"],
        ),
        (
            "a selector out of rule",
            ServiceSpec {
                selector,
                ..ports(&[port(80)])
            },
            &["service.spec.selector[\"-a\"]"],
        ),
    ];
    rows.map(|(row, spec, fields)| (row, create("web", spec), fields))
        .into()
}

/// Everywhere.
fn much() -> Row {
    let spec = ServiceSpec {
        cluster_ips: vec!["here".to_owned()],
        ..ports(&[named("a", 0), named("a", 70000), port(80)])
    };
    let mut request = create("-", spec);
    let service = request.service.as_mut().expect("it has one");
    service.labels.insert("a/b/c".to_owned(), String::new());
    let fields = &[
        "service.labels[\"a/b/c\"]",
        "service.spec.cluster_ips[0]",
        "service.spec.ports[0].port",
        "service.spec.ports[1].name",
        "service.spec.ports[1].port",
        "service.spec.ports[2].name",
        "service_id",
    ];
    ("much at once", request, fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_that_is_wrong_is_named_at_once() {
    let server = server(&[]);
    let channel = connect(&server).await;
    let mut client = ServiceApiClient::new(channel.clone());
    let before = revision(&channel).await;
    let rows = [requests(), specifications(), vec![much()]].concat();
    for (row, request, expected) in rows {
        let status = client.create_service(request).await.expect_err(row);
        assert_eq!(status.code(), Code::InvalidArgument, "{row}: {status:?}");
        assert_eq!(reason(&status), "FIELD_INVALID", "{row}");
        let mut fields = fields(&status);
        fields.sort();
        assert_eq!(fields, expected, "{row}");
        assert_eq!(revision(&channel).await, before, "{row}");
    }
    let many: Vec<_> = (0..200).map(|i| named(&format!("p{i}"), 0)).collect();
    let status = client.create_service(create("web", ports(&many))).await;
    let status = status.expect_err("200 mistakes");
    assert_eq!(fields(&status).len(), 50, "headers have room for these");
}

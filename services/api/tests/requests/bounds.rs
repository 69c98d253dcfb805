//! Every string, list and map of every request has a bound: what is beyond it is refused, on its field. They are found by
//! reflection, so that a new field is among them.

use portolan_proto::v1;
use prost::Message;
use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, Value};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::base::{base, element};
use super::excess::{list, map, text};
use super::server::Server;

/// Only the server writes them: nothing of what is sent is kept.
const OUTPUT_ONLY: &[&str] = &[
    "uid",
    "generation",
    "revision",
    "create_time",
    "update_time",
    "delete_time",
    "status",
    "warnings",
    "origin",
];

/// What of a new resource its parent and the field beside it say.
const NAMED_ELSEWHERE: &[&str] = &["name", "etag"];

/// From a request down to a message in it.
#[derive(Clone, Default)]
struct Place {
    path: String,
    fields: Vec<FieldDescriptor>,
}

impl Place {
    fn message(&self, request: &MessageDescriptor) -> MessageDescriptor {
        self.fields.last().map_or_else(|| request.clone(), inner)
    }

    fn below(&self, field: &FieldDescriptor) -> Self {
        let index = if field.is_list() { "[0]" } else { "" };
        let mut fields = self.fields.clone();
        fields.push(field.clone());
        Self {
            path: format!("{}{}{index}.", self.path, field.name()),
            fields,
        }
    }

    /// A sound request, but for this value.
    fn request(
        &self,
        request: &MessageDescriptor,
        field: &FieldDescriptor,
        value: Value,
    ) -> Vec<u8> {
        let mut message = base(request);
        let fields = self.fields.iter();
        let place = fields.fold(&mut message, |message, field| element(message, field));
        place.set_field(field, value);
        message.encode_to_vec()
    }

    /// Whether what is sent there is not looked at.
    fn ignores(&self, request: &MessageDescriptor, field: &FieldDescriptor) -> bool {
        let Some(above) = self.fields.last() else {
            return request.name() == "CreateClusterRequest" && field.name() == "service_cidrs";
        };
        let words = [
            "cluster",
            "namespace",
            "service",
            "workload",
            "node",
            "service_cidr",
        ];
        let is_resource = words.contains(&above.name()) || above.name() == "endpoints";
        let is_new = !request.name().starts_with("Update");
        // An endpoint's Service is that of the request.
        let is_of_request = self.path.starts_with("endpoints") && field.name() == "service";
        // They are decided by the process around, by the rules of UpdateCluster.
        let is_elsewhere =
            request.name() == "CreateClusterRequest" && self.path.starts_with("cluster.spec");
        is_resource && OUTPUT_ONLY.contains(&field.name())
            || is_resource && is_new && NAMED_ELSEWHERE.contains(&field.name())
            || is_of_request
            || is_elsewhere
    }
}

fn inner(field: &FieldDescriptor) -> MessageDescriptor {
    match field.kind() {
        Kind::Message(message) => message,
        kind => panic!("{kind:?} has no fields"),
    }
}

/// Requests that are too much in one field each, and the path of that.
fn excesses(request: &MessageDescriptor) -> Vec<(String, Vec<u8>)> {
    let (mut found, mut open) = (Vec::new(), vec![Place::default()]);
    while let Some(place) = open.pop() {
        for field in place.message(request).fields() {
            let path = format!("{}{}", place.path, field.name());
            if place.ignores(request, &field) {
                continue;
            }
            let mut add = |value| {
                let request = place.request(request, &field, value);
                found.push((path.clone(), request));
            };
            if field.is_map() {
                add(map(&path));
                continue;
            }
            if field.is_list() {
                add(list(&field, &path));
            }
            match field.kind() {
                Kind::Message(_) => open.push(place.below(&field)),
                Kind::String => add(text(&field, &path)),
                Kind::Bytes => panic!("{path}: no bound is known for octets"),
                _ => {}
            }
        }
    }
    found
}

/// Whether the refusal is about the field, or about a part of it.
fn is_about(status: &Status, path: &str) -> bool {
    let details = status.get_details_bad_request();
    let mut violations = details.iter().flat_map(|details| &details.field_violations);
    violations.any(|violation| {
        let rest = violation.field.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    })
}

/// The Service that endpoints are written for.
fn service() -> Vec<u8> {
    let port = v1::ServicePort {
        port: 80,
        ..v1::ServicePort::default()
    };
    let request = v1::CreateServiceRequest {
        parent: "clusters/default/namespaces/default".to_owned(),
        service_id: "db".to_owned(),
        service: Some(v1::Service {
            spec: Some(v1::ServiceSpec {
                ports: vec![port],
                ..v1::ServiceSpec::default()
            }),
            ..v1::Service::default()
        }),
        ..v1::CreateServiceRequest::default()
    };
    request.encode_to_vec()
}

#[tokio::test]
async fn what_is_beyond_its_bound_is_refused_on_its_field() {
    let pool = DescriptorPool::decode(portolan_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
    let services = pool
        .services()
        .filter(|s| s.package_name() == "portolan.v1");
    let methods: Vec<_> = services
        .flat_map(|s| s.methods().collect::<Vec<_>>())
        .collect();
    let server = Server::start().await;
    let made = server
        .status("/portolan.v1.ServiceAPI/CreateService", &service())
        .await;
    assert_eq!(made.map(|status| status.code()), Some(Code::Ok));
    let (mut looked_at, mut missed) = (0, Vec::new());
    for method in methods {
        let rpc = format!("/{}/{}", method.parent_service().full_name(), method.name());
        for (path, request) in excesses(&method.input()) {
            looked_at += 1;
            let status = server.status(&rpc, &request).await;
            let refused = |s: &Status| s.code() == Code::InvalidArgument && is_about(s, &path);
            if !status.as_ref().is_some_and(refused) {
                let said = status.map(|s| format!("{:?} {:.160}", s.code(), s.message()));
                missed.push(format!("{} {path}: {said:?}", method.name()));
            }
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(looked_at > 150, "{looked_at} fields");
}

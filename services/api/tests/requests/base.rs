//! Requests that are sound, for something to be too much in.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value,
};

const NAMESPACE: &str = "clusters/default/namespaces/default";

/// Nouns with their collections; the longer of two that begin alike comes first.
const NOUNS: [(&str, &str); 6] = [
    ("ServiceCidr", "clusters/default/serviceCidrs"),
    ("Service", "clusters/default/namespaces/default/services"),
    ("Workload", "clusters/default/namespaces/default/workloads"),
    ("Endpoint", "clusters/default/namespaces/default/endpoints"),
    ("Node", "clusters/default/nodes"),
    ("Namespace", "clusters/default/namespaces"),
];

/// A request that would be carried out, as a dry run.
pub(crate) fn base(request: &MessageDescriptor) -> DynamicMessage {
    let mut message = DynamicMessage::new(request.clone());
    let noun = NOUNS.iter().find(|(noun, _)| request.name().contains(noun));
    let collection = noun.map_or("clusters", |(_, collection)| collection);
    let name = match noun {
        Some(_) => format!("{collection}/new"),
        None => "clusters/default".to_owned(),
    };
    let parent = collection.rsplit_once('/').map_or("", |(parent, _)| parent);
    let text = |text: &str| Value::String(text.to_owned());
    let resources = [
        "cluster",
        "namespace",
        "service",
        "workload",
        "node",
        "service_cidr",
    ];
    for resource in resources {
        set(&mut message, &format!("{resource}.name"), text(&name));
        set(&mut message, &format!("{resource}_id"), text("new"));
        set(
            &mut message,
            &format!("requests.{resource}_id"),
            text("new"),
        );
    }
    for (path, value) in [
        ("validate_only", Value::Bool(true)),
        ("allow_missing", Value::Bool(true)),
        ("name", text(&name)),
        ("parent", text(parent)),
        (
            "workload.spec.addresses",
            Value::List(vec![text("192.0.2.1")]),
        ),
        (
            "workload.spec.readiness_probe.http_get.port",
            Value::I32(80),
        ),
        (
            "names",
            Value::List(vec![text(&format!("{NAMESPACE}/services/db"))]),
        ),
        ("service.spec.ports.port", Value::I32(80)),
        ("requests.service.spec.ports.port", Value::I32(80)),
        ("requests.parent", text(NAMESPACE)),
        (
            "service_cidr.spec.cidrs",
            Value::List(vec![text("10.1.0.0/24")]),
        ),
        ("service", text(&format!("{NAMESPACE}/services/db"))),
        ("source", text("test")),
        ("endpoints.spec.address", text("192.0.2.1")),
        ("endpoints.spec.ports.port", Value::I32(80)),
    ] {
        set(&mut message, path, value);
    }
    message
}

/// Sets what a path names, if there is such a field and the value is one for it; of lists, in their first element.
fn set(message: &mut DynamicMessage, path: &str, value: Value) {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(field) = message.descriptor().get_field_by_name(name) else {
        return;
    };
    match field.kind() {
        Kind::Message(_) if !rest.is_empty() => set(element(message, &field), rest, value),
        _ if rest.is_empty() && value.is_valid_for_field(&field) => {
            message.set_field(&field, value);
        }
        _ => {}
    }
}

/// The message in a field, or the first one.
pub(crate) fn element<'a>(
    message: &'a mut DynamicMessage,
    field: &FieldDescriptor,
) -> &'a mut DynamicMessage {
    if let (Kind::Message(inner), true) = (field.kind(), field.is_list())
        && !message.has_field(field)
    {
        let first = Value::Message(DynamicMessage::new(inner));
        message.set_field(field, Value::List(vec![first]));
    }
    match message.get_field_mut(field) {
        Value::Message(inner) => inner,
        Value::List(list) => match list.first_mut() {
            Some(Value::Message(inner)) => inner,
            other => panic!("no message but {other:?}"),
        },
        other => panic!("no message but {other:?}"),
    }
}

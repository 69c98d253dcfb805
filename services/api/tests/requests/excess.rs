//! Values that are one beyond their bound, and sound otherwise.

use portolan_model::limits::{self, Limit};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, Value};

fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or_default()
}

/// The bound of a text. What has no bound of its own is a name, or is read as something that is shorter.
fn of_text(path: &str) -> Limit {
    match last(path) {
        "filter" => limits::FILTER,
        "order_by" => limits::ORDER_BY,
        "page_token" => limits::PAGE_TOKEN,
        "etag" => limits::ETAG,
        "source" => limits::SOURCE,
        "path" => limits::PROBE_PATH,
        "host" => limits::PROBE_NAME,
        "paths" => limits::MASK_PATH,
        "zone" | "dataplane" => limits::ZONE,
        "name" if path.contains("headers") => limits::HEADER_NAME,
        "name" if path.contains("workload") && path.contains("ports") => limits::TARGET_PORT_NAME,
        "name" if path.contains("ports") => limits::PORT_NAME,
        "service_port" => limits::PORT_NAME,
        "value" => limits::HEADER_VALUE,
        "port_name" | "target_port_name" => limits::TARGET_PORT_NAME,
        _ => limits::NAME,
    }
}

/// The bound of a list or a map.
fn of_many(path: &str) -> Limit {
    match last(path) {
        "labels" | "selector" => limits::LABELS,
        "annotations" => limits::ANNOTATIONS,
        "requests" | "names" => limits::BATCH,
        "endpoints" => limits::ENDPOINTS,
        "headers" => limits::PROBE_HEADERS,
        "paths" => limits::MASK_PATHS,
        "load_balancer_source_ranges" => limits::SOURCE_RANGES,
        "endpoint_ranges" | "workload_ranges" => limits::RANGES,
        "ip_families" => limits::FAMILIES,
        "ports" if path.starts_with("endpoints") => limits::ENDPOINT_PORTS,
        "ports" if path.starts_with("workload") => limits::WORKLOAD_PORTS,
        "ports" => limits::SERVICE_PORTS,
        _ if path.starts_with("node.") => limits::NODE_ADDRESSES,
        _ => limits::ADDRESSES,
    }
}

/// A text of one octet too many.
pub(crate) fn text(field: &FieldDescriptor, path: &str) -> Value {
    let start = if last(path) == "path" { "/" } else { "a" };
    let text = start.to_owned() + &"a".repeat(of_text(path).value);
    if field.is_list() {
        Value::List(vec![Value::String(text)])
    } else {
        Value::String(text)
    }
}

/// One value too many.
pub(crate) fn list(field: &FieldDescriptor, path: &str) -> Value {
    let value = |i: usize| match field.kind() {
        Kind::Message(message) => Value::Message(DynamicMessage::new(message)),
        Kind::Enum(_) => Value::EnumNumber(1),
        _ if path.ends_with("ranges") || path.ends_with("cidrs") => {
            Value::String(format!("10.{}.{}.0/24", i / 250, i % 250))
        }
        _ if last(path) == "paths" => Value::String("labels.a".to_owned()),
        _ => Value::String(format!("192.0.{}.{}", 2 + i / 250, 1 + i % 250)),
    };
    Value::List((0..=of_many(path).value).map(value).collect())
}

/// One octet too much in a map, or little more.
pub(crate) fn map(path: &str) -> Value {
    let bound = of_many(path);
    if bound == limits::ANNOTATIONS {
        let value = Value::String("b".repeat(bound.value));
        return Value::Map([(MapKey::String("a".to_owned()), value)].into());
    }
    let value = "b".repeat(limits::LABEL_VALUE.value);
    let entry = |i| {
        (
            MapKey::String(format!("k{i}")),
            Value::String(value.clone()),
        )
    };
    Value::Map((0..=bound.value / value.len()).map(entry).collect())
}

//! google.api.http: how a gateway offers the API over HTTP and JSON (AIP-127, AIP-131 to AIP-136).

mod template;

use prost_reflect::{Cardinality, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::{Value, json};

use crate::methods;
use template::Template;

/// Collection and name of each resource, by the noun in its RPCs.
const RESOURCES: [(&str, &str, &str); 7] = [
    ("Cluster", "clusters", "clusters/*"),
    ("Namespace", "namespaces", "clusters/*/namespaces/*"),
    ("Service", "services", "clusters/*/namespaces/*/services/*"),
    (
        "Workload",
        "workloads",
        "clusters/*/namespaces/*/workloads/*",
    ),
    (
        "Endpoint",
        "endpoints",
        "clusters/*/namespaces/*/endpoints/*",
    ),
    ("ServiceCidr", "serviceCidrs", "clusters/*/serviceCidrs/*"),
    ("Node", "nodes", "clusters/*/nodes/*"),
];

/// The RPCs of resources, each with its rule.
fn rules() -> Vec<(MethodDescriptor, Value)> {
    let rule = |method: MethodDescriptor| {
        let options = serde_json::to_value(method.options()).expect("options are JSON");
        let rule = options["[google.api.http]"].clone();
        assert!(rule.is_object(), "{} has no annotation", method.name());
        (method, rule)
    };
    let all = methods().into_iter();
    let public = all.filter(|method| method.parent_service().package_name() == "portolan.v1");
    public.map(rule).collect()
}

/// Verb and path of a rule, and of its additional bindings.
fn bindings(rule: &Value) -> Vec<(&'static str, Template)> {
    let verbs = ["get", "put", "post", "delete", "patch"];
    let own = verbs.iter().filter_map(|verb| {
        let path = rule[*verb].as_str()?;
        Some((*verb, Template::parse(path)))
    });
    let more = rule["additionalBindings"].as_array();
    let more = more.into_iter().flatten().flat_map(bindings);
    own.chain(more).collect()
}

/// What a standard method, a custom one, or one of events has to say.
fn expected(rpc: &str) -> Value {
    let service = "clusters/*/namespaces/*/services/*";
    let get = |path: String| json!({ "get": path });
    match rpc {
        "BatchCreateServices" => json!({
            "post": "/v1/{parent=clusters/*/namespaces/*}/services:batchCreate",
            "body": "*",
        }),
        "BatchGetServices" => {
            get("/v1/{parent=clusters/*/namespaces/*}/services:batchGet".to_owned())
        }
        "ExplainService" => get(format!("/v1/{{name={service}}}:explain")),
        "ReplaceEndpoints" => json!({
            "post": format!("/v1/{{service={service}}}:replaceEndpoints"),
            "body": "*",
        }),
        "AuditAllocations" => {
            json!({ "post": "/v1/{name=clusters/*}:auditAllocations", "body": "*" })
        }
        "DumpNodeView" => get("/v1/{name=clusters/*/nodes/*}:dumpView".to_owned()),
        "ExplainFlow" => get("/v1/{name=clusters/*/nodes/*}:explainFlow".to_owned()),
        "ListEvents" => of_events(""),
        "WatchEvents" => of_events(":watch"),
        _ => standard(rpc),
    }
}

/// Events of a cluster, of what is in it, and of what is in a namespace.
fn of_events(verb: &str) -> Value {
    let path = |parent| json!({ "get": format!("/v1/{{parent={parent}}}/events{verb}") });
    let mut rule = path("clusters/*");
    rule["additionalBindings"] =
        json!([path("clusters/*/*/*"), path("clusters/*/namespaces/*/*/*")]);
    rule
}

fn standard(rpc: &str) -> Value {
    let verbs = ["Get", "List", "Create", "Update", "Delete", "Watch"];
    let split = verbs
        .iter()
        .find_map(|verb| Some((*verb, rpc.strip_prefix(verb)?)));
    let (verb, noun) = split.unwrap_or_else(|| panic!("{rpc} is no standard method"));
    let resource = RESOURCES
        .iter()
        .find(|(one, ..)| noun.strip_suffix('s').unwrap_or(noun) == *one);
    let (one, collection, name) = resource.unwrap_or_else(|| panic!("{rpc} is of no resource"));
    let field = if *one == "ServiceCidr" {
        "service_cidr".to_owned()
    } else {
        one.to_lowercase()
    };
    let all = match name.rsplitn(3, '/').nth(2) {
        Some(parent) => format!("/v1/{{parent={parent}}}/{collection}"),
        None => format!("/v1/{collection}"),
    };
    match verb {
        "Get" => json!({ "get": format!("/v1/{{name={name}}}") }),
        "Delete" => json!({ "delete": format!("/v1/{{name={name}}}") }),
        "List" => json!({ "get": all }),
        "Watch" => json!({ "get": format!("{all}:watch") }),
        "Create" => json!({ "post": all, "body": field }),
        _ => json!({ "patch": format!("/v1/{{{field}.name={name}}}"), "body": field }),
    }
}

#[test]
fn every_rpc_has_the_path_and_body_of_its_kind() {
    for (method, rule) in rules() {
        assert_eq!(rule, expected(method.name()), "{}", method.name());
    }
}

/// Follows a path of fields; the last one must be a text, and not one of several.
fn is_text(message: &MessageDescriptor, path: &str) -> bool {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(field) = message.get_field_by_name(first) else {
        return false;
    };
    match field.kind() {
        Kind::Message(inner) if !rest.is_empty() => is_text(&inner, rest),
        Kind::String => rest.is_empty() && field.cardinality() != Cardinality::Repeated,
        _ => false,
    }
}

#[test]
fn variables_are_texts_of_the_request() {
    for (method, rule) in rules() {
        for (_, template) in bindings(&rule) {
            for variable in &template.variables {
                let known = is_text(&method.input(), variable);
                assert!(known, "{}: no text {variable}", method.name());
            }
        }
    }
}

/// What is neither in the path nor in the body is a query parameter, and those are plain values or lists of them.
#[test]
fn what_is_left_can_be_a_query_parameter() {
    for (method, rule) in rules() {
        let body = rule["body"].as_str().unwrap_or_default();
        let is_get = rule["get"].is_string() || rule["delete"].is_string();
        assert!(!is_get || body.is_empty(), "{} has a body", method.name());
        let has_field = method.input().get_field_by_name(body).is_some();
        assert!(
            has_field || ["", "*"].contains(&body),
            "{}: no {body}",
            method.name()
        );
        for field in method.input().fields().filter(|_| body != "*") {
            let kind = field.kind();
            let is_plain = match kind.as_message() {
                // A mask is one text in JSON.
                Some(message) => message.full_name() == "google.protobuf.FieldMask",
                None => !field.is_map(),
            };
            assert!(
                is_plain || field.name() == body,
                "{}: {}",
                method.name(),
                field.name()
            );
        }
    }
}

#[test]
fn no_request_has_two_meanings() {
    let all: Vec<_> = rules()
        .into_iter()
        .flat_map(|(method, rule)| {
            let bindings = bindings(&rule).into_iter();
            bindings.map(move |(verb, template)| (method.name().to_owned(), verb, template))
        })
        .collect();
    for (i, (rpc, verb, template)) in all.iter().enumerate() {
        for (other, its_verb, its_template) in &all[i + 1..] {
            let clash = verb == its_verb && template.overlaps(its_template);
            assert!(
                !clash,
                "{rpc} and {other}: {template:?} and {its_template:?}"
            );
        }
    }
}

//! Annotations of google.api: what fields are for, what resources are called (AIP-203, AIP-123, AIP-4231, AIP-4232).

use std::collections::BTreeMap;

use portolan_proto::DOMAIN;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::Value;

use crate::{methods, pool};

/// Options as JSON, extensions by their names.
fn json(options: &DynamicMessage) -> Value {
    serde_json::to_value(options).expect("options are JSON")
}

/// What is said of a field's behavior.
fn behavior(field: &FieldDescriptor) -> Vec<String> {
    let options = json(&field.options());
    let said = options["[google.api.field_behavior]"].as_array();
    let said = said.into_iter().flatten().filter_map(Value::as_str);
    said.map(str::to_owned).collect()
}

/// Every message of ours that a request of the API is made of, and that its resources are made of.
fn messages() -> Vec<MessageDescriptor> {
    let mut found = BTreeMap::new();
    let mut left: Vec<_> = methods()
        .iter()
        .filter(|method| method.parent_service().package_name() == "portolan.v1")
        .map(prost_reflect::MethodDescriptor::input)
        .collect();
    left.extend(pool().get_message_by_name("portolan.v1.Event"));
    while let Some(message) = left.pop() {
        let ours = message.package_name() == "portolan.v1" && !message.is_map_entry();
        if ours
            && found
                .insert(message.full_name().to_owned(), message.clone())
                .is_none()
        {
            let fields = message.fields().filter_map(|field| match field.kind() {
                Kind::Message(inner) => Some(inner),
                _ => None,
            });
            left.extend(fields);
        }
    }
    assert!(found.len() > 70, "only {} messages", found.len());
    found.into_values().collect()
}

/// The comment above a field.
fn comment(pool: &DescriptorPool, field: &FieldDescriptor) -> String {
    let name = field.parent_file().name().to_owned();
    let file = pool
        .file_descriptor_protos()
        .find(|file| file.name() == name);
    let info = file.and_then(|file| file.source_code_info.as_ref());
    let at = info.and_then(|info| info.location.iter().find(|at| at.path == field.path()));
    at.map_or_else(String::new, |at| at.leading_comments().trim().to_owned())
}

#[test]
fn every_field_of_a_request_and_of_a_resource_says_how_it_behaves() {
    for field in messages().iter().flat_map(MessageDescriptor::fields) {
        let known = ["REQUIRED", "OPTIONAL", "OUTPUT_ONLY", "IDENTIFIER"];
        let said = behavior(&field);
        let one = said.iter().any(|word| known.contains(&word.as_str()));
        assert!(one, "{} says {said:?}", field.full_name());
    }
}

/// In a message that is output alone, no comment needs to repeat it.
#[test]
fn comments_and_annotations_agree_on_what_is_output_only() {
    let pool = pool();
    for message in messages() {
        let is_output =
            |field: &FieldDescriptor| behavior(field).contains(&"OUTPUT_ONLY".to_owned());
        let whole = message.fields().all(|field| is_output(&field));
        for field in message.fields().filter(|_| !whole) {
            let said = comment(&pool, &field).starts_with("Output only");
            assert_eq!(said, is_output(&field), "{}", field.full_name());
        }
    }
}

#[test]
fn what_a_method_needs_is_required_and_in_its_signature() {
    for method in methods() {
        if method.parent_service().package_name() != "portolan.v1" {
            continue;
        }
        let options = json(&method.options());
        let signatures = options["[google.api.method_signature]"].as_array();
        let signature = signatures.and_then(|all| all[0].as_str());
        let signature = signature.unwrap_or_else(|| panic!("{} has none", method.name()));
        let named: Vec<_> = signature
            .split(',')
            .filter(|name| !name.is_empty())
            .collect();
        for name in &named {
            let field = method.input().get_field_by_name(name);
            assert!(field.is_some(), "{}: no field {name}", method.name());
        }
        for field in method.input().fields() {
            let is_required = behavior(&field).contains(&"REQUIRED".to_owned());
            let is_named = named.contains(&field.name());
            assert!(
                !is_required || is_named,
                "{} is left out",
                field.full_name()
            );
        }
    }
}

/// Which type and which pattern each resource has.
fn resources() -> BTreeMap<String, String> {
    let described = |message: MessageDescriptor| {
        let resource = json(&message.options())["[google.api.resource]"].clone();
        let pattern = resource["pattern"][0].as_str()?.to_owned();
        Some((resource["type"].as_str()?.to_owned(), pattern))
    };
    pool().all_messages().filter_map(described).collect()
}

#[test]
fn names_and_parents_refer_to_resources_of_the_one_domain() {
    let resources = resources();
    assert_eq!(resources.len(), 7, "{resources:?}");
    let ours = |name: &String| {
        name.strip_prefix(DOMAIN)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    assert!(resources.keys().all(ours), "{resources:?}");
    for method in methods() {
        for name in ["name", "names", "parent"] {
            let Some(field) = method.input().get_field_by_name(name) else {
                continue;
            };
            let refers = json(&field.options())["[google.api.resource_reference]"].clone();
            let to = refers["type"]
                .as_str()
                .or_else(|| refers["childType"].as_str());
            let known = to.is_some_and(|to| to == "*" || resources.contains_key(to));
            assert!(known, "{} refers to {to:?}", field.full_name());
        }
    }
}

#[test]
fn identities_are_uuids() {
    for field in messages().iter().flat_map(MessageDescriptor::fields) {
        let is_identity =
            ["uid", "object_uid", "expected_uid", "request_id"].contains(&field.name());
        let format = json(&field.options())["[google.api.field_info]"]["format"].clone();
        assert_eq!(is_identity, format == "UUID4", "{}", field.full_name());
    }
}

/// Where code generators of other languages put what they make.
#[test]
fn every_file_names_its_packages_in_other_languages() {
    let files = pool();
    let ours = files.file_descriptor_protos();
    for file in ours.filter(|file| file.package().starts_with("portolan.")) {
        let options = file.options.clone().unwrap_or_default();
        let go = format!("{DOMAIN}/go/{};", file.package().replace('.', "/"));
        assert!(options.go_package().starts_with(&go), "{}", file.name());
        assert_eq!(options.java_package(), format!("dev.{}", file.package()));
        let kin = [
            options.csharp_namespace(),
            options.php_namespace(),
            options.ruby_package(),
        ];
        assert!(
            kin.iter().all(|name| name.starts_with("Portolan")),
            "{kin:?}"
        );
        assert!(options.java_multiple_files() && !options.java_outer_classname().is_empty());
    }
}

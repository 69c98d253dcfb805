//! Resource names: `clusters/{cluster}/namespaces/{namespace}/services/{service}` and the like.

use portolan_model::{FieldPath, Name, Scoped, Violations};

/// A cluster and a key within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InCluster<K> {
    /// The cluster.
    pub cluster: Name,
    /// What is named in it.
    pub key: K,
}

/// `clusters/{cluster}`
pub fn cluster(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    let [cluster] = split(field, text, ["clusters"], violations)?;
    let [cluster] = named(field, [("cluster", cluster_label(cluster))], violations)?;
    Some(cluster)
}

/// `clusters/{cluster}/{collection}/{name}`, for what lives in the cluster itself.
pub fn in_cluster(
    field: impl FieldPath,
    text: &str,
    collection: &'static str,
    violations: &mut Violations,
) -> Option<InCluster<Name>> {
    let [cluster, name] = split(field, text, ["clusters", collection], violations)?;
    let parts = [("cluster", cluster_label(cluster)), leaf(collection, name)];
    let [cluster, key] = named(field, parts, violations)?;
    Some(InCluster { cluster, key })
}

/// `clusters/{cluster}/namespaces/{namespace}/{collection}/{name}`
pub fn in_namespace(
    field: impl FieldPath,
    text: &str,
    collection: &'static str,
    violations: &mut Violations,
) -> Option<InCluster<Scoped>> {
    let [cluster, namespace, name] = split(
        field,
        text,
        ["clusters", "namespaces", collection],
        violations,
    )?;
    let (cluster, namespace) = (cluster_label(cluster), label(namespace));
    let parts = [
        ("cluster", cluster),
        ("namespace", namespace),
        leaf(collection, name),
    ];
    let [cluster, namespace, name] = named(field, parts, violations)?;
    let key = Scoped::new(namespace, name);
    Some(InCluster { cluster, key })
}

/// `clusters/{cluster}/namespaces/{namespace}`
pub fn namespace(
    field: impl FieldPath,
    text: &str,
    violations: &mut Violations,
) -> Option<InCluster<Name>> {
    let [cluster, namespace] = split(field, text, ["clusters", "namespaces"], violations)?;
    let parts = [
        ("cluster", cluster_label(cluster)),
        ("namespace", label(namespace)),
    ];
    let [cluster, key] = named(field, parts, violations)?;
    Some(InCluster { cluster, key })
}

/// `clusters/{cluster}/namespaces/{namespace}`, where `-` stands for all namespaces.
pub fn namespaces(
    field: impl FieldPath,
    text: &str,
    violations: &mut Violations,
) -> Option<InCluster<Option<Name>>> {
    let Some(parent) = text.strip_suffix("/namespaces/-") else {
        let InCluster { cluster, key } = namespace(field, text, violations)?;
        let key = Some(key);
        return Some(InCluster { cluster, key });
    };
    let cluster = cluster(field, parent, violations)?;
    Some(InCluster { cluster, key: None })
}

/// A new name: a label.
pub fn new_label(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    violations.check(field, label(text))
}

/// A new name: a subdomain.
pub fn new_subdomain(
    field: impl FieldPath,
    text: &str,
    violations: &mut Violations,
) -> Option<Name> {
    violations.check(field, subdomain(text))
}

/// A part of a resource name, or why it is none.
type Part = Result<Name, String>;

/// The last part, and what it names: what DNS shows as one label is one; the rest may have dots, as Pods and hosts have.
fn leaf<'a>(collection: &'a str, text: &str) -> (&'a str, Part) {
    let part = match collection {
        "services" | "namespaces" | "serviceCidrs" => label(text),
        _ => subdomain(text),
    };
    (collection.trim_end_matches('s'), part)
}

/// The last part of a cluster's name.
pub fn one_cluster(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    let [cluster] = named(field, [("cluster", cluster_label(text))], violations)?;
    Some(cluster)
}

/// Never `-` for all of them: each has revisions of its own, and an answer shows one.
fn cluster_label(text: &str) -> Part {
    if text == "-" {
        let why = "\"-\" is not offered, since every cluster has revisions of its own: ask for each cluster that ListClusters gives";
        return Err(why.to_owned());
    }
    label(text)
}

fn label(text: &str) -> Part {
    Name::label(text).map_err(|error| format!("{text:?} is no name: {error}"))
}

fn subdomain(text: &str) -> Part {
    Name::subdomain(text).map_err(|error| format!("{text:?} is no name: {error}"))
}

/// All parts, or of each that is wrong what is wrong with it.
fn named<const N: usize>(
    field: impl FieldPath,
    parts: [(&str, Part); N],
    violations: &mut Violations,
) -> Option<[Name; N]> {
    let (mut names, mut wrong) = (Vec::with_capacity(N), Vec::new());
    for (what, part) in parts {
        match part {
            Ok(name) => names.push(name),
            Err(why) => wrong.push(format!("the {what} {why}")),
        }
    }
    if !wrong.is_empty() {
        violations.add(field, wrong.join("; "));
    }
    names.try_into().ok()
}

fn split<'a, const N: usize>(
    field: impl FieldPath,
    text: &'a str,
    collections: [&str; N],
    violations: &mut Violations,
) -> Option<[&'a str; N]> {
    let parts: Vec<&str> = text.split('/').collect();
    let fits = parts.len() == 2 * N
        && collections
            .iter()
            .zip(parts.iter().step_by(2))
            .all(|(c, part)| c == part);
    if !fits {
        let pattern: Vec<_> = collections
            .iter()
            .map(|c| format!("{c}/{{{}}}", c.trim_end_matches('s')))
            .collect();
        violations.add(
            field,
            format!("{text:?} is no name of the form {}", pattern.join("/")),
        );
        return None;
    }
    let names: Vec<&str> = parts.into_iter().skip(1).step_by(2).collect();
    names.try_into().ok()
}

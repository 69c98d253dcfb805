//! Resource names: `clusters/{cluster}/namespaces/{namespace}/services/{service}` and the like.

use portolan_model::{FieldPath, Name, NameError, Scoped, Violations};

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
    one_cluster(field, cluster, violations)
}

/// `clusters/{cluster}/{collection}/{name}`, for what lives in the cluster itself.
pub fn in_cluster(
    field: impl FieldPath,
    text: &str,
    collection: &'static str,
    violations: &mut Violations,
) -> Option<InCluster<Name>> {
    let [cluster, name] = split(field, text, ["clusters", collection], violations)?;
    let name = leaf(field, collection, name, violations);
    Some(InCluster {
        cluster: one_cluster(field, cluster, violations)?,
        key: name?,
    })
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
    let name = leaf(field, collection, name, violations);
    let namespace = label(field, namespace, violations);
    Some(InCluster {
        cluster: one_cluster(field, cluster, violations)?,
        key: Scoped::new(namespace?, name?),
    })
}

/// `clusters/{cluster}/namespaces/{namespace}`
pub fn namespace(
    field: impl FieldPath,
    text: &str,
    violations: &mut Violations,
) -> Option<InCluster<Name>> {
    let [cluster, namespace] = split(field, text, ["clusters", "namespaces"], violations)?;
    let namespace = label(field, namespace, violations);
    Some(InCluster {
        cluster: one_cluster(field, cluster, violations)?,
        key: namespace?,
    })
}

/// `clusters/{cluster}/namespaces/{namespace}`, where `-` stands for all namespaces.
pub fn namespaces(
    field: impl FieldPath,
    text: &str,
    violations: &mut Violations,
) -> Option<InCluster<Option<Name>>> {
    let [cluster, namespace] = split(field, text, ["clusters", "namespaces"], violations)?;
    let namespace = if namespace == "-" {
        Some(None)
    } else {
        label(field, namespace, violations).map(Some)
    };
    Some(InCluster {
        cluster: one_cluster(field, cluster, violations)?,
        key: namespace?,
    })
}

/// A new name: a label.
pub fn new_label(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    label(field, text, violations)
}

/// A new name: a subdomain.
pub fn new_subdomain(
    field: impl FieldPath,
    text: &str,
    violations: &mut Violations,
) -> Option<Name> {
    subdomain(field, text, violations)
}

/// The last part: what DNS shows as one label is one; the rest may have dots, as Pods and hosts have.
fn leaf(
    field: impl FieldPath,
    collection: &str,
    text: &str,
    violations: &mut Violations,
) -> Option<Name> {
    match collection {
        "services" | "namespaces" | "serviceCidrs" => label(field, text, violations),
        _ => subdomain(field, text, violations),
    }
}

/// The last part of a cluster's name. Never `-` for all of them: each has revisions of its own, and an answer shows one.
pub fn one_cluster(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    if text == "-" {
        violations.add(
            field,
            "`clusters/-` is not offered, since every cluster has revisions of its own: ask for each cluster \
             that ListClusters gives",
        );
        return None;
    }
    label(field, text, violations)
}

fn label(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    named(field, text, Name::label(text), violations)
}

fn subdomain(field: impl FieldPath, text: &str, violations: &mut Violations) -> Option<Name> {
    named(field, text, Name::subdomain(text), violations)
}

fn named(
    field: impl FieldPath,
    text: &str,
    name: Result<Name, NameError>,
    violations: &mut Violations,
) -> Option<Name> {
    violations.check(
        field,
        name.map_err(|error| format!("{text:?} is no name: {error}")),
    )
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

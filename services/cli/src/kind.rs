//! The kinds one can ask for, and how people call them.

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Service,
    Namespace,
    Workload,
    Endpoint,
    Node,
    ServiceCidr,
    Cluster,
}

/// Singular first: it stands in `service/web`. Plural, short names and aliases follow.
const NAMES: &[(Kind, &[&str])] = &[
    (Kind::Service, &["service", "services", "svc"]),
    (Kind::Namespace, &["namespace", "namespaces", "ns"]),
    (
        Kind::Workload,
        &["workload", "workloads", "wl", "pod", "pods", "po"],
    ),
    (Kind::Endpoint, &["endpoint", "endpoints", "ep"]),
    (Kind::Node, &["node", "nodes", "no"]),
    (Kind::ServiceCidr, &["servicecidr", "servicecidrs"]),
    (Kind::Cluster, &["cluster", "clusters"]),
];

/// `all`, as kubectl has it: what belongs to a namespace.
const ALL: [Kind; 3] = [Kind::Service, Kind::Workload, Kind::Endpoint];

impl Kind {
    /// Singular, lower case.
    pub(crate) fn noun(self) -> &'static str {
        let found = NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, names)| names[0])
    }

    /// The part of a path in front of the name.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::Service => "services",
            Self::Namespace => "namespaces",
            Self::Workload => "workloads",
            Self::Endpoint => "endpoints",
            Self::Node => "nodes",
            Self::ServiceCidr => "serviceCidrs",
            Self::Cluster => "clusters",
        }
    }

    /// Whether it lives in a namespace.
    pub(crate) fn is_namespaced(self) -> bool {
        matches!(self, Self::Service | Self::Workload | Self::Endpoint)
    }

    fn parse(word: &str) -> Result<Self, String> {
        let lower = word.to_ascii_lowercase();
        let found = NAMES
            .iter()
            .find(|(_, names)| names.contains(&lower.as_str()));
        found.map(|(kind, _)| *kind).ok_or_else(|| {
            let plurals: Vec<_> = NAMES.iter().map(|(_, names)| names[1]).collect();
            format!(
                "there is no kind {word:?}; there are {}, all",
                plurals.join(", ")
            )
        })
    }
}

/// Some resources: all of a kind, or those named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// Empty: all.
    pub(crate) names: Vec<String>,
}

impl Target {
    /// Reads `KIND[,KIND…] [NAME…]` or `KIND/NAME…`.
    pub(crate) fn parse(words: &[String]) -> Result<Vec<Self>, String> {
        let Some((first, names)) = words.split_first() else {
            return Err("say which kind, for example `services`".to_owned());
        };
        if first.contains('/') {
            return words.iter().map(|word| Self::pair(word)).collect();
        }
        let mut kinds = Vec::new();
        for word in first.split(',') {
            match word {
                "all" => kinds.extend(ALL),
                word => kinds.push(Kind::parse(word)?),
            }
        }
        if kinds.len() > 1 && !names.is_empty() {
            return Err("names need one kind, or the form KIND/NAME".to_owned());
        }
        let target = |kind| Self {
            kind,
            names: names.to_vec(),
        };
        Ok(kinds.into_iter().map(target).collect())
    }

    fn pair(word: &str) -> Result<Self, String> {
        match word.split_once('/') {
            Some((kind, name)) if !name.is_empty() => Ok(Self {
                kind: Kind::parse(kind)?,
                names: vec![name.to_owned()],
            }),
            _ => Err(format!("{word:?} should be KIND/NAME, as the others are")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Target};

    fn parse(words: &str) -> Result<Vec<(Kind, String)>, String> {
        let words: Vec<_> = words.split_whitespace().map(ToOwned::to_owned).collect();
        let targets = Target::parse(&words)?;
        Ok(targets
            .into_iter()
            .map(|t| (t.kind, t.names.join(" ")))
            .collect())
    }

    #[test]
    fn kinds_and_names_are_read_as_kubectl_reads_them() {
        use Kind::{Endpoint, Node, Service, Workload};
        let rows: &[(&str, &[(Kind, &str)])] = &[
            ("svc", &[(Service, "")]),
            ("Services", &[(Service, "")]),
            ("po web-0 web-1", &[(Workload, "web-0 web-1")]),
            ("svc,nodes", &[(Service, ""), (Node, "")]),
            ("all", &[(Service, ""), (Workload, ""), (Endpoint, "")]),
            ("svc/web node/n1", &[(Service, "web"), (Node, "n1")]),
        ];
        for (words, expected) in rows {
            let expected: Vec<_> = expected
                .iter()
                .map(|(k, n)| (*k, (*n).to_owned()))
                .collect();
            assert_eq!(parse(words).unwrap(), expected, "{words}");
        }
    }

    #[test]
    fn what_is_no_kind_is_refused_with_the_kinds_there_are() {
        assert!(
            parse("deployments")
                .unwrap_err()
                .contains("services, namespaces")
        );
        assert!(parse("svc,nodes web").unwrap_err().contains("one kind"));
        assert!(parse("svc/web nodes").unwrap_err().contains("KIND/NAME"));
        assert!(parse("").is_err());
    }
}

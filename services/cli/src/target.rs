//! Which resources a command is about.

use crate::kind::Kind;

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
                "all" => kinds.extend(Kind::all()),
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
    use super::Target;
    use crate::kind::Kind;

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

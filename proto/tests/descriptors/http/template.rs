//! A path template: `/v1/{parent=clusters/*}/nodes:watch`.

/// A template, taken apart.
#[derive(Debug)]
pub(super) struct Template {
    /// Segments without braces; `*` stands for any one.
    segments: Vec<String>,
    /// What follows the last colon; may be empty.
    verb: String,
    /// Paths of the fields that the variables fill.
    pub(super) variables: Vec<String>,
}

impl Template {
    /// Takes a template apart. Panics if it is none, or has variables without a pattern.
    pub(super) fn parse(text: &str) -> Self {
        let (path, verb) = match text.rsplit_once(':') {
            Some((path, verb)) if !verb.contains('}') => (path, verb),
            _ => (text, ""),
        };
        let mut variables = Vec::new();
        let mut plain = String::new();
        let mut rest = path;
        while let Some((before, variable)) = rest.split_once('{') {
            let (variable, after) = variable.split_once('}').expect("a brace is closed");
            let (field, pattern) = variable.split_once('=').expect("a variable has a pattern");
            variables.push(field.to_owned());
            plain.push_str(before);
            plain.push_str(pattern);
            rest = after;
        }
        plain.push_str(rest);
        let below = plain
            .strip_prefix("/v1/")
            .expect("a path begins with the version");
        Self {
            segments: below.split('/').map(str::to_owned).collect(),
            verb: verb.to_owned(),
            variables,
        }
    }

    /// Whether there is a path that fits both.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let mut pairs = self.segments.iter().zip(&other.segments);
        self.segments.len() == other.segments.len()
            && self.verb == other.verb
            && pairs.all(|(a, b)| a == b || a == "*" || b == "*")
    }
}

#[test]
fn templates_overlap_where_a_path_fits_both() {
    for (one, other, expected) in [
        ("/v1/{name=clusters/*}", "/v1/clusters/*", true),
        ("/v1/{name=clusters/*}", "/v1/clusters", false),
        (
            "/v1/{name=clusters/*}:watch",
            "/v1/{name=clusters/*}",
            false,
        ),
        ("/v1/{a=clusters/*/nodes/*}", "/v1/{b=clusters/*/*/*}", true),
        (
            "/v1/{a=clusters/*}/nodes",
            "/v1/{b=clusters/*}/events",
            false,
        ),
    ] {
        let found = Template::parse(one).overlaps(&Template::parse(other));
        assert_eq!(found, expected, "{one} and {other}");
    }
    let variables = Template::parse("/v1/{service.name=clusters/*}/x/{id=*}").variables;
    assert_eq!(variables, ["service.name", "id"]);
}

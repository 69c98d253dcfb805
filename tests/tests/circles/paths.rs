//! The paths that a source names.

/// Every path that begins with `crate` or `super`, in `use` declarations and elsewhere, name by name. Others lead to
/// other crates or to the module's own children.
pub(crate) fn paths(source: &str) -> Vec<Vec<&str>> {
    let tokens = without_tests(tokens(source));
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let follows = at
            .checked_sub(1)
            .is_some_and(|before| tokens[before] == "::");
        match *token {
            "use" => {
                tree(&mut tokens[at + 1..].iter(), &[], &mut found);
            }
            "crate" | "super" if !follows => found.push(plain(&tokens[at..])),
            _ => {}
        }
    }
    found.retain(|path| matches!(path[..], ["crate" | "super", _, ..]));
    found
}

/// Words, `::`, and all other signs one by one; comments are left out.
fn tokens(source: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for line in source.lines() {
        let mut rest = line.split("//").next().unwrap_or_default().trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (token, after) = rest.split_at(length);
            found.push(token);
            rest = after.trim_start();
        }
    }
    found
}

/// What comes before the module of tests at the end of a file.
fn without_tests(mut tokens: Vec<&str>) -> Vec<&str> {
    let begins = |window: &[&str]| {
        matches!(
            window,
            ["#", "[", "cfg", "(", "test", ")", "]", "mod", _, "{"]
        )
    };
    if let Some(end) = tokens.windows(10).position(begins) {
        tokens.truncate(end);
    }
    tokens
}

/// Reads one tree of a `use` declaration and adds its leaves: `a::{b, c::{d}}` has `a::b` and `a::c::d`. Gives the sign
/// that ends it.
fn tree<'a>(
    rest: &mut std::slice::Iter<'_, &'a str>,
    prefix: &[&'a str],
    found: &mut Vec<Vec<&'a str>>,
) -> &'a str {
    let mut path = prefix.to_vec();
    while let Some(token) = rest.next() {
        match *token {
            "::" => {}
            "as" => {
                rest.next();
            }
            "{" => {
                while tree(rest, &path, found) == "," {}
                path.clear();
            }
            end @ ("," | "}" | ";") => {
                if path.len() > prefix.len() {
                    found.push(path);
                }
                return end;
            }
            name => path.push(name),
        }
    }
    ";"
}

/// The path that the tokens begin with.
fn plain<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let is_name = |token: &str| token.chars().all(|c| c.is_alphanumeric() || c == '_');
    let mut path = vec![tokens[0]];
    for pair in tokens[1..].chunks_exact(2) {
        match pair {
            ["::", name] if is_name(name) => path.push(name),
            _ => break,
        }
    }
    path
}

//! What is stored stays legal while it is sent back unchanged, whatever the rules and settings of today say: nobody has
//! to mend an old value in order to change another one (decision 34).

use portolan_model::{Refusal, Violations};

/// Refuses what breaks the rules, unless what is there breaks them in the same way and the value is the same.
///
/// `rules` collects what is wrong with a whole value; `is_kept` says whether the field of a violation is as it was.
pub(super) fn check<W>(
    wanted: &W,
    before: Option<&W>,
    rules: impl Fn(&W, &mut Violations),
    is_kept: impl Fn(&str, &W, &W) -> bool,
) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    rules(wanted, &mut violations);
    if let Some(before) = before.filter(|_| !violations.is_empty()) {
        let mut earlier = Violations::new();
        rules(before, &mut earlier);
        violations.retain(|v| {
            let is_old = earlier.iter().any(|old| old == v);
            !(is_old && is_kept(&v.field, before, wanted))
        });
    }
    violations.into_result()
}

/// Whether a field of a map is as it was: `labels["app"]` if that key is, `labels` if all are.
pub(super) fn is_key_kept<'a, I>(field: &str, before: I, wanted: I) -> bool
where
    I: IntoIterator<Item = (&'a String, &'a String)>,
{
    let (before, wanted): (Vec<_>, Vec<_>) =
        (before.into_iter().collect(), wanted.into_iter().collect());
    let is_meant = |(key, _): &&(&String, _)| field.ends_with(&format!("[{key:?}]"));
    match wanted.iter().find(is_meant) {
        Some(entry) => before.contains(entry),
        None => before == wanted,
    }
}

/// The part of a specification that a field lies in: `ports` of `service.spec.ports[0].name`.
pub(super) fn part<'a>(spec: &str, field: &'a str) -> &'a str {
    let below = field.strip_prefix(spec).unwrap_or(field);
    let below = below.strip_prefix('.').unwrap_or(below);
    below.split(['.', '[']).next().unwrap_or(below)
}

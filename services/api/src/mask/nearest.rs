//! What somebody may have meant.

/// As many as one reads.
const MAX_NAMES: usize = 3;

/// The names that are spelled most like `wanted`, nearest first; none if nothing is near.
pub(super) fn nearest<'a>(wanted: &str, names: &'a [String]) -> Vec<&'a str> {
    // A third of it may be wrong: more, and every short name is near every other one.
    let limit = wanted.chars().count().div_ceil(3);
    let last = |name: &'a str| name.rsplit('.').next().unwrap_or(name);
    let mut near: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let whole = distance(wanted, name);
            // The right name in the wrong place.
            let moved = if last(name) == wanted { 1 } else { whole };
            Some((whole.min(moved), name.as_str())).filter(|(far, _)| *far <= limit)
        })
        .collect();
    near.sort_unstable();
    let best = near.first().map_or(0, |(far, _)| *far);
    let best = near.into_iter().filter(|(far, _)| *far <= best + 1);
    best.map(|(_, name)| name).take(MAX_NAMES).collect()
}

/// How many characters have to be put in, taken out or replaced (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_near_and_other_words_are_not() {
        let names = [
            "labels",
            "annotations",
            "spec.ports",
            "spec.zone",
            "spec.probe.port",
        ];
        let names = names.map(str::to_owned);
        for (wanted, expected) in [
            ("label", &["labels"][..]),
            ("spec.port", &["spec.ports"]),
            ("Spec.zone", &["spec.zone"]),
            ("zone", &["spec.zone"]),
            ("colour", &[]),
            ("", &[]),
        ] {
            assert_eq!(nearest(wanted, &names), expected, "{wanted}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }
}

//! Field masks by table (AIP-134, AIP-161): one row a field that a write can name.

use std::collections::BTreeSet;

use portolan_model::Violations;

/// A field: its path, what it is to the allocator, and whether a message has it populated.
pub(crate) type Row<M, F> = (&'static str, F, fn(&M) -> bool);

/// Output only: naming them is no mistake, and has no effect.
const OUTPUT_ONLY: [&str; 10] = [
    "name",
    "uid",
    "generation",
    "etag",
    "revision",
    "create_time",
    "update_time",
    "delete_time",
    "status",
    // Only Services have them.
    "warnings",
];

/// The fields that a write means. A path stands for the field it is, or for all fields below it; `*` for all of them.
/// Without a mask: those that are populated.
pub(crate) fn fields<M, F: Copy + Ord>(
    mask: Option<&prost_types::FieldMask>,
    sent: &M,
    rows: &[Row<M, F>],
    violations: &mut Violations,
) -> BTreeSet<F> {
    let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
        let populated = rows
            .iter()
            .filter(|(_, _, is_populated)| is_populated(sent));
        return populated.map(|(_, field, _)| *field).collect();
    };
    let mut named = BTreeSet::new();
    for (i, path) in mask.paths.iter().enumerate() {
        let all = path == "*" && mask.paths.len() == 1;
        let below = |row: &str| {
            let rest = row.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let meant = rows.iter().filter(|(row, _, _)| all || below(row));
        let mut is_known = is_output_only(path);
        for (_, field, _) in meant {
            named.insert(*field);
            is_known = true;
        }
        if !is_known {
            let known: Vec<_> = rows.iter().map(|(row, _, _)| *row).collect();
            violations.add(
                format!("update_mask.paths[{i}]"),
                format!(
                    "{path:?} is no field that can be written by itself; name some of {}, or * alone for all",
                    known.join(", ")
                ),
            );
        }
    }
    named
}

fn is_output_only(path: &str) -> bool {
    OUTPUT_ONLY.contains(&path.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [Row<[bool; 5], u8>; 5] = [
        ("labels", 1, |sent| sent[0]),
        ("spec.quota.services", 2, |sent| sent[1]),
        ("spec.quota.endpoints", 3, |sent| sent[2]),
        ("spec.ranges", 4, |sent| sent[3]),
        ("spec.affinity.seconds", 5, |sent| sent[4]),
    ];

    #[test]
    fn a_path_stands_for_the_field_it_is_or_for_all_below_it() {
        for (what, paths, meant) in [
            ("a field", &["labels"][..], Ok(vec![1])),
            ("a leaf", &["spec.quota.services"], Ok(vec![2])),
            ("a message", &["spec.quota"], Ok(vec![2, 3])),
            ("several", &["spec", "labels"], Ok(vec![1, 2, 3, 4, 5])),
            ("everything", &["*"], Ok(vec![1, 2, 3, 4, 5])),
            ("output only", &["status.usage", "uid"], Ok(vec![])),
            ("half a word", &["spec.quo"], Err("update_mask.paths[0]")),
            ("nothing", &[""], Err("update_mask.paths[0]")),
            (
                "everything and more",
                &["labels", "*"],
                Err("update_mask.paths[1]"),
            ),
            (
                "an element",
                &["spec.ranges.0"],
                Err("update_mask.paths[0]"),
            ),
            ("an index", &["spec.ranges[0]"], Err("update_mask.paths[0]")),
        ] {
            let mask = prost_types::FieldMask {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            };
            let mut violations = Violations::new();
            let named = fields(Some(&mask), &[true; 5], &ROWS, &mut violations);
            let said = violations.iter().map(|v| v.field.clone()).next();
            match meant {
                Ok(meant) => {
                    assert_eq!((named.into_iter().collect(), said), (meant, None), "{what}");
                }
                Err(field) => assert_eq!(said.as_deref(), Some(field), "{what}"),
            }
        }
    }

    #[test]
    fn no_mask_means_what_is_populated() {
        for mask in [None, Some(prost_types::FieldMask::default())] {
            let sent = [true, false, true, false, false];
            let meant = fields(mask.as_ref(), &sent, &ROWS, &mut Violations::new());
            assert_eq!(meant.into_iter().collect::<Vec<_>>(), [1, 3]);
        }
    }
}

//! Field masks by table (AIP-134, AIP-161).

use std::collections::BTreeSet;

use portolan_model::Violations;

/// Output only: naming them is no mistake, and has no effect.
const OUTPUT_ONLY: [&str; 9] = [
    "name",
    "uid",
    "generation",
    "etag",
    "revision",
    "create_time",
    "update_time",
    "delete_time",
    "status",
];

/// The fields that a mask names; `None` without one. A path stands for the field it is, or for all fields below it.
pub(crate) fn named<F: Copy + Ord>(
    mask: Option<&prost_types::FieldMask>,
    fields: &[(&str, F)],
    violations: &mut Violations,
) -> Option<BTreeSet<F>> {
    let mask = mask.filter(|mask| !mask.paths.is_empty())?;
    let mut named = BTreeSet::new();
    for (i, path) in mask.paths.iter().enumerate() {
        let all = path == "*" && mask.paths.len() == 1;
        let below = |field: &str| {
            let rest = field.strip_prefix(path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let meant = fields.iter().filter(|(field, _)| all || below(field));
        let mut is_known = is_output_only(path);
        for (_, field) in meant {
            named.insert(*field);
            is_known = true;
        }
        if !is_known {
            let known: Vec<_> = fields.iter().map(|(field, _)| *field).collect();
            violations.add(
                format!("update_mask.paths[{i}]"),
                format!(
                    "{path:?} is no field that can be written; name some of {}, or * alone for all",
                    known.join(", ")
                ),
            );
        }
    }
    Some(named)
}

fn is_output_only(path: &str) -> bool {
    OUTPUT_ONLY.contains(&path.split('.').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, u8); 4] = [
        ("labels", 1),
        ("spec.quota.services", 2),
        ("spec.quota.endpoints", 3),
        ("spec.ranges", 4),
    ];

    #[test]
    fn a_path_stands_for_the_field_it_is_or_for_all_below_it() {
        for (what, paths, meant) in [
            ("a field", &["labels"][..], Ok(vec![1])),
            ("a leaf", &["spec.quota.services"], Ok(vec![2])),
            ("a message", &["spec.quota"], Ok(vec![2, 3])),
            ("several", &["spec", "labels"], Ok(vec![1, 2, 3, 4])),
            ("everything", &["*"], Ok(vec![1, 2, 3, 4])),
            ("output only", &["status.usage", "uid"], Ok(vec![])),
            ("half a word", &["spec.quo"], Err("update_mask.paths[0]")),
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
        ] {
            let mask = prost_types::FieldMask {
                paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            };
            let mut violations = Violations::new();
            let named = named(Some(&mask), &FIELDS, &mut violations).unwrap();
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
    fn no_mask_names_nothing() {
        for mask in [None, Some(prost_types::FieldMask::default())] {
            assert_eq!(named(mask.as_ref(), &FIELDS, &mut Violations::new()), None);
        }
    }
}

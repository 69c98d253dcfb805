//! Paths of endpoints, which three kinds of manifest write in three ways.

use super::spell;
use crate::manifest::Manifest;

/// From `endpoints[2].spec.ports[0].service_port` to what stands in the manifest.
pub(super) fn yaml(field: &str, manifest: &Manifest) -> Option<String> {
    let (index, rest) = field.strip_prefix("endpoints[")?.split_once(']')?;
    let place = manifest.places.get(index.parse::<usize>().ok()?)?;
    let rest = rest.strip_prefix(".spec").unwrap_or(rest);
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    Some(match place {
        own if own.starts_with("spec.") => {
            let rest = spell(rest);
            // Ours has the API's own word, `servicePort`, for what Kubernetes calls the name.
            match rest.strip_suffix("].name") {
                Some(ports) => format!("{own}.{ports}].servicePort"),
                None => join(own, &rest),
            }
        }
        subset if subset.starts_with("subsets[") => match rest {
            "address" => format!("{subset}.ip"),
            "node" => format!("{subset}.nodeName"),
            ports if ports.starts_with("ports") => {
                let (subset, _) = subset.split_once('.').unwrap_or((subset, ""));
                join(subset, &spell(ports))
            }
            rest => join(subset, &spell(rest)),
        },
        slice => match rest {
            "address" => format!("{slice}.addresses[0]"),
            "node" => format!("{slice}.nodeName"),
            ports if ports.starts_with("ports") => spell(ports),
            rest => join(slice, &spell(rest)),
        },
    })
}

fn join(place: &str, rest: &str) -> String {
    match rest {
        "" => place.to_owned(),
        rest => format!("{place}.{rest}"),
    }
}

//! Which projection a server and a plugin speak.

use super::{ClusterView, EndpointView, NodeView, ServiceView, WorkloadView};

/// Version of the projection: another one means that equal revisions may have other bytes. It is the newest that any view
/// names; whoever adds a field to a view raises the number there, once a release.
pub const PROJECTION_VERSION: u32 = newest(&[
    ClusterView::SINCE,
    NodeView::SINCE,
    ServiceView::SINCE,
    EndpointView::SINCE,
    WorkloadView::SINCE,
]);
/// The oldest version whose readers can read this one: what came since is fields that they skip.
pub const OLDEST_PROJECTION_VERSION: u32 = 2;

const fn newest(versions: &[u32]) -> u32 {
    match versions {
        [] => 0,
        [first, rest @ ..] => {
            let later = newest(rest);
            if *first > later { *first } else { later }
        }
    }
}

/// The newest version that this release has in common with a plugin that understands `oldest..=newest`. A plugin that
/// names no oldest version (0) understands one.
pub fn agreed_projection(newest: u32, oldest: u32) -> Option<u32> {
    let oldest = if oldest == 0 { newest } else { oldest };
    let agreed = newest.min(PROJECTION_VERSION);
    (agreed >= oldest.max(OLDEST_PROJECTION_VERSION)).then_some(agreed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_both_know_is_agreed() {
        let (ours, oldest) = (PROJECTION_VERSION, OLDEST_PROJECTION_VERSION);
        for (what, newest, from, agreed) in [
            ("the same", ours, 0, Some(ours)),
            ("an old plugin", oldest, 0, Some(oldest)),
            ("a plugin from before", oldest - 1, 0, None),
            ("a plugin that names nothing", 0, 0, None),
            ("a newer one that knows ours", ours + 2, ours, Some(ours)),
            (
                "a newer one that knows ours no more",
                ours + 2,
                ours + 1,
                None,
            ),
            ("a newer one that knows one", ours + 1, 0, None),
            ("one whose window is upside down", oldest, ours, None),
        ] {
            assert_eq!(agreed_projection(newest, from), agreed, "{what}");
        }
    }
}

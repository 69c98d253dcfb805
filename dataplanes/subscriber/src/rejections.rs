//! What the server was told about rejections, and what is news.

use std::collections::BTreeMap;

use portolan_model::Revision;
use portolan_model::view::ViewKey;
use portolan_proto::convert::view::object_ref;
use portolan_proto::node::v1 as wire;

use crate::Reason;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rejection {
    since: Revision,
    reason: Reason,
}

/// Everything that is rejected, and what of it this stream's server knows.
#[derive(Debug, Default)]
pub(crate) struct Rejections {
    all: BTreeMap<ViewKey, Rejection>,
    told: BTreeMap<ViewKey, Rejection>,
}

impl Rejections {
    /// Takes over the whole list. What is on it already keeps the revision since when.
    pub(crate) fn set(&mut self, list: impl IntoIterator<Item = (ViewKey, Revision, Reason)>) {
        let before = std::mem::take(&mut self.all);
        for (key, at, reason) in list {
            let since = before.get(&key).map_or(at, |held| held.since);
            self.all.insert(key, Rejection { since, reason });
        }
    }

    /// A new stream: the server knows nothing.
    pub(crate) fn forget_told(&mut self) {
        self.told.clear();
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether the server has to be told.
    pub(crate) fn is_news(&self) -> bool {
        self.all != self.told
    }

    /// What the server does not know yet; from now on it does.
    pub(crate) fn tell(&mut self) -> (Vec<wire::Rejection>, Vec<wire::ObjectRef>) {
        let fresh = self
            .all
            .iter()
            .filter(|(key, held)| self.told.get(key) != Some(held));
        let rejected = fresh.map(|(key, held)| wire::Rejection {
            r#ref: Some(object_ref(*key)),
            since_revision: held.since.0,
            code: held.reason.code.to_owned(),
            message: held.reason.message.clone(),
        });
        let rejected = rejected.collect();
        let gone = self.told.keys().filter(|key| !self.all.contains_key(key));
        let cleared = gone.copied().map(object_ref).collect();
        self.told.clone_from(&self.all);
        (rejected, cleared)
    }
}

#[cfg(test)]
mod tests {
    use portolan_model::Uid;
    use portolan_model::view::ViewKind;

    use super::*;

    fn list(rows: &[(u128, u64, &str)]) -> impl IntoIterator<Item = (ViewKey, Revision, Reason)> {
        rows.iter().map(|(uid, at, message)| {
            let reason = Reason {
                code: "PORT_IN_USE",
                message: (*message).to_owned(),
            };
            let key = ViewKey::new(ViewKind::Service, Uid::from_random(*uid));
            (key, Revision(*at), reason)
        })
    }

    /// (since, message) of what is told as new, and how many are told as cleared.
    fn told(rejections: &mut Rejections) -> (Vec<(u64, String)>, usize) {
        let (rejected, cleared) = rejections.tell();
        let rejected = rejected.into_iter().map(|r| (r.since_revision, r.message));
        (rejected.collect(), cleared.len())
    }

    #[test]
    fn only_news_is_told_and_since_is_the_first_failure() {
        let mut rejections = Rejections::default();
        rejections.set(list(&[(1, 5, "taken")]));
        assert_eq!(told(&mut rejections), (vec![(5, "taken".into())], 0));
        rejections.set(list(&[(1, 6, "taken"), (2, 6, "taken")]));
        assert_eq!(told(&mut rejections), (vec![(6, "taken".into())], 0));
        rejections.set(list(&[(1, 7, "taken by another"), (2, 7, "taken")]));
        assert_eq!(
            told(&mut rejections),
            (vec![(5, "taken by another".into())], 0)
        );
        rejections.set(list(&[(2, 8, "taken")]));
        assert_eq!(told(&mut rejections), (vec![], 1));
        assert!(!rejections.is_news());
    }

    #[test]
    fn a_new_stream_is_told_everything() {
        let mut rejections = Rejections::default();
        rejections.set(list(&[(1, 5, "taken"), (2, 6, "taken")]));
        rejections.tell();
        rejections.forget_told();
        assert!(rejections.is_news());
        assert_eq!(told(&mut rejections).0.len(), 2);
    }
}

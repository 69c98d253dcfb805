//! What the nodes of a cluster reported, seen from the objects that they carry.

use std::collections::{BTreeMap, HashMap};

use crate::{Name, NodeReport, Rejection, Revision, Uid};

/// What every node reported last, indexed so that a question about one object costs what concerns it, however many
/// nodes there are.
#[derive(Clone, Debug, Default)]
pub struct NodeReports {
    rows: HashMap<Uid, NodeReport>,
    /// How far nodes are, in ascending order.
    attempted: Vec<Revision>,
    /// Who rejects an object, by the node's name: the node, and which of its rejections that is.
    rejections: HashMap<Uid, BTreeMap<Name, (Uid, usize)>>,
}

impl NodeReports {
    /// From one report a node.
    pub fn new(rows: impl IntoIterator<Item = NodeReport>) -> Self {
        let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.uid, row)).collect();
        let mut attempted: Vec<_> = rows.values().map(|row| row.attempted).collect();
        attempted.sort_unstable();
        let mut rejections: HashMap<_, BTreeMap<_, _>> = HashMap::new();
        for row in rows.values() {
            for (i, rejection) in row.rejected.iter().enumerate() {
                let by_node = rejections.entry(rejection.object.uid).or_default();
                by_node.insert(row.node.clone(), (row.uid, i));
            }
        }
        Self {
            rows,
            attempted,
            rejections,
        }
    }

    /// What a node reported.
    pub fn of(&self, node: Uid) -> Option<&NodeReport> {
        self.rows.get(&node)
    }

    /// Who rejects an object, in order of name, and why.
    pub fn rejections(&self, object: Uid) -> impl Iterator<Item = (&Name, &Rejection)> {
        let by_node = self.rejections.get(&object).into_iter().flatten();
        by_node.filter_map(|(name, (node, i))| Some((name, self.rows.get(node)?.rejected.get(*i)?)))
    }

    /// Nodes that carry an object as it was written in a revision: they tried to, and do not reject it.
    pub fn carrying(&self, object: Uid, revision: Revision) -> usize {
        let tried = |attempted: Revision| attempted >= revision;
        let behind = self.attempted.partition_point(|at| !tried(*at));
        let by_node = self.rejections.get(&object).into_iter().flatten();
        let refused = by_node.filter(|(_, (node, _))| {
            let row = self.rows.get(node);
            row.is_some_and(|row| tried(row.attempted))
        });
        self.attempted.len() - behind - refused.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{ViewKey, ViewKind};
    use crate::{RejectionCode, Timestamp};

    fn uid(number: u128) -> Uid {
        Uid::from_random(number << 64)
    }

    fn row(number: u128, attempted: u64, rejected: &[u128]) -> NodeReport {
        let rejection = |object: &u128| Rejection {
            object: ViewKey::new(ViewKind::Service, uid(*object)),
            since: Revision(1),
            code: RejectionCode::PortInUse,
            message: String::new(),
        };
        NodeReport {
            node: Name::trusted(format!("n{number}")),
            uid: uid(number),
            session: 1,
            connected: true,
            attempted: Revision(attempted),
            durable: Revision(attempted),
            rejected: rejected.iter().map(rejection).collect(),
            last_contact: Timestamp::default(),
        }
    }

    #[test]
    fn who_carries_an_object_is_who_tried_and_does_not_reject_it() {
        let rows = [row(1, 5, &[]), row(2, 7, &[100, 101]), row(3, 9, &[100])];
        let reports = NodeReports::new(rows);
        for (what, object, revision, want) in [
            ("nobody rejects it", 102, 1, 3),
            ("two are there", 102, 6, 2),
            ("nobody is there", 102, 10, 0),
            ("two reject it", 100, 1, 1),
            ("who rejects it is behind", 100, 8, 0),
            ("one rejects it", 101, 7, 1),
        ] {
            let carrying = reports.carrying(uid(object), Revision(revision));
            assert_eq!(carrying, want, "{what}");
        }
        let who: Vec<_> = reports
            .rejections(uid(100))
            .map(|(n, _)| n.as_str())
            .collect();
        assert_eq!(who, ["n2", "n3"]);
    }
}

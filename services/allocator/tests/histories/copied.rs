//! Updates that mean some fields, as a mask would name them.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Arc;

use portolan_allocator::{Merge, Params, Preconditions, Put, Update};
use portolan_model::{ClusterSpec, NamespaceSpec, NodeSpec, ServiceSpec, Violations, WorkloadSpec};

use super::draw::Draw;

/// Takes over one field of what was sent.
type CopyField<S> = fn(&mut Params<S>, &Params<S>);

/// A specification whose fields can be meant one by one, with what copies each.
pub(crate) trait Fields: Clone + Debug + PartialEq + Send + Sync + 'static {
    const ALL: &[CopyField<Self>];
}

macro_rules! fields {
    ($spec:ty: $($($field:ident).+),+) => {
        impl Fields for $spec {
            const ALL: &[CopyField<Self>] =
                &[$(|to, from| to.$($field).+.clone_from(&from.$($field).+)),+];
        }
    };
}

fields!(ServiceSpec: labels, annotations, spec.kind, spec.selector, spec.ports, spec.cluster_ips, spec.families,
    spec.family_policy, spec.session_affinity, spec.affinity_timeout, spec.traffic_distribution,
    spec.health_check_node_port, spec.allocate_node_ports, spec.load_balancer_class, spec.source_ranges,
    spec.requested_load_balancer_ips, spec.external_traffic_policy, spec.internal_traffic_policy, spec.external_name,
    spec.publish_not_ready_addresses);
fields!(WorkloadSpec: labels, annotations, spec.addresses, spec.node, spec.ports, spec.probe, spec.hostname,
    spec.subdomain, spec.draining, spec.reported_ready);
fields!(NodeSpec: labels, annotations, spec.addresses, spec.zone, spec.node_port_addresses, spec.dataplane);
fields!(NamespaceSpec: labels, annotations, spec.quota.services, spec.quota.node_ports, spec.quota.load_balancers,
    spec.quota.endpoints, spec.endpoint_ranges);
fields!(ClusterSpec: spec.node_ports, spec.dns_domain, spec.families, spec.endpoint_ranges, spec.workload_ranges);

/// What was sent, and which fields of it are meant.
#[derive(Clone, Debug)]
pub(crate) struct Copied<S> {
    pub(crate) sent: Params<S>,
    pub(crate) fields: BTreeSet<usize>,
}

impl<S: Fields> Merge<S> for Copied<S> {
    fn wanted(&self, stored: Option<&Params<S>>, _: &mut Violations) -> Params<S> {
        let Some(mut wanted) = stored.cloned() else {
            return self.sent.clone();
        };
        for field in &self.fields {
            S::ALL[*field](&mut wanted, &self.sent);
        }
        wanted
    }

    fn recheck(&self, _: &Params<S>, _: &mut Violations) {}

    /// Only of how long a client keeps its backend it is asked, which is copied together with whether it does.
    fn means(&self, _: &str) -> bool {
        false
    }

    fn is_kept(&self, _: &str, stored: &Params<S>, wanted: &Params<S>) -> bool {
        stored == wanted
    }
}

impl<S: Fields> Copied<S> {
    /// All of its fields, or two.
    pub(crate) fn drawn(draw: &mut Draw<'_>, sent: Params<S>) -> Self {
        let fields = if draw.once_in(3) {
            some(draw, 2, S::ALL.len())
        } else {
            (0..S::ALL.len()).collect()
        };
        Self { sent, fields }
    }

    pub(crate) fn update(self, preconditions: Preconditions) -> Update<S> {
        Update {
            merge: Arc::new(self),
            preconditions,
        }
    }

    pub(crate) fn put(self, mode: Mode) -> Put<S> {
        match mode {
            Mode::Create => Put::Create(self.sent),
            Mode::Update {
                allow_missing,
                preconditions,
            } => Put::Update {
                update: self.update(preconditions),
                allow_missing,
            },
        }
    }
}

/// Some numbers below `all`.
pub(crate) fn some(draw: &mut Draw<'_>, count: usize, all: usize) -> BTreeSet<usize> {
    let all: Vec<_> = (0..all).collect();
    (0..count).map(|_| draw.one(&all)).collect()
}

/// How a put is asked for.
pub(crate) enum Mode {
    Create,
    Update {
        allow_missing: bool,
        preconditions: Preconditions,
    },
}

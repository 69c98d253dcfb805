//! The Service API, row by row of its specification, through real gRPC on each store: memory, SQLite, Postgres.
//!
//! ```text
//! case (written once) > on_every_store! > portolan serve, one process a store > a cluster of the case's own
//! ```
//! A case begins with the id of its row: `f10_…` of the families, `a4_…` of the allocators, `t_…` of the changes of type,
//! `c5_…` of the conformance checklist. [`rows`] knows every id, and fails where one has no case.

/// One named test a case and store: `families::f1_…::postgres`.
macro_rules! on_every_store {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const CASES: &[&str] = &[$(stringify!($case)),+];
        $(mod $case {
            use crate::stores::{Kind, plane};

            #[test]
            fn memory() {
                super::$case(plane(Kind::Memory));
            }

            #[test]
            fn sqlite() {
                super::$case(plane(Kind::Sqlite));
            }

            #[test]
            fn postgres() {
                super::$case(plane(Kind::Postgres));
            }
        })+
    };
}

/// The same for those whose rows can be changed by hand.
macro_rules! on_durable_stores {
    ($($case:ident),+ $(,)?) => {
        pub(crate) const CASES: &[&str] = &[$(stringify!($case)),+];
        $(mod $case {
            use crate::stores::Kind;

            #[test]
            fn sqlite() {
                super::$case(Kind::Sqlite);
            }

            #[test]
            fn postgres() {
                super::$case(Kind::Postgres);
            }
        })+
    };
}

mod address_fields;
mod backends;
mod by_hand;
mod checklist_4_1;
mod cluster;
mod clusterip_allocation;
mod cross_field;
mod dependents;
mod endpoints;
mod expect;
mod families;
mod family_changes;
mod fields;
mod life_cycle;
mod matrix;
mod metadata;
mod metrics;
mod node_port_allocation;
mod node_ports;
mod port_fields;
mod projection;
mod quarantine;
mod ratchet;
mod repair;
mod rows;
mod specs;
mod stored;
mod stores;
mod transitions;
mod validate_only;

//! Clusters, as lists name them.

use std::borrow::Cow;

use super::columns::{Column, Listed, Value, column, ordering, text, unscoped};
use crate::{Cluster, Scoped};

use Value::{Text, Time};

impl Listed for Cluster {
    const NOUN: &'static str = "a cluster";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|c| text(c.meta.name.as_str()))),
                column("uid", Text(|c| Cow::Owned(c.meta.uid.to_string()))),
                column("dns_domain", Text(|c| text(&c.spec.dns_domain))),
                ordering("create_time", Time(|c| c.meta.created_at)),
                ordering("update_time", Time(|c| c.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

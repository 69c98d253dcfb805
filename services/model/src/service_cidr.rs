//! Ranges for virtual addresses, and how lists name them.

use std::borrow::Cow;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::query::columns::{column, ordering, text, texts, unscoped};
use crate::query::{Column, Kept, Listed, Value};
use crate::state::index::Indexed;
use crate::{Meta, Scoped, Timestamp};

use Value::{Flag, Text, Texts, Time};

/// A range for virtual addresses, or one of each family. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCidr {
    /// Identity and history.
    pub meta: Meta,
    /// One range, or one of each family.
    pub cidrs: Vec<IpNet>,
    /// Since when it is on its way out: nothing is allocated from it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining_since: Option<Timestamp>,
}

impl Indexed for ServiceCidr {}

impl ServiceCidr {
    /// Whether addresses are allocated from it.
    pub fn is_ready(&self) -> bool {
        self.draining_since.is_none()
    }
}

impl Listed for ServiceCidr {
    const NOUN: &'static str = "a ServiceCIDR";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|s| text(s.meta.name.as_str()))),
                column("uid", Text(|s| Cow::Owned(s.meta.uid.to_string()))),
                column("cidr", Texts(|s| texts(&s.cidrs))),
                column("ready", Flag(Self::is_ready)),
                ordering("create_time", Time(|s| s.meta.created_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Kept for ServiceCidr {}

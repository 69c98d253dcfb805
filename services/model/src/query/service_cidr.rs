//! Ranges for virtual addresses, as lists name them.

use std::borrow::Cow;

use super::columns::{Column, Kept, Listed, Value, column, ordering, text, texts, unscoped};
use crate::{Scoped, ServiceCidr};

use Value::{Flag, Text, Texts, Time};

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

//! What the stores in SQL have in common: commits as rows, and what a commit does to the tables.

mod change;
mod claim;
mod log;

use portolan_model::{Kind, Object, Revision};

use crate::StoreError;
pub use change::{Effect, effects};
pub use claim::ClaimRow;
pub use log::{LogRow, Seal, check_format, commits};

/// The number for a column; what is beyond it (nothing sound is) becomes the highest.
pub fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A revision from a column.
pub fn revision(value: i64) -> Revision {
    Revision(value.unsigned_abs())
}

/// An object from its row.
pub fn object(
    table: &'static str,
    kind: i16,
    path: &str,
    body: &str,
) -> Result<Object, StoreError> {
    let broken = |problem: String| StoreError::Inconsistent {
        table,
        key: format!("{kind} {path}"),
        problem,
    };
    let known = u8::try_from(kind).ok().and_then(Kind::from_number);
    let known = known.ok_or_else(|| broken("this kind is not known".to_owned()))?;
    Object::from_body(known, body).map_err(|error| broken(error.to_string()))
}

/// What the column `kind` is compared with in SQL: `object` for whatever has no table of its own, or a kind.
#[macro_export]
macro_rules! kind_is {
    (object) => {
        concat!(
            "NOT IN (",
            ::portolan_model::kind_number!(IpClaim),
            ", ",
            ::portolan_model::kind_number!(PortClaim),
            ")"
        )
    };
    ($kind:ident) => {
        concat!("= ", ::portolan_model::kind_number!($kind))
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart_by_their_numbers() {
        assert_eq!(kind_is!(IpClaim), "= 8");
        assert_eq!(kind_is!(PortClaim), "= 9");
        // Every kind of claim has a table of its own.
        let numbers: Vec<_> = Kind::CLAIMS
            .iter()
            .map(|c| c.number().to_string())
            .collect();
        assert_eq!(kind_is!(object), format!("NOT IN ({})", numbers.join(", ")));
    }
}

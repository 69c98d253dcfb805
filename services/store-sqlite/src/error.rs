//! Errors of the driver, by what the caller does next.

use portolan_store::StoreError;
use sqlx::error::ErrorKind;

/// For `map_err`: names what was attempted.
pub(crate) fn while_doing(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let violation = error
            .as_database_error()
            .filter(|error| !matches!(error.kind(), ErrorKind::Other));
        match violation {
            Some(violation) => StoreError::Conflict {
                constraint: violation.message().to_owned(),
                source: Some(error.into()),
            },
            None => StoreError::Unavailable {
                context: context.to_owned(),
                source: Some(error.into()),
            },
        }
    }
}

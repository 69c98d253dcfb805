//! Errors of the driver, by what the caller does next, and how long is waited for an answer.

use std::time::Duration;

use portolan_store::StoreError;

/// How long one step of a small read or of a write may take.
pub(crate) const STEP: Duration = Duration::from_secs(3);

/// How long reading all tables or compacting may take.
pub(crate) const BULK: Duration = Duration::from_mins(1);

/// For `map_err`: names what was attempted.
pub(crate) fn while_doing(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| {
        let Some(refusal) = error
            .as_database_error()
            .filter(|refusal| is_about_data(refusal.code().as_deref()))
        else {
            return StoreError::Unavailable {
                context: context.to_owned(),
                source: Some(error.into()),
            };
        };
        let constraint = refusal
            .constraint()
            .unwrap_or_else(|| refusal.message())
            .to_owned();
        StoreError::Conflict {
            constraint,
            source: Some(error.into()),
        }
    }
}

/// Classes 22 (data exception) and 23 (integrity constraint violation): trying again would end the same way.
fn is_about_data(code: Option<&str>) -> bool {
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// Whether the connection had ended before it was used: by the network, or by a server that shut down (class 57P).
pub(crate) fn is_disconnected(error: &StoreError) -> bool {
    let StoreError::Unavailable {
        source: Some(source),
        ..
    } = error
    else {
        return false;
    };
    match source.downcast_ref() {
        Some(sqlx::Error::Io(_)) => true,
        Some(sqlx::Error::Database(refusal)) => {
            refusal.code().is_some_and(|code| code.starts_with("57P"))
        }
        _ => false,
    }
}

/// Whether the server said that it did not do what was asked. One that shuts down (class 57P) says nothing of the kind.
pub(crate) fn is_refused(error: &StoreError) -> bool {
    match error {
        StoreError::Conflict { .. } => true,
        StoreError::Unavailable {
            source: Some(source),
            ..
        } => match source.downcast_ref() {
            Some(sqlx::Error::Database(refusal)) => {
                !refusal.code().is_some_and(|code| code.starts_with("57P"))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Runs something that must not take longer than `bound`: a server that vanished without a word says nothing for
/// minutes.
pub(crate) async fn bounded<T>(
    bound: Duration,
    context: &'static str,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(bound, work).await {
        Ok(result) => result.map_err(while_doing(context)),
        Err(_) => Err(StoreError::unavailable(format!(
            "{context}: no answer within {bound:?}"
        ))),
    }
}

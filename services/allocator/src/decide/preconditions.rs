//! Conditions that a request names itself, and parents that must exist.

use portolan_model::{ClusterSpec, Name, Reason, Refusal, State, Uid};

use crate::{Delete, Preconditions};

/// What exists, as far as conditions are concerned; its etag costs something, and few ask for it.
pub(super) struct Present<F: Fn() -> String> {
    pub(super) uid: Uid,
    pub(super) etag: F,
}

/// Whether an update may go on, given what exists.
pub(super) fn check_update<F: Fn() -> String>(
    resource: &str,
    present: Option<Present<F>>,
    preconditions: &Preconditions,
    allow_missing: bool,
) -> Result<(), Refusal> {
    if let Some(present) = present {
        return check_same(resource, &present, preconditions);
    }
    if let Some(uid) = preconditions.expected_uid {
        return Err(uid_mismatch(resource, "does not exist", uid));
    }
    // An etag says that something was read: it was deleted since, and silently re-creating it would hide that.
    if allow_missing && preconditions.etag.is_none() {
        Ok(())
    } else {
        Err(Refusal::not_found(resource))
    }
}

/// Whether a delete may go on; `Ok(false)`: there is nothing to delete, and that is fine.
pub(super) fn check_delete<F: Fn() -> String>(
    resource: &str,
    present: Option<Present<F>>,
    delete: &Delete,
) -> Result<bool, Refusal> {
    match present {
        Some(present) => check_same(resource, &present, &delete.preconditions).map(|()| true),
        None if delete.allow_missing => Ok(false),
        None => Err(Refusal::not_found(resource)),
    }
}

/// Whether what exists is what the request was made for.
pub(super) fn check_same<F: Fn() -> String>(
    resource: &str,
    present: &Present<F>,
    preconditions: &Preconditions,
) -> Result<(), Refusal> {
    let expected = preconditions.expected_uid;
    if let Some(uid) = expected.filter(|uid| *uid != present.uid) {
        let found = format!("has uid {}", present.uid);
        return Err(uid_mismatch(resource, &found, uid));
    }
    let Some(expected) = &preconditions.etag else {
        return Ok(());
    };
    let etag = (present.etag)();
    if *expected == etag {
        return Ok(());
    }
    Err(Refusal::Conflict {
        reason: Reason::EtagMismatch,
        description: format!(
            "{resource} has etag {etag:?}, not {expected:?}: somebody changed it since it was read; read it again, and decide again"
        ),
    })
}

fn uid_mismatch(resource: &str, found: &str, expected: Uid) -> Refusal {
    Refusal::Conflict {
        reason: Reason::UidMismatch,
        description: format!("{resource} {found}, but the request expects uid {expected}"),
    }
}

/// The namespace must exist.
pub(super) fn check_namespace(state: &State, namespace: &Name) -> Result<(), Refusal> {
    if state.namespace(namespace).is_some() {
        return Ok(());
    }
    Err(Refusal::NotFound {
        resource: format!("namespaces/{namespace}"),
        remedy: "create it first: CreateNamespace, a Namespace manifest, or `portolan apply --create-namespace`".to_owned(),
    })
}

/// Settings of the cluster; absent only before the first commit.
pub(super) fn cluster_spec(state: &State) -> Result<&ClusterSpec, Refusal> {
    state
        .cluster()
        .map(|cluster| &cluster.spec)
        .ok_or_else(|| Refusal::not_found("the cluster"))
}

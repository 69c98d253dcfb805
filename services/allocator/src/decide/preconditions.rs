//! Conditions that a request names itself, and parents that must exist.

use portolan_model::{ClusterSpec, Name, Reason, Refusal, State, Uid};

use crate::{DeleteMode, PutMode};

/// What exists, as far as conditions are concerned.
pub(super) struct Present {
    uid: Uid,
    etag: String,
}

impl Present {
    pub(super) fn new(uid: Uid, etag: String) -> Self {
        Self { uid, etag }
    }
}

/// Whether a put may go on, given what exists.
pub(super) fn check_put(
    resource: &str,
    present: Option<&Present>,
    mode: &PutMode,
) -> Result<(), Refusal> {
    match (mode, present) {
        (PutMode::Create, Some(_)) => Err(Refusal::AlreadyExists {
            resource: resource.to_owned(),
        }),
        (PutMode::Create, None) => Ok(()),
        (
            PutMode::Update {
                etag, expected_uid, ..
            },
            Some(present),
        ) => check_same(resource, present, etag.as_deref(), *expected_uid),
        (
            PutMode::Update {
                allow_missing,
                etag,
                expected_uid,
            },
            None,
        ) => {
            if let Some(uid) = expected_uid {
                return Err(uid_mismatch(resource, "does not exist", *uid));
            }
            // An etag says that something was read: it was deleted since, and silently re-creating it would hide that.
            if *allow_missing && etag.is_none() {
                Ok(())
            } else {
                Err(Refusal::not_found(resource))
            }
        }
    }
}

/// Whether a delete may go on; `Ok(false)`: there is nothing to delete, and that is fine.
pub(super) fn check_delete(
    resource: &str,
    present: Option<&Present>,
    mode: &DeleteMode,
) -> Result<bool, Refusal> {
    match present {
        Some(present) => {
            check_same(resource, present, mode.etag.as_deref(), mode.expected_uid).map(|()| true)
        }
        None if mode.allow_missing => Ok(false),
        None => Err(Refusal::not_found(resource)),
    }
}

fn check_same(
    resource: &str,
    present: &Present,
    etag: Option<&str>,
    uid: Option<Uid>,
) -> Result<(), Refusal> {
    if let Some(uid) = uid.filter(|uid| *uid != present.uid) {
        return Err(uid_mismatch(
            resource,
            &format!("has uid {}", present.uid),
            uid,
        ));
    }
    match etag.filter(|etag| *etag != present.etag) {
        Some(etag) => Err(Refusal::Conflict {
            reason: Reason::EtagMismatch,
            description: format!(
                "{resource} has etag {}, not {etag}: somebody changed it since it was read; read it again, and decide again",
                present.etag
            ),
        }),
        None => Ok(()),
    }
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

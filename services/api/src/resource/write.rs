//! Creating, changing and deleting, whatever the noun.

use portolan_allocator::{Action, Operation, Put, Verb};
use portolan_model::Violations;
use portolan_proto::convert::name::InCluster;
use prost_types::FieldMask;
use tonic::{Request, Response, Status};

use super::{Exposed, Message, Place, SpecMessage, View, Written, whole};
use crate::api::Api;
use crate::cluster::Cluster;
use crate::context::{context, preconditions, respond};
use crate::shape::{not_found, parse, required};

/// The circumstances of a write, as its request tells them.
pub(crate) struct Circumstances<'a, R> {
    method: &'static str,
    request: &'a Request<R>,
    request_id: &'a str,
    validate_only: bool,
}

impl<'a, R: prost::Message> Circumstances<'a, R> {
    /// `message` is the request's message, which is named after the method.
    pub(crate) fn new(
        message: &'static str,
        request: &'a Request<R>,
        request_id: &'a str,
        validate_only: bool,
    ) -> Self {
        Self {
            method: message.strip_suffix("Request").unwrap_or(message),
            request,
            request_id,
            validate_only,
        }
    }

    fn operation(&self, action: Option<Action>, violations: &mut Violations) -> Option<Operation> {
        let id = self.request_id;
        let context = context(
            self.method,
            self.request,
            id,
            self.validate_only,
            violations,
        );
        Some(Operation {
            action: action?,
            context,
        })
    }
}

/// What is to be created.
pub(crate) struct Create<'a, M> {
    pub(crate) parent: &'a str,
    pub(crate) id: &'a str,
    pub(crate) sent: Option<&'a M>,
}

/// Creates one.
pub(crate) async fn create<T: Written, R: prost::Message>(
    api: &Api,
    asked: &Create<'_, T::Message>,
    circumstances: &Circumstances<'_, R>,
) -> Result<Response<T::Message>, Status> {
    let (cluster, operation) = parse(|v| {
        let field = T::Message::FIELD;
        let id = T::id(&format!("{field}_id"), asked.id, v);
        let target = T::Key::below(asked.parent, id, v);
        let default = T::IS_OPTIONAL.then(T::Message::default);
        let params = match asked.sent.or(default.as_ref()) {
            Some(sent) => Some(whole::<T>(field, sent, v)),
            None => required(field, asked.sent, v).and(None),
        };
        let (cluster, action) = match (target, params) {
            (Some(InCluster { cluster, key }), Some(params)) => {
                (Some(cluster), Some(T::put(key, Put::Create(params))))
            }
            _ => (None, None),
        };
        let operation = circumstances.operation(action, v);
        Some((cluster?, operation?))
    })?;
    put::<T>(&api.cluster(&cluster)?, operation).await
}

/// What is to be changed, and how.
pub(crate) struct Update<'a, M> {
    pub(crate) sent: Option<&'a M>,
    pub(crate) mask: Option<&'a FieldMask>,
    pub(crate) allow_missing: bool,
    pub(crate) expected_uid: &'a str,
}

/// Changes one.
pub(crate) async fn update<T: Written, R: prost::Message>(
    api: &Api,
    asked: &Update<'_, T::Message>,
    circumstances: &Circumstances<'_, R>,
) -> Result<Response<T::Message>, Status> {
    let (cluster, operation) = parse(|v| {
        let field = T::Message::FIELD;
        let sent = required(field, asked.sent, v)?;
        let path = format_args!("{field}.name");
        let target = T::Key::named(path, sent.name(), T::KIND.collection(), v);
        let etag = format_args!("{field}.etag");
        let preconditions = preconditions(etag, sent.etag(), asked.expected_uid, v);
        let put = Put::Update {
            update: const { &T::TABLE }.update(asked.mask, sent, preconditions, v),
            allow_missing: asked.allow_missing,
        };
        let InCluster { cluster, key } = target?;
        let operation = circumstances.operation(Some(T::put(key, put)), v);
        Some((cluster, operation?))
    })?;
    put::<T>(&api.cluster(&cluster)?, operation).await
}

/// What is to be deleted.
pub(crate) struct Delete<'a> {
    pub(crate) name: &'a str,
    pub(crate) allow_missing: bool,
    pub(crate) etag: &'a str,
    pub(crate) expected_uid: &'a str,
}

/// Deletes one; `action` says how.
pub(crate) async fn delete<T: Exposed, R: prost::Message>(
    api: &Api,
    asked: &Delete<'_>,
    action: impl FnOnce(T::Key, portolan_allocator::Delete) -> Action,
    circumstances: &Circumstances<'_, R>,
) -> Result<Response<T::Message>, Status> {
    let (cluster, operation) = parse(|v| {
        let target = T::Key::named("name", asked.name, T::KIND.collection(), v);
        let delete = portolan_allocator::Delete {
            allow_missing: asked.allow_missing,
            preconditions: preconditions("etag", asked.etag, asked.expected_uid, v),
        };
        let (cluster, action) = match target {
            Some(InCluster { cluster, key }) => (Some(cluster), Some(action(key, delete))),
            None => (None, None),
        };
        let operation = circumstances.operation(action, v);
        Some((cluster?, operation?))
    })?;
    let cluster = api.cluster(&cluster)?;
    let outcome = cluster.submit(operation).await?;
    let message = match outcome.objects.first().and_then(T::of) {
        // One that drains is still there.
        Some(draining) if outcome.verb != Verb::Deleted => {
            draining.shown(&View::new(&cluster, &cluster.state()))
        }
        last => {
            let named = || T::Message::named(asked.name);
            let mut message = last.map_or_else(named, |last| last.message(cluster.name()));
            message.gone(outcome.revision.0, cluster.clock.now());
            message
        }
    };
    Ok(respond(message, outcome.verb))
}

/// Has it written, and answers with what became of it.
pub(crate) async fn put<T: Exposed>(
    cluster: &Cluster,
    operation: Operation,
) -> Result<Response<T::Message>, Status> {
    let outcome = cluster.submit(operation).await?;
    let Some(written) = outcome.objects.first().and_then(T::of) else {
        let noun = T::NOUN.split_once(' ').map_or(T::NOUN, |(_, noun)| noun);
        return Err(not_found(&format!(
            "the {noun} that an earlier request with this request_id wrote"
        )));
    };
    let state = cluster.state();
    let mut message = written.shown(&View::new(cluster, &state));
    message.warn(outcome.warnings);
    Ok(respond(message, outcome.verb))
}

//! Getting, listing and watching, whatever the noun.

use std::sync::Arc;

use futures_util::StreamExt;
use portolan_model::{StoreId, Violations};
use tonic::{Response, Status};

use super::{Exposed, Place, View};
use crate::api::Api;
use crate::aside::aside;
use crate::cluster::Cluster;
use crate::listing::{Arguments, Listing, filter};
use crate::shape::{not_found, parse};
use crate::watch::{Scope, WatchEvent, WatchStream};

/// One by its name.
pub(crate) async fn get<T: Exposed>(
    api: &Api,
    name: &str,
    min_revision: u64,
) -> Result<Response<T::Message>, Status> {
    let asked = parse(|v| T::Key::named("name", name, T::KIND.collection(), v))?;
    let cluster = api.cluster(&asked.cluster)?;
    let state = cluster.state_at(min_revision).await?;
    let found = T::rows(&state).get(&asked.key);
    let found = found.ok_or_else(|| not_found(name))?;
    Ok(Response::new(found.shown(&View::new(&cluster, &state))))
}

/// A page of a list.
pub(crate) struct Page<M> {
    pub(crate) items: Vec<M>,
    pub(crate) next_page_token: String,
    pub(crate) revision: u64,
    pub(crate) store_id: String,
}

/// A page of those below a parent.
pub(crate) async fn list<T: Exposed>(
    api: &Api,
    parent: &str,
    asked: &Arguments<'_>,
    min_revision: u64,
) -> Result<Page<T::Message>, Status> {
    let (parent, listing) = parse(|v| {
        let listing = Listing::<T>::new(asked, v);
        let parent = T::Key::parent(parent, v);
        Some((parent?, listing?))
    })?;
    let cluster = api.cluster(&parent.cluster)?;
    let state = listing.state(&cluster, min_revision).await?;
    Ok(aside(move || {
        let found = listing.page(&state, parent.key.as_ref());
        let view = View::new(&cluster, &state);
        let revision = state.revision();
        let (items, next_page_token) = listing.shown(revision, &found, |it| it.shown(&view));
        Page {
            items,
            next_page_token,
            revision: revision.0,
            store_id: cluster.store_id(),
        }
    })
    .await)
}

/// What a watch asks for.
pub(crate) struct Watched<'a> {
    pub(crate) parent: &'a str,
    pub(crate) filter: &'a str,
    pub(crate) from_revision: u64,
    /// The store that counted it; empty if it does not matter.
    pub(crate) store_id: &'a str,
}

/// An event of a watch, in the words of the wire.
pub(crate) struct Event<M> {
    pub(crate) r#type: i32,
    pub(crate) message: Option<M>,
    pub(crate) revision: u64,
    pub(crate) store_id: String,
}

/// What happens to those below a parent, as the answers of an RPC.
pub(crate) async fn watch<T: Exposed, R: Send + 'static>(
    api: &Api,
    asked: &Watched<'_>,
    answer: impl Fn(Event<T::Message>) -> R + Send + 'static,
) -> Result<Response<WatchStream<R>>, Status> {
    let Followed {
        cluster, events, ..
    } = follow::<T>(api, asked).await?;
    let stream = events.map(move |event| {
        let event = event?;
        let (r#type, revision) = event.words();
        let store_id = cluster.store_of(revision);
        let message = event.object.as_ref().map(|object| {
            let state = cluster.state();
            object.shown(&View::new(&cluster, &state))
        });
        Ok(answer(Event {
            r#type,
            message,
            revision,
            store_id,
        }))
    });
    Ok(Response::new(stream.boxed()))
}

/// What a watch is about, and what happens to it.
pub(crate) struct Followed<T: 'static> {
    pub(crate) cluster: Cluster,
    pub(crate) scope: Arc<Scope<T>>,
    pub(crate) events: WatchStream<WatchEvent<T>>,
}

/// What happens to those below a parent.
pub(crate) async fn follow<T: Exposed>(
    api: &Api,
    asked: &Watched<'_>,
) -> Result<Followed<T>, Status> {
    let (parent, filter) = parse(|v| {
        let filter = filter(asked.filter, v);
        store_id(asked.store_id, v);
        T::Key::parent(asked.parent, v).map(|parent| (parent, filter))
    })?;
    let cluster = api.cluster(&parent.cluster)?;
    cluster.check_store(asked.store_id)?;
    let scope = Arc::new(Scope {
        namespace: parent.key,
        filter,
    });
    let (stopping, from) = (api.stopping(), asked.from_revision);
    let events = crate::watch::watch(&cluster, stopping, scope.clone(), from).await?;
    Ok(Followed {
        cluster,
        scope,
        events: events.boxed(),
    })
}

fn store_id(text: &str, violations: &mut Violations) {
    if !text.is_empty() && text.parse::<StoreId>().is_err() {
        violations.add(
            "store_id",
            "must be as a list or a watch told it, a UUID; empty: it is not compared",
        );
    }
}

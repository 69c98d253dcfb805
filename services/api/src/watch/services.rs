//! Watches of Services also tell what becomes known about them without a write: how many endpoints are ready, how many
//! nodes carry them, who rejects them. At most once a second a Service, and outside of the revisions.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use portolan_model::{NodeReports, Object, Revision, Scoped, Service, State, Uid};
use portolan_proto::v1;
use portolan_proto::v1::WatchEventType;
use prost::Message;
use tokio::time::{Interval, MissedTickBehavior};
use tonic::Status;

use super::{Scope, WatchEvent, WatchStream};
use crate::aside::aside;
use crate::cluster::Cluster;
use crate::resource::read::Followed;
use crate::resource::{Exposed, View};

/// How often one Service's status is told at most.
const PAUSE: Duration = Duration::from_secs(1);

type Told = Result<v1::WatchServicesResponse, Status>;

struct StatusWatch {
    access: Cluster,
    events: WatchStream<WatchEvent<Service>>,
    ticks: Interval,
    /// What the client knows, by name.
    known: BTreeMap<Scoped, Known>,
    /// What the reports were, and how many nodes, when they were last looked at.
    reports: Arc<NodeReports>,
    nodes: usize,
    /// Endpoints were looked at up to here.
    seen: Revision,
    ready: VecDeque<v1::WatchServicesResponse>,
}

/// A Service as it was last told.
struct Known {
    service: Arc<Service>,
    progress: Progress,
    /// None if an earlier watch told of it.
    status: Option<u64>,
}

/// What nodes made of a Service; cheap to compare.
#[derive(PartialEq, Eq)]
struct Progress {
    carrying: usize,
    rejections: u64,
}

impl Progress {
    fn of(reports: &NodeReports, service: &Service) -> Self {
        let mut hasher = DefaultHasher::new();
        for (node, rejection) in reports.rejections(service.meta.uid) {
            (node, &rejection.code, &rejection.message).hash(&mut hasher);
        }
        Self {
            carrying: reports.carrying(service.meta.uid, service.meta.revision),
            rejections: hasher.finish(),
        }
    }
}

/// What an earlier watch has told of.
fn told_before(
    scope: &Scope<Service>,
    state: &State,
    reports: &NodeReports,
) -> BTreeMap<Scoped, Known> {
    let known = scope.fitting(state, None).map(|service| {
        let known = Known {
            service: service.clone(),
            progress: Progress::of(reports, service),
            status: None,
        };
        (service.key(), known)
    });
    known.collect()
}

/// Adds the events of statuses to those of the log. A watch that goes on is told of all Services that it could have told of
/// before.
pub(crate) async fn with_statuses(
    followed: Followed<Service>,
    from: u64,
) -> impl Stream<Item = Told> + Send {
    let Followed {
        cluster: access,
        scope,
        events,
    } = followed;
    let (state, reports) = (access.state(), access.node_reports());
    let (known, seen) = if from == 0 {
        (BTreeMap::new(), state.revision())
    } else {
        let (state, reports) = (state.clone(), reports.clone());
        let known = aside(move || told_before(&scope, &state, &reports)).await;
        (known, Revision(from))
    };
    let mut ticks = tokio::time::interval(PAUSE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watch = StatusWatch {
        events,
        ticks,
        known,
        reports,
        nodes: state.node_count(),
        seen,
        ready: VecDeque::new(),
        access,
    };
    futures_util::stream::unfold(watch, async |mut watch| {
        let told = watch.next().await?;
        Some((told, watch))
    })
}

impl StatusWatch {
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Some(Ok(told));
            }
            tokio::select! {
                // What happened comes before what became known.
                biased;
                event = self.events.next() => return event.map(|event| event.map(|event| self.told(&event))),
                _ = self.ticks.tick() => self.look(),
            }
        }
    }

    fn told(&mut self, event: &WatchEvent<Service>) -> v1::WatchServicesResponse {
        let service = event.object.as_ref().map(|service| {
            let message = self.wire(service, &self.access.node_reports());
            let key = service.key();
            if event.event_type == WatchEventType::Deleted {
                self.known.remove(&key);
            } else {
                let progress = Progress::of(&self.access.node_reports(), service);
                let status = Some(fingerprint(&message));
                let service = service.clone();
                self.known.insert(
                    key,
                    Known {
                        service,
                        progress,
                        status,
                    },
                );
            }
            message
        });
        let (r#type, revision) = event.words();
        v1::WatchServicesResponse {
            r#type,
            service,
            revision,
            store_id: self.access.store_of(revision),
        }
    }

    /// Looks for statuses that changed since the last time.
    fn look(&mut self) {
        let touched = self.touched();
        let reports = self.access.node_reports();
        let nodes = self.access.state().node_count();
        let reported = !Arc::ptr_eq(&reports, &self.reports) || nodes != self.nodes;
        if reported || touched.as_ref().is_none_or(|touched| !touched.is_empty()) {
            let changed = self.known.values().filter(|known| {
                let is_touched =
                    |touched: &BTreeSet<Uid>| touched.contains(&known.service.meta.uid);
                nodes != self.nodes
                    || touched.as_ref().is_none_or(is_touched)
                    || (reported && Progress::of(&reports, &known.service) != known.progress)
            });
            let changed: Vec<_> = changed.map(|known| known.service.clone()).collect();
            for service in changed {
                self.tell(&service, &reports);
            }
        }
        (self.reports, self.nodes) = (reports, nodes);
    }

    fn tell(&mut self, service: &Arc<Service>, reports: &Arc<NodeReports>) {
        let message = self.wire(service, reports);
        let status = Some(fingerprint(&message));
        let Some(known) = self.known.get_mut(&service.key()) else {
            return;
        };
        known.progress = Progress::of(reports, service);
        if known.status != status {
            known.status = status;
            self.ready.push_back(v1::WatchServicesResponse {
                r#type: WatchEventType::Status.into(),
                service: Some(message),
                ..v1::WatchServicesResponse::default()
            });
        }
    }

    /// Services whose endpoints changed since the last look; `None` if that is no longer known.
    fn touched(&mut self) -> Option<BTreeSet<Uid>> {
        let cache = self.access.allocator.cache();
        let commits = cache.commits_after(self.seen);
        self.seen = match &commits {
            Ok(commits) => commits.last().map_or(self.seen, |commit| commit.revision),
            Err(_) => cache.position().revision,
        };
        let commits = commits.ok()?;
        let changes = commits.iter().flat_map(|commit| &commit.changes);
        let services = changes.filter_map(|change| match change.object() {
            Object::Endpoint(endpoint) => Some(endpoint.service_uid),
            _ => None,
        });
        Some(services.collect())
    }

    fn wire(&self, service: &Service, reports: &Arc<NodeReports>) -> v1::Service {
        let state = self.access.state();
        service.shown(&View::with(&self.access, &state, reports.clone()))
    }
}

/// Tells two statuses apart.
fn fingerprint(message: &v1::Service) -> u64 {
    let mut hasher = DefaultHasher::new();
    let status = message.status.as_ref().map(Message::encode_to_vec);
    status.hash(&mut hasher);
    hasher.finish()
}

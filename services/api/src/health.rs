//! grpc.health.v1: "" for the whole server, one name per service, and `liveness` and `readiness`. Everything but
//! liveness follows readiness: whether the server should get new clients.
//!
//! The protocol has a watch of an unknown name answered with `SERVICE_UNKNOWN`, and kept open; a check of it is
//! NOT_FOUND.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::watch;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health as Protocol;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::status;

/// Whether the process works at all.
const LIVENESS: &str = "liveness";
/// Whether it should get new clients.
const READINESS: &str = "readiness";

/// The health of this server. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Health {
    names: Arc<BTreeSet<&'static str>>,
    condition: watch::Sender<Condition>,
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Condition {
    Ready,
    NotReady,
    /// Not ready any more, for good.
    Ending,
}

impl Health {
    /// Of a server that is ready and has these services.
    pub fn new(services: impl IntoIterator<Item = &'static str>) -> Self {
        let names = services.into_iter().chain(["", LIVENESS, READINESS]);
        Self {
            names: Arc::new(names.collect()),
            condition: watch::Sender::new(Condition::Ready),
        }
    }

    /// Tells whether new clients are welcome.
    pub fn set_ready(&self, ready: bool) {
        self.condition.send_modify(|condition| {
            *condition = match *condition {
                Condition::Ending => Condition::Ending,
                _ if ready => Condition::Ready,
                _ => Condition::NotReady,
            };
        });
    }

    /// Tells that the server is about to end: nothing is ready any more, and watches end once they have said so.
    pub fn end(&self) {
        self.condition.send_replace(Condition::Ending);
    }

    fn of(&self, name: &str, condition: Condition) -> ServingStatus {
        match condition {
            _ if !self.names.contains(name) => ServingStatus::ServiceUnknown,
            _ if name == LIVENESS => ServingStatus::Serving,
            Condition::Ready => ServingStatus::Serving,
            Condition::NotReady | Condition::Ending => ServingStatus::NotServing,
        }
    }
}

#[tonic::async_trait]
impl Protocol for Health {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = request.get_ref().service.as_str();
        let condition = *self.condition.borrow();
        match self.of(name, condition) {
            ServingStatus::ServiceUnknown => Err(status::unknown_service(name)),
            known => Ok(Response::new(answer(known))),
        }
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watching = Watching {
            health: self.clone(),
            name: request.into_inner().service,
            conditions: self.condition.subscribe(),
            told: None,
            ended: false,
        };
        let stream = unfold(watching, async |mut watching| {
            let answer = watching.next().await?;
            Some((answer, watching))
        });
        Ok(Response::new(stream.boxed()))
    }
}

struct Watching {
    health: Health,
    name: String,
    conditions: watch::Receiver<Condition>,
    told: Option<ServingStatus>,
    ended: bool,
}

impl Watching {
    /// The status of now, then each that differs from the one before.
    async fn next(&mut self) -> Option<Result<HealthCheckResponse, Status>> {
        while !self.ended {
            let condition = *self.conditions.borrow_and_update();
            let status = self.health.of(&self.name, condition);
            if self.told.replace(status) != Some(status) {
                return Some(Ok(answer(status)));
            }
            if condition == Condition::Ending {
                self.ended = true;
                return Some(Err(status::shutting_down()));
            }
            // This watch itself holds a sender.
            self.conditions.changed().await.ok()?;
        }
        None
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tonic::Code;

    use super::*;

    /// Far longer than anything takes.
    const DEADLINE: Duration = Duration::from_secs(20);

    fn request(name: &str) -> Request<HealthCheckRequest> {
        Request::new(HealthCheckRequest {
            service: name.to_owned(),
        })
    }

    async fn check(health: &Health, name: &str) -> Result<ServingStatus, Code> {
        let checked = health.check(request(name)).await;
        let checked = checked.map(|response| response.into_inner().status());
        checked.map_err(|status| status.code())
    }

    #[tokio::test]
    async fn everything_but_liveness_follows_readiness() {
        use ServingStatus::{NotServing, Serving};
        let health = Health::new(["a.B"]);
        for ready in [true, false, true] {
            health.set_ready(ready);
            let follows = if ready { Serving } else { NotServing };
            for name in ["", "a.B", READINESS] {
                assert_eq!(check(&health, name).await, Ok(follows), "{name:?}");
            }
            assert_eq!(check(&health, LIVENESS).await, Ok(Serving));
            assert_eq!(check(&health, "a.C").await, Err(Code::NotFound));
        }
        health.end();
        health.set_ready(true);
        assert_eq!(check(&health, "").await, Ok(NotServing), "for good");
    }

    #[tokio::test]
    async fn a_watch_tells_what_differs_and_goes_on_for_names_nobody_knows() {
        use ServingStatus::{NotServing, ServiceUnknown, Serving};
        let health = Health::new(["a.B"]);
        let follow = async |name: &str| health.watch(request(name)).await.unwrap().into_inner();
        let (mut known, mut unknown) = (follow("a.B").await, follow("a.C").await);
        let next = async |stream: &mut BoxStream<'_, Result<HealthCheckResponse, Status>>| {
            let next = tokio::time::timeout(DEADLINE, stream.next()).await;
            let next = next.unwrap().unwrap();
            next.map(|answer| answer.status()).map_err(|s| s.code())
        };
        assert_eq!(next(&mut known).await, Ok(Serving));
        assert_eq!(next(&mut unknown).await, Ok(ServiceUnknown));
        health.set_ready(true);
        health.set_ready(false);
        assert_eq!(next(&mut known).await, Ok(NotServing));
        let silence = tokio::time::timeout(Duration::from_millis(50), unknown.next()).await;
        assert!(silence.is_err(), "it goes on, and has nothing new to say");
        health.set_ready(true);
        assert_eq!(next(&mut known).await, Ok(Serving));
        health.end();
        assert_eq!(next(&mut known).await, Ok(NotServing));
        for stream in [&mut known, &mut unknown] {
            assert_eq!(next(stream).await, Err(Code::Unavailable));
            assert!(stream.next().await.is_none());
        }
    }
}

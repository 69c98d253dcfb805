//! One plugin on a node of the lab, led frame by frame.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use portolan_dataplane::{Applied, Capabilities, NodeState, Plan};
use portolan_lab::Target::ClusterIp;
use portolan_lab::{Ask, Carried, Lab, Outcome, Plugin, Service, TRIES, Target};
use portolan_model::view::{View, ViewKey};
use portolan_model::{Name, Protocol};
use portolan_proto::node::v1 as wire;
use portolan_subscriber::testing::ServerState;
use tempfile::TempDir;
use tokio::time::Instant;
use wire::sync_response::Message as Frame;

use crate::capabilities::Declared;
use crate::foreign::STORE;
use crate::process::Place;
use crate::session::{DEADLINE, Session};
use crate::{Broken, Launch, Rule, words};

/// The node that trials run on, and a client of it.
const NODE: &str = "n1";
pub(crate) const CLIENT: &str = "b";
/// How long something that comes too late is waited for, to say so.
const LATE: Duration = Duration::from_secs(3);

/// In the place of plugins on all nodes of a lab that is there for its network: trials bring their own.
pub(crate) struct Bystander(pub(crate) Capabilities);

impl Plugin for Bystander {
    fn capabilities(&self) -> Capabilities {
        self.0.clone()
    }

    async fn carry(&mut self, _: &Name, _: &[(ViewKey, View)]) -> Carried {
        Carried {
            plan: Plan::default(),
            applied: Applied::default(),
        }
    }

    async fn observe(&mut self) -> NodeState {
        NodeState::new()
    }

    async fn drain(&mut self) {}

    async fn cleanup(&mut self) {}
}

/// A plugin that was started for one case.
pub(crate) struct Trial {
    pub(crate) lab: Arc<Lab<Bystander>>,
    pub(crate) declared: Declared,
    pub(crate) state: ServerState,
    pub(crate) session: Session,
    launch: Launch,
    place: Place,
    _dir: TempDir,
}

impl Trial {
    /// Starts the plugin and waits for its Hello.
    pub(crate) async fn start(
        lab: Arc<Lab<Bystander>>,
        launch: &Launch,
        declared: Option<&Declared>,
    ) -> Result<Self, Broken> {
        let dir = tempfile::tempdir().expect("a directory for what a plugin remembers");
        let place = Place {
            node: NODE.to_owned(),
            addresses: lab.network.node(NODE).addresses.clone(),
            zone: "east".to_owned(),
            dir: dir.path().to_owned(),
        };
        let (command, at) = (launch.clone(), place.clone());
        let starting = async move { Session::start(&command, &at).await };
        let started = lab.network.node(NODE).machine.spawn(starting).await;
        let session = started.expect("starting a plugin does not panic")?;
        let declared = match declared {
            Some(declared) => declared.clone(),
            None => Declared::of(&session.hello)?,
        };
        Ok(Self {
            lab,
            declared,
            state: ServerState::new(STORE),
            session,
            launch: launch.clone(),
            place,
            _dir: dir,
        })
    }

    /// Kills the plugin and starts it again on what it remembers.
    pub(crate) async fn restart(&mut self) -> Result<(), Broken> {
        self.session.process.kill();
        self.session.hang_up();
        let server = self.session.server_url();
        let (command, at) = (self.launch.clone(), self.place.clone());
        let machine = &self.lab.network.node(NODE).machine;
        let started = machine.spawn(async move { command.start(&at, &server) });
        let process = started.await.expect("starting a plugin does not panic");
        let failed = |error: std::io::Error| Broken::new(Rule::RestartAdopts, error.to_string());
        self.session.process = process.map_err(failed)?;
        self.session.opened(Rule::RestartAdopts).await
    }

    /// Answers a Hello with a snapshot of these Services, and waits until it is applied.
    pub(crate) async fn snapshot(&mut self, services: &[Service]) -> Result<(), Broken> {
        self.state.become_exactly(&self.lab.views(services));
        self.session.send(self.state.welcome_snapshot()).await;
        self.session.acked(self.state.revision).await
    }

    /// Leads to these Services by a Batch, and waits until it is applied.
    pub(crate) async fn change(&mut self, services: &[Service]) -> Result<(), Broken> {
        let batch = self.batch(services);
        self.session.send([Frame::Batch(batch)]).await;
        self.session.acked(self.state.revision).await
    }

    /// The Batch that leads to these Services.
    pub(crate) fn batch(&mut self, services: &[Service]) -> wire::Batch {
        self.state.become_exactly(&self.lab.views(services))
    }

    /// The stream ends, and the plugin opens the next one.
    pub(crate) async fn reconnect(&mut self, rule: Rule) -> Result<(), Broken> {
        self.session.hang_up();
        self.session.opened(rule).await
    }

    /// What the plugin has to resume from now, or else the rule is broken.
    pub(crate) fn resumes_here(&self, rule: Rule) -> Result<(), Broken> {
        let wanted = wire::Resume {
            store_id: self.state.store_id.as_bytes().to_vec(),
            revision: self.state.revision,
            digest: self.state.digest(),
        };
        let found = &self.session.hello.resume;
        if found.as_ref() == Some(&wanted) {
            return Ok(());
        }
        let why = format!(
            "Hello.resume should be {}; it is {}",
            words::resume(Some(&wanted)),
            words::resume(found.as_ref())
        );
        Err(Broken::new(rule, why))
    }

    /// Waits for a few heartbeats: whatever was sent before has been read by then.
    pub(crate) async fn a_while(&mut self) -> Result<(), Broken> {
        let until = Instant::now() + DEADLINE;
        let enough = self.session.told.heartbeats + 3;
        while self.session.told.heartbeats < enough {
            if self.session.receive(until).await? != Some(true) {
                let why = "heartbeat_ms of Welcome is 100, but heartbeats stay out";
                return Err(Broken::new(Rule::Heartbeat, why));
            }
        }
        Ok(())
    }

    /// The transport that Services are asked by.
    fn protocol(&self) -> Protocol {
        self.lab
            .protocols()
            .first()
            .copied()
            .unwrap_or(Protocol::Tcp)
    }

    /// What becomes of a question to a Service's virtual address.
    pub(crate) async fn asked(&self, service: &Service) -> Outcome {
        self.asked_at(service, ClusterIp).await
    }

    /// The same at another of its addresses.
    pub(crate) async fn asked_at(&self, service: &Service, target: Target) -> Outcome {
        let ask = Ask::new(self.lab.at(service, target), self.protocol()).briefly();
        let asking = self.lab.network.host(CLIENT).machine.spawn(ask.ask());
        asking.await.expect("asking does not panic")
    }

    /// A member answers at once, or else the rule is broken; if it answers later, the Ack came too early.
    pub(crate) async fn serves(
        &self,
        rule: Rule,
        service: &Service,
        by: &str,
    ) -> Result<(), Broken> {
        let wanted = format!("an answer by {by}");
        let fits = |outcome: &Outcome| matches!(outcome, Outcome::Answered(a) if a.by == by);
        self.is(rule, service, &wanted, fits).await
    }

    /// Nobody answers, likewise.
    pub(crate) async fn refuses(&self, rule: Rule, service: &Service) -> Result<(), Broken> {
        let fits = |outcome: &Outcome| !matches!(outcome, Outcome::Answered(_));
        self.is(rule, service, "no answer", fits).await
    }

    /// Everybody who answers, over enough tries to miss one of two equals hardly ever.
    pub(crate) async fn answering(&self, service: &Service) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for _ in 0..TRIES {
            if let Outcome::Answered(answer) = self.asked(service).await {
                found.insert(answer.by);
            }
        }
        found
    }

    async fn is(
        &self,
        rule: Rule,
        service: &Service,
        wanted: &str,
        fits: impl Fn(&Outcome) -> bool,
    ) -> Result<(), Broken> {
        let began = Instant::now();
        let first = self.asked(service).await;
        if fits(&first) {
            return Ok(());
        }
        let at = self.lab.at(service, ClusterIp);
        while began.elapsed() < LATE {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if fits(&self.asked(service).await) {
                let why = format!(
                    "revision {} was acknowledged before it was programmed: {wanted} from {at} \
                     was due with the Ack, it came {} ms later",
                    self.state.revision,
                    began.elapsed().as_millis()
                );
                return Err(Broken::new(Rule::AckAfter, why));
            }
        }
        let why = format!("{CLIENT} to {at}: {wanted} was due, it got {first}");
        Err(Broken::new(rule, why))
    }
}

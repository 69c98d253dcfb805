//! A plugin and the control plane that it follows, message by message.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portolan_proto::node::v1 as wire;
use portolan_subscriber::testing::{Connection, FakeServer};
use tokio::time::{Instant, timeout_at};
use wire::sync_request::Message as Incoming;
use wire::sync_response::Message as Frame;

use crate::process::{Place, Process};
use crate::told::Told;
use crate::{Broken, Launch, Rule, words};

/// Everything in here takes milliseconds; this is for machines that are busy with something else.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);

/// A plugin's process with the server that it was given.
pub(crate) struct Session {
    server: FakeServer,
    pub(crate) process: Process,
    stream: Option<Connection>,
    /// The Hello that the stream opened with.
    pub(crate) hello: wire::Hello,
    /// What the plugin has said on this stream.
    pub(crate) told: Told,
    /// The last digest that was sent, for people.
    digest: Mutex<String>,
}

impl Session {
    /// Starts a plugin on the machine whose thread polls this, and waits for its Hello.
    pub(crate) async fn start(launch: &Launch, place: &Place) -> Result<Self, Broken> {
        let server = FakeServer::start().await;
        let process = launch.start(place, &server.url());
        let process = process.map_err(|error| {
            let why = format!("the command can't be started: {error}");
            Broken::new(Rule::HelloFirst, why)
        })?;
        let mut session = Self {
            server,
            process,
            stream: None,
            hello: wire::Hello::default(),
            told: Told::default(),
            digest: Mutex::default(),
        };
        session.opened(Rule::HelloFirst).await?;
        Ok(session)
    }

    /// Where the plugin finds its server.
    pub(crate) fn server_url(&self) -> String {
        self.server.url()
    }

    /// Waits for the next stream and its Hello.
    pub(crate) async fn opened(&mut self, rule: Rule) -> Result<(), Broken> {
        let last = self.hello.session;
        let accepted = tokio::time::timeout(DEADLINE, self.server.accept()).await;
        let Ok(stream) = accepted else {
            let why = format!(
                "a stream that opens with a Hello was due, none came within {} s; the plugin said:\n{}",
                DEADLINE.as_secs(),
                self.process.said()
            );
            return Err(Broken::new(rule, why));
        };
        self.hello = stream.hello.clone();
        self.stream = Some(stream);
        self.told = Told::default();
        if self.hello.session <= last {
            let why = format!(
                "a session above {last} was due, it is {}",
                self.hello.session
            );
            return Err(Broken::new(Rule::HelloSession, why));
        }
        Ok(())
    }

    /// Ends the stream as a server does that is gone; it is opened again.
    pub(crate) fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Sends frames.
    pub(crate) async fn send(&self, frames: impl IntoIterator<Item = Frame>) {
        let frames: Vec<_> = frames.into_iter().collect();
        let sent = frames.iter().rev().find_map(|frame| match frame {
            Frame::SnapshotEnd(end) => Some(words::hex(&end.digest)),
            Frame::Bookmark(bookmark) => Some(words::hex(&bookmark.digest)),
            _ => None,
        });
        if let Some(digest) = sent {
            *self.digest.lock().unwrap_or_else(PoisonError::into_inner) = digest;
        }
        if let Some(stream) = &self.stream {
            stream.send(frames).await;
        }
    }

    /// Takes in one message; `false` if the plugin has left the stream.
    pub(crate) async fn receive(&mut self, until: Instant) -> Result<Option<bool>, Broken> {
        let Some(stream) = &mut self.stream else {
            return Ok(Some(false));
        };
        match timeout_at(until, stream.message()).await {
            Err(_) => Ok(None),
            Ok(None) => Ok(Some(false)),
            Ok(Some(message)) => self.take(message).map(|()| Some(true)),
        }
    }

    fn take(&mut self, message: Incoming) -> Result<(), Broken> {
        match message {
            Incoming::Hello(_) => {
                return Err(Broken::new(
                    Rule::HelloFirst,
                    "a second Hello on one stream",
                ));
            }
            Incoming::Ack(ack) => self.told.ack(ack)?,
            Incoming::Health(report) => self.told.reports.push(report),
            Incoming::Heartbeat(beat) => {
                self.told.heartbeats += 1;
                self.told.durable(beat.durable, beat.attempted)?;
            }
        }
        Ok(())
    }

    /// Waits until the plugin says that it has applied a revision.
    pub(crate) async fn acked(&mut self, revision: u64) -> Result<(), Broken> {
        self.acked_by(Rule::AckEvery, revision).await
    }

    /// The same where a missing Ack breaks another rule.
    pub(crate) async fn acked_by(&mut self, rule: Rule, revision: u64) -> Result<(), Broken> {
        let until = Instant::now() + DEADLINE;
        while self.told.attempted.is_none_or(|at| at < revision) {
            let why = match self.receive(until).await? {
                Some(true) => continue,
                Some(false) => format!("the plugin left the stream instead{}", self.sent_digest()),
                None => format!("none came within {} s", DEADLINE.as_secs()),
            };
            let why = format!(
                "an Ack of revision {revision} was due, and {why}; the plugin said:\n{}",
                self.process.said()
            );
            return Err(Broken::new(rule, why));
        }
        if self.told.attempted != Some(revision) {
            let why = format!(
                "an Ack of revision {revision} was due, the Ack names {}",
                self.told.attempted()
            );
            return Err(Broken::new(rule, why));
        }
        Ok(())
    }

    /// Waits until the plugin leaves the stream by itself and opens the next one.
    pub(crate) async fn left(&mut self, rule: Rule, because: &str) -> Result<(), Broken> {
        let before = self.told.attempted;
        let until = Instant::now() + DEADLINE;
        loop {
            match self.receive(until).await? {
                Some(false) => break,
                Some(true) if self.told.attempted == before => {}
                Some(true) => {
                    let why = format!(
                        "{because}: the stream has to be left, but revision {} was acknowledged",
                        self.told.attempted()
                    );
                    return Err(Broken::new(rule, why));
                }
                None => {
                    let why = format!("{because}: the stream has to be left, but it is still open");
                    return Err(Broken::new(rule, why));
                }
            }
        }
        self.opened(rule).await
    }
}

impl Session {
    /// Waits until the plugin has left the stream, without having acknowledged anything on it.
    pub(crate) async fn ends_without_ack(&mut self, rule: Rule) -> Result<(), Broken> {
        let until = Instant::now() + DEADLINE;
        loop {
            let received = self.receive(until).await?;
            self.silent(rule)?;
            match received {
                Some(true) => {}
                Some(false) => return Ok(()),
                None => {
                    return Err(Broken::new(
                        rule,
                        "the stream has to be left, but it is open",
                    ));
                }
            }
        }
    }

    /// Nothing was acknowledged on this stream.
    pub(crate) fn silent(&self, rule: Rule) -> Result<(), Broken> {
        match self.told.attempted {
            None | Some(0) => Ok(()),
            Some(revision) => {
                let why = format!("revision {revision} is acknowledged, which must not be applied");
                Err(Broken::new(rule, why))
            }
        }
    }
}

impl Session {
    /// Who computes digests otherwise leaves the stream at the first one.
    fn sent_digest(&self) -> String {
        let digest = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        if digest.is_empty() {
            return String::new();
        }
        format!(
            " (the last digest sent was {digest}; digest_vectors.json beside the guide has examples)"
        )
    }
}

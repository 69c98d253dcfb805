//! `get --watch`: what is there, then every change, across interruptions.

use std::error::Error;
use std::time::Duration;

use futures_util::StreamExt;
use portolan_proto::v1::WatchEventType;
use tonic::{Code, Status};

use super::Console;
use super::view::View;
use crate::client::{Client, Reached, WatchMessage};
use crate::failure::Failure;
use crate::object::Object;
use crate::target::Target;

/// The pause between attempts to resume is short at first, and grows.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A target that is followed.
pub(super) struct Watch<'a> {
    target: &'a Target,
    parent: String,
    view: View,
    /// Everything up to here was shown.
    reached: Reached,
    /// Collected until the initial state is complete, so that it is one table.
    initial: Option<Vec<Object>>,
    widths: Vec<usize>,
    /// Something came from the server: later interruptions are worth waiting for.
    began: bool,
}

impl<'a> Watch<'a> {
    pub(super) fn new(target: &'a Target, parent: String, view: View) -> Self {
        Self {
            target,
            parent,
            view,
            reached: Reached::default(),
            initial: Some(Vec::new()),
            widths: Vec::new(),
            began: false,
        }
    }

    /// Follows the target until it fails for good, or nobody reads any more.
    pub(super) async fn run(
        mut self,
        client: &Client,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.reached.revision;
            let status = self.follow(client, console).await?;
            match status.code() {
                // What happened in between is forgotten: begin again with what is there now.
                Code::OutOfRange if self.began => self.reached = Reached::default(),
                Code::Unavailable | Code::Aborted if self.began => {}
                // What has a source was made on this side: the connection broke, in whatever words.
                _ if self.began && status.source().is_some() => {}
                _ => return Err(client.failure(status)),
            }
            if self.reached.revision == 0 {
                self.initial = Some(Vec::new());
            }
            pause = if self.reached.revision > before {
                FIRST_PAUSE
            } else {
                (pause * 2).min(LONGEST_PAUSE)
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Follows the target until the connection ends, and says why it did.
    async fn follow(
        &mut self,
        client: &Client,
        console: &mut Console<'_>,
    ) -> Result<Status, Failure> {
        let parent = self.parent.clone();
        let stream = client.watch(self.target.kind, parent, &self.reached).await;
        let mut stream = match stream {
            Ok(stream) => stream,
            Err(status) => return Ok(status),
        };
        loop {
            match stream.next().await {
                Some(Ok(message)) => self.take(message, console)?,
                Some(Err(status)) => return Ok(status),
                None => return Ok(Status::unavailable("the server ended the watch")),
            }
        }
    }

    fn take(&mut self, message: WatchMessage, console: &mut Console<'_>) -> Result<(), Failure> {
        self.began = true;
        let names = &self.target.names;
        let wanted = |object: &Object| names.is_empty() || names.iter().any(|n| n == object.name());
        let object = message.object.filter(wanted);
        match (message.event, &mut self.initial) {
            (WatchEventType::Synced, initial) => {
                let objects = initial.take().unwrap_or_default();
                self.show(&objects, console)?;
            }
            (_, Some(initial)) => initial.extend(object),
            (_, None) => self.show(object.as_slice(), console)?,
        }
        // Only what completes a revision carries one.
        if message.reached.revision > 0 {
            self.reached = message.reached;
        }
        Ok(())
    }

    fn show(&mut self, objects: &[Object], console: &mut Console<'_>) -> Result<(), Failure> {
        if objects.is_empty() {
            return Ok(());
        }
        let header = self.view.is_table() && self.widths.is_empty();
        let text = self.view.render(objects, &mut self.widths, header);
        console.out.write_all(text.as_bytes())?;
        Ok(console.out.flush()?)
    }
}

//! `get --watch`: what is there, then every change, across interruptions.

use std::time::Duration;

use futures_util::StreamExt;
use portolan_proto::v1::WatchEventType;
use tonic::{Code, Status};

use super::Console;
use super::get::View;
use crate::client::{Change, Client};
use crate::failure::Failure;
use crate::kind::Target;
use crate::object::Object;

/// Between attempts to resume: soon at first, then gently.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Follows the target until it fails for good, or nobody reads any more.
pub(super) async fn run(
    client: &Client,
    target: &Target,
    parent: &str,
    view: &View,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut watch = Watch {
        target,
        view,
        revision: 0,
        initial: Some(Vec::new()),
        widths: Vec::new(),
        began: false,
    };
    let mut pause = FIRST_PAUSE;
    loop {
        let before = watch.revision;
        let status = match client
            .watch(target.kind, parent.to_owned(), watch.revision)
            .await
        {
            Ok(mut stream) => loop {
                match stream.next().await {
                    Some(Ok(change)) => watch.take(change, console)?,
                    Some(Err(status)) => break status,
                    None => break Status::unavailable("the server ended the watch"),
                }
            },
            Err(status) => status,
        };
        match status.code() {
            // What happened in between is forgotten: begin again with what is there now.
            Code::OutOfRange if watch.revision > 0 => {
                watch.revision = 0;
                watch.initial = Some(Vec::new());
            }
            Code::Unavailable | Code::Aborted if watch.began => {}
            _ => return Err(client.failure(status)),
        }
        pause = if watch.revision > before {
            FIRST_PAUSE
        } else {
            (pause * 2).min(LONGEST_PAUSE)
        };
        tokio::time::sleep(pause).await;
    }
}

struct Watch<'a> {
    target: &'a Target,
    view: &'a View,
    /// Everything up to here was shown.
    revision: u64,
    /// Collected until the initial state is complete, so that it is one table.
    initial: Option<Vec<Object>>,
    widths: Vec<usize>,
    /// Something came from the server: later interruptions are worth waiting for.
    began: bool,
}

impl Watch<'_> {
    fn take(&mut self, change: Change, console: &mut Console<'_>) -> Result<(), Failure> {
        self.began = true;
        let names = &self.target.names;
        let wanted = |object: &Object| names.is_empty() || names.iter().any(|n| n == object.name());
        let object = change.object.filter(wanted);
        match (change.event, &mut self.initial) {
            (WatchEventType::Synced, initial) => {
                let objects = initial.take().unwrap_or_default();
                self.show(&objects, console)?;
            }
            (_, Some(initial)) => initial.extend(object),
            (_, None) => self.show(object.as_slice(), console)?,
        }
        // A status-only event has no revision of its own, and before SYNCED nothing is complete.
        if self.initial.is_none() {
            self.revision = self.revision.max(change.revision);
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

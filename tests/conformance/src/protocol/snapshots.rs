//! Whole states.

use portolan_proto::node::v1 as wire;
use wire::sync_response::Message as Frame;

use super::service;
use crate::trial::Trial;
use crate::{Broken, Rule};

pub(super) async fn nothing_of_a_snapshot_counts_before_its_end(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let (web, kept) = (service(1, &["a"]), service(2, &["a"]));
    trial.snapshot(&[web.clone(), kept.clone()]).await?;
    trial.reconnect(Rule::SnapshotWhole).await?;
    // The state moves on: one Service has another member, the other one is gone.
    trial.batch(&[service(1, &["c"])]);
    let mut frames = trial.state.welcome_snapshot();
    let end = frames.pop().expect("a snapshot has an end");
    trial.session.send(frames).await;
    trial.a_while().await?;
    trial.serves(Rule::SnapshotWhole, &web, "a").await?;
    trial.serves(Rule::SnapshotWhole, &kept, "a").await?;
    trial.session.silent(Rule::SnapshotWhole)?;
    // Half a snapshot is nothing to go on from.
    trial.reconnect(Rule::SnapshotWhole).await?;
    trial.serves(Rule::SnapshotWhole, &web, "a").await?;
    let mut frames = trial.state.welcome_snapshot();
    frames.pop();
    frames.push(end);
    trial.session.send(frames).await;
    trial.session.acked(trial.state.revision).await?;
    trial.serves(Rule::SnapshotComplete, &web, "c").await?;
    trial.refuses(Rule::SnapshotComplete, &kept).await
}

pub(super) async fn what_is_not_in_a_snapshot_is_gone(trial: &mut Trial) -> Result<(), Broken> {
    let (gone, kept) = (service(1, &["a"]), service(2, &["c"]));
    trial.snapshot(&[gone.clone(), kept.clone()]).await?;
    trial.serves(Rule::AckAfter, &gone, "a").await?;
    for _ in 0..2 {
        trial.reconnect(Rule::SnapshotComplete).await?;
        trial.snapshot(std::slice::from_ref(&kept)).await?;
        trial.refuses(Rule::SnapshotComplete, &gone).await?;
        trial.serves(Rule::SnapshotComplete, &kept, "c").await?;
    }
    Ok(())
}

pub(super) async fn a_snapshot_with_a_wrong_digest_is_not_taken(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    trial.reconnect(Rule::SnapshotDigest).await?;
    trial.batch(&[]);
    let mut frames = trial.state.welcome_snapshot();
    if let Some(Frame::SnapshotEnd(end)) = frames.last_mut() {
        end.digest[0] ^= 1;
    }
    trial.session.send(frames).await;
    let because = "the digest at SnapshotEnd is not that of the objects";
    trial.session.left(Rule::SnapshotDigest, because).await?;
    trial.serves(Rule::SnapshotDigest, &web, "a").await?;
    if trial.session.hello.resume.is_some() {
        let why = "after a wrong digest the next Hello must not resume from anything";
        return Err(Broken::new(Rule::SnapshotDigest, why));
    }
    trial.snapshot(&[]).await?;
    trial.refuses(Rule::SnapshotComplete, &web).await
}

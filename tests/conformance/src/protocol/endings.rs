//! How streams end, and what is served without one.

use std::time::Duration;

use portolan_proto::node::v1 as wire;
use tokio::time::Instant;
use wire::sync_response::Message as Frame;

use super::service;
use crate::session::DEADLINE;
use crate::trial::Trial;
use crate::{Broken, Rule};

pub(super) async fn without_a_server_everything_stays(trial: &mut Trial) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    for _ in 0..3 {
        // Nobody answers its Hello.
        trial.reconnect(Rule::AwayKeeps).await?;
        trial.serves(Rule::AwayKeeps, &web, "a").await?;
    }
    trial.resumes_here(Rule::AwayKeeps)?;
    trial.session.send([trial.state.welcome_resume()]).await;
    trial.session.acked(trial.state.revision).await
}

/// Seven pauses drawn below 0.1 s, 0.2 s and so on come to less than this once in three million times.
const CALM: Duration = Duration::from_millis(300);

pub(super) async fn a_server_that_hangs_up_is_called_at_growing_intervals(
    trial: &mut Trial,
) -> Result<(), Broken> {
    const STREAMS: u32 = 7;
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    let began = Instant::now();
    for _ in 0..STREAMS {
        trial.reconnect(Rule::AwayKeeps).await?;
    }
    let took = began.elapsed();
    if took < CALM {
        let why = format!(
            "pauses that grow from 0.1 s were due between streams that fail, but {STREAMS} came within {} ms",
            took.as_millis()
        );
        return Err(Broken::new(Rule::AwayKeeps, why));
    }
    trial.resumes_here(Rule::AwayKeeps)?;
    trial.serves(Rule::AwayKeeps, &web, "a").await
}

pub(super) async fn a_restarted_plugin_serves_before_it_is_welcomed(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(&[]).await?;
    trial.change(std::slice::from_ref(&web)).await?;
    // What is not on the disk is not expected to be there.
    let until = Instant::now() + DEADLINE;
    while trial.session.told.durable < trial.state.revision {
        if trial.session.receive(until).await? != Some(true) {
            let why = "what was applied is never called durable, by an Ack or a heartbeat";
            return Err(Broken::new(Rule::AckDurable, why));
        }
    }
    trial.restart().await?;
    trial.serves(Rule::RestartAdopts, &web, "a").await?;
    trial.resumes_here(Rule::RestartAdopts)?;
    trial.session.send([trial.state.welcome_resume()]).await;
    trial.session.acked(trial.state.revision).await?;
    trial.change(&[]).await?;
    trial.refuses(Rule::RestartAdopts, &web).await
}

pub(super) async fn a_resync_is_followed_by_another_stream(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    let resync = wire::Resync {
        reason: wire::resync::Reason::Slow.into(),
    };
    trial.session.send([Frame::Resync(resync)]).await;
    let because = "the server sent a Resync";
    trial.session.left(Rule::Resync, because).await?;
    trial.resumes_here(Rule::Resync)?;
    trial.serves(Rule::Resync, &web, "a").await
}

pub(super) async fn a_drain_is_followed_after_its_pause(trial: &mut Trial) -> Result<(), Broken> {
    const PAUSE: Duration = Duration::from_secs(1);
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    let drain = wire::Drain {
        reconnect_after_ms: 1_000,
        spread_ms: 1,
    };
    let sent = Instant::now();
    trial.session.send([Frame::Drain(drain)]).await;
    let because = "the server sent a Drain";
    trial.session.left(Rule::Drain, because).await?;
    let paused = sent.elapsed();
    if paused < PAUSE {
        let why = format!(
            "reconnect_after_ms was 1000, but the plugin came back after {} ms",
            paused.as_millis()
        );
        return Err(Broken::new(Rule::Drain, why));
    }
    trial.serves(Rule::Drain, &web, "a").await
}

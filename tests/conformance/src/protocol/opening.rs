//! How streams begin.

use portolan_model::view::agreed_projection;
use portolan_subscriber::testing::ServerState;

use super::service;
use crate::capabilities::Declared;
use crate::trial::Trial;
use crate::{Broken, Rule};

pub(super) async fn a_stream_opens_with_a_hello(trial: &mut Trial) -> Result<(), Broken> {
    let hello = &trial.session.hello;
    Declared::of(hello)?;
    let described = hello.description.clone().unwrap_or_default();
    let primary = described.addresses.first().map(Vec::len);
    let is_well = [
        (
            hello.cluster == "default",
            "cluster is not PORTOLAN_CLUSTER",
        ),
        (hello.node == "n1", "node is not PORTOLAN_NODE"),
        (
            agreed_projection(hello.projection_version, hello.oldest_projection_version).is_some(),
            "projection_version is not one that servers speak",
        ),
        (hello.session > 0, "session is missing"),
        (
            matches!(primary, Some(4 | 16)),
            "description.addresses are not those of PORTOLAN_ADDRESSES, 4 or 16 bytes each",
        ),
        (
            !described.dataplane.is_empty(),
            "description.dataplane is missing",
        ),
    ];
    if let Some((_, why)) = is_well.into_iter().find(|(is, _)| !is) {
        return Err(Broken::new(Rule::HelloFirst, why));
    }
    if hello.resume.is_some() {
        let why = "the plugin holds nothing yet, but resumes from something";
        return Err(Broken::new(Rule::HelloResume, why));
    }
    trial.snapshot(&[]).await
}

pub(super) async fn sessions_grow_across_streams_and_restarts(
    trial: &mut Trial,
) -> Result<(), Broken> {
    // Opening a stream compares its session with the last one.
    for _ in 0..2 {
        trial.snapshot(&[]).await?;
        trial.reconnect(Rule::HelloSession).await?;
        trial.snapshot(&[]).await?;
        trial.restart().await?;
    }
    Ok(())
}

pub(super) async fn a_stream_goes_on_from_what_is_held(trial: &mut Trial) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(&[]).await?;
    trial.change(std::slice::from_ref(&web)).await?;
    trial.reconnect(Rule::HelloResume).await?;
    trial.resumes_here(Rule::HelloResume)?;
    trial.session.send([trial.state.welcome_resume()]).await;
    let revision = trial.state.revision;
    trial
        .session
        .acked_by(Rule::WelcomeResume, revision)
        .await?;
    trial.serves(Rule::WelcomeResume, &web, "a").await?;
    trial.change(&[service(1, &["c"])]).await?;
    trial.serves(Rule::WelcomeResume, &web, "c").await
}

pub(super) async fn another_store_is_not_taken_for_the_own_one(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    trial.reconnect(Rule::WelcomeStore).await?;
    let mut other = ServerState::new(1);
    other.become_exactly(&trial.lab.views(&[]));
    trial.session.send(other.welcome_snapshot()).await;
    trial.session.ends_without_ack(Rule::WelcomeStore).await?;
    trial.serves(Rule::WelcomeStore, &web, "a").await
}

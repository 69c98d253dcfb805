//! Batches and bookmarks.

use portolan_model::Uid;
use portolan_model::view::View;
use portolan_proto::node::v1 as wire;
use wire::sync_response::Message as Frame;

use super::service;
use crate::trial::Trial;
use crate::{Broken, Rule};

/// A kind that no release knows yet.
const LATER_KIND: i32 = 99;

pub(super) async fn batches_lead_from_state_to_state(trial: &mut Trial) -> Result<(), Broken> {
    let (web, other) = (service(1, &["a"]), service(2, &["a"]));
    trial.snapshot(&[]).await?;
    trial.refuses(Rule::ForwardEmpty, &web).await?;
    trial.change(std::slice::from_ref(&web)).await?;
    trial.serves(Rule::BatchValues, &web, "a").await?;
    trial.change(&[service(1, &["c"]), other.clone()]).await?;
    trial.serves(Rule::BatchValues, &web, "c").await?;
    trial.serves(Rule::BatchValues, &other, "a").await?;
    trial.change(&[service(1, &[]), other.clone()]).await?;
    trial.refuses(Rule::BatchValues, &web).await?;
    trial.change(&[web.clone(), other.clone()]).await?;
    trial.serves(Rule::BatchValues, &web, "a").await?;
    trial.change(std::slice::from_ref(&web)).await?;
    trial.refuses(Rule::BatchValues, &other).await?;
    trial.serves(Rule::BatchValues, &web, "a").await?;
    trial.change(&[]).await?;
    trial.refuses(Rule::BatchValues, &web).await
}

pub(super) async fn batches_in_one_go_are_all_applied(trial: &mut Trial) -> Result<(), Broken> {
    trial.snapshot(&[]).await?;
    let mut services = Vec::new();
    let mut frames = Vec::new();
    for n in 1..=6 {
        services.push(service(n, &["a"]));
        frames.push(Frame::Batch(trial.batch(&services)));
    }
    trial.session.send(frames).await;
    trial.session.acked(trial.state.revision).await?;
    for each in &services {
        trial.serves(Rule::AckEvery, each, "a").await?;
    }
    trial.reconnect(Rule::HelloResume).await?;
    trial.resumes_here(Rule::HelloResume)
}

pub(super) async fn parts_of_a_batch_wait_for_the_rest(trial: &mut Trial) -> Result<(), Broken> {
    let (gone, web) = (service(1, &["a"]), service(2, &["a"]));
    trial.snapshot(std::slice::from_ref(&gone)).await?;
    let whole = trial.batch(std::slice::from_ref(&web));
    let first = wire::Batch {
        more: true,
        objects: Vec::new(),
        ..whole.clone()
    };
    let rest = wire::Batch {
        removed: Vec::new(),
        ..whole
    };
    trial.session.send([Frame::Batch(first)]).await;
    trial.a_while().await?;
    trial.serves(Rule::BatchMore, &gone, "a").await?;
    trial.session.send([Frame::Batch(rest)]).await;
    trial.session.acked(trial.state.revision).await?;
    trial.refuses(Rule::BatchMore, &gone).await?;
    trial.serves(Rule::BatchMore, &web, "a").await
}

pub(super) async fn what_is_held_already_is_skipped_and_overlap_is_harmless(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["c"]);
    trial.snapshot(&[]).await?;
    let old = trial.batch(&[service(1, &["a"])]);
    trial.session.send([Frame::Batch(old.clone())]).await;
    trial.session.acked(trial.state.revision).await?;
    trial.change(std::slice::from_ref(&web)).await?;
    trial.session.send([Frame::Batch(old.clone())]).await;
    trial.a_while().await?;
    trial.serves(Rule::BatchOverlap, &web, "c").await?;
    // The same values again, cut differently: from before what is held to beyond it.
    let mut next = trial.batch(&[web.clone(), service(2, &["a"])]);
    next.from_revision = old.from_revision;
    trial.session.send([Frame::Batch(next)]).await;
    let revision = trial.state.revision;
    trial.session.acked_by(Rule::BatchOverlap, revision).await?;
    trial.serves(Rule::BatchOverlap, &web, "c").await?;
    trial
        .serves(Rule::BatchOverlap, &service(2, &[]), "a")
        .await
}

pub(super) async fn a_gap_is_noticed(trial: &mut Trial) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    let held = trial.state.clone();
    trial.batch(&[web.clone(), service(2, &["a"])]);
    let late = trial.batch(&[web.clone(), service(2, &["a"]), service(3, &["a"])]);
    trial.session.send([Frame::Batch(late)]).await;
    let because = "the Batch starts after what is held";
    trial.session.left(Rule::BatchGap, because).await?;
    let now = std::mem::replace(&mut trial.state, held);
    trial.resumes_here(Rule::BatchGap)?;
    trial.serves(Rule::BatchGap, &web, "a").await?;
    trial.state = now;
    trial.session.send(trial.state.welcome_snapshot()).await;
    trial.session.acked(trial.state.revision).await?;
    trial
        .serves(Rule::SnapshotComplete, &service(3, &[]), "a")
        .await
}

pub(super) async fn a_bookmark_with_another_digest_is_noticed(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    let mut wrong = trial.state.bookmark();
    if let Frame::Bookmark(bookmark) = &mut wrong {
        bookmark.digest[0] ^= 1;
    }
    trial.session.send([wrong]).await;
    let because = "the Bookmark has another digest than what is held";
    trial.session.left(Rule::BookmarkDigest, because).await?;
    trial.serves(Rule::BookmarkDigest, &web, "a").await?;
    if trial.session.hello.resume.is_some() {
        let why = "after a wrong digest the next Hello must not resume from anything";
        return Err(Broken::new(Rule::BookmarkDigest, why));
    }
    trial.snapshot(&[service(1, &["c"])]).await?;
    trial.serves(Rule::SnapshotComplete, &web, "c").await
}

pub(super) async fn a_bookmark_moves_the_revision(trial: &mut Trial) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    trial.session.send([trial.state.bookmark()]).await;
    trial.state.revision += 3;
    trial.session.send([trial.state.bookmark()]).await;
    let revision = trial.state.revision;
    trial
        .session
        .acked_by(Rule::BookmarkRevision, revision)
        .await?;
    trial.change(&[service(1, &["c"])]).await?;
    trial.serves(Rule::BookmarkRevision, &web, "c").await?;
    trial.reconnect(Rule::HelloResume).await?;
    trial.resumes_here(Rule::BookmarkRevision)
}

pub(super) async fn kinds_of_later_releases_count_in_the_digest(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    let later = trial
        .state
        .put_body(LATER_KIND, Uid::from_random(7), &b"whatever"[..]);
    trial.session.send([later]).await;
    let revision = trial.state.revision;
    trial.session.acked_by(Rule::UnknownKinds, revision).await?;
    trial.reconnect(Rule::UnknownKinds).await?;
    trial.resumes_here(Rule::UnknownKinds)?;
    // Also as a part of a snapshot; `change` removes it again.
    trial.session.send(trial.state.welcome_snapshot()).await;
    trial.session.acked_by(Rule::UnknownKinds, revision).await?;
    trial.change(&[service(1, &["c"])]).await?;
    trial.serves(Rule::UnknownKinds, &web, "c").await?;
    trial.reconnect(Rule::UnknownKinds).await?;
    trial.resumes_here(Rule::UnknownKinds)
}

pub(super) async fn hints_are_followed_while_they_are_valid(
    trial: &mut Trial,
) -> Result<(), Broken> {
    // `a` and `c` are equals; hints, not places, say whom this node prefers.
    let web = service(1, &["a", "c"]);
    trial.snapshot(std::slice::from_ref(&web)).await?;
    for (zones, valid, whom) in [
        (["west", "east"], true, &["c"][..]),
        (["east", "west"], true, &["a"][..]),
        (["east", "west"], false, &["a", "c"][..]),
        (["west", "west"], true, &["a", "c"][..]),
    ] {
        let mut views = trial.lab.views(std::slice::from_ref(&web));
        for (_, view) in &mut views {
            hint(view, zones, valid);
        }
        let batch = trial.state.become_exactly(&views);
        trial.session.send([Frame::Batch(batch)]).await;
        trial.session.acked(trial.state.revision).await?;
        let found = trial.answering(&web).await;
        if !found.iter().map(String::as_str).eq(whom.iter().copied()) {
            let why = format!(
                "zone hints of a and c are {} and {}, zone_hints_valid is {valid}: in zone east {} should answer, it was {}",
                zones[0],
                zones[1],
                whom.join(" and "),
                Vec::from_iter(found).join(" and ")
            );
            return Err(Broken::new(Rule::ForwardHints, why));
        }
    }
    Ok(())
}

/// Endpoints on `n1` get the first hint, others the second.
fn hint(view: &mut View, zones: [&str; 2], valid: bool) {
    match view {
        View::Service(service) => {
            for frontend in &mut service.frontends {
                frontend.zone_hints_valid = valid;
            }
        }
        View::Endpoint(endpoint) => {
            let here = endpoint.node.as_ref().is_some_and(|n| n.as_str() == "n1");
            endpoint.zone_hints = vec![zones[usize::from(!here)].to_owned()];
        }
        _ => {}
    }
}

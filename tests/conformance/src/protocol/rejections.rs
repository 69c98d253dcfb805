//! What is beyond a plugin.

use portolan_lab::Target::{self, ClusterIp, LoadBalancer};
use portolan_lab::{Outcome, Service, ready};
use portolan_model::Protocol;

use super::service;
use crate::trial::Trial;
use crate::{Broken, Rule, words};

pub(super) async fn what_can_not_be_carried_is_listed_and_the_rest_is_carried(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let web = service(1, &["a"]);
    let beyond = if trial.declared.can.affinity {
        service(2, &["a"]).only(Protocol::Sctp)
    } else {
        service(2, &["a"]).affine(60)
    };
    trial.snapshot(&[web.clone(), beyond.clone()]).await?;
    listed(trial, &beyond)?;
    trial.serves(Rule::AckRejected, &web, "a").await?;
    // A new stream knows nothing: its first Ack lists everything.
    trial.reconnect(Rule::AckRejected).await?;
    trial.session.send([trial.state.welcome_resume()]).await;
    trial.session.acked(trial.state.revision).await?;
    listed(trial, &beyond)?;
    trial.change(std::slice::from_ref(&web)).await?;
    trial.a_while().await?;
    if trial.session.told.rejected.is_empty() {
        return Ok(());
    }
    let why = "a Service that is gone is no longer rejected: Ack.cleared has to name it";
    Err(Broken::new(Rule::AckRejected, why))
}

fn listed(trial: &Trial, beyond: &Service) -> Result<(), Broken> {
    let rejected = &trial.session.told.rejected;
    let code = rejected.get(&beyond.uid()).map(|r| r.code.as_str());
    if code == Some("UNSUPPORTED_FEATURE") && rejected.len() == 1 {
        return Ok(());
    }
    let listed: Vec<_> = rejected.values().map(words::rejection).collect();
    let why = format!(
        "KIND_SERVICE {} alone should be rejected as UNSUPPORTED_FEATURE, since it needs more than is declared; \
         rejected is {}",
        words::hex(beyond.uid().as_bytes()),
        if rejected.is_empty() {
            "nothing".to_owned()
        } else {
            listed.join(", ")
        }
    );
    Err(Broken::new(Rule::AckRejected, why))
}

/// An address that is open to all must not stay open when it is to be closed to some, and not kept from clients by
/// what a plugin does otherwise.
pub(super) async fn what_grows_beyond_the_plugin_is_closed(
    trial: &mut Trial,
) -> Result<(), Broken> {
    let open = Service::external(1, &[ready("a")]);
    let (beyond, target) = if trial.declared.can.source_ranges {
        (open.clone().affine(60), ClusterIp)
    } else {
        let nobody = "192.0.2.0/24".parse().expect("a range");
        (open.clone().only_from(&[nobody]), LoadBalancer)
    };
    trial.snapshot(std::slice::from_ref(&open)).await?;
    answers(trial, &open, target, true).await?;
    trial.change(std::slice::from_ref(&beyond)).await?;
    listed(trial, &beyond)?;
    answers(trial, &beyond, target, false).await?;
    if target == LoadBalancer {
        // Source ranges are about that frontend alone: the others are carried as before.
        answers(trial, &beyond, ClusterIp, true).await?;
    }
    trial.change(std::slice::from_ref(&open)).await?;
    answers(trial, &open, target, true).await
}

async fn answers(
    trial: &Trial,
    service: &Service,
    target: Target,
    due: bool,
) -> Result<(), Broken> {
    let outcome = trial.asked_at(service, target).await;
    if matches!(outcome, Outcome::Answered(_)) == due {
        return Ok(());
    }
    let at = trial.lab.at(service, target);
    let why = if due {
        format!("{at}: an answer was due, it got {outcome}")
    } else {
        format!(
            "{at}: this frontend needs more than is declared, so its older version has to go: no answer was due, \
             it got {outcome}"
        )
    };
    Err(Broken::new(Rule::AckRejected, why))
}

//! D6: UDP sessions beside nginx.
//!
//! ```text
//! clients --UDP--> relay (ours, nginx; a process each) --UDP--> backend
//!    '------------------ floor: the direct path -----------------'
//! ```
//! nginx runs twice: for questions from new ports it forgets a session with its answer (`proxy_responses 1`), which is what
//! makes it fast there.

mod load;

use anyhow::Context;
use portolan_model::Protocol;

use crate::machine::{Facts, cpu_ms};
use crate::relays::{Kind, Plan, Relay};
use crate::report::{Cell, Target};
use crate::round::{Party, Round, Rounds, turns};
use load::{Backend, float, questions, sessions};

const CLIENTS: usize = 64;
const SENDERS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Measure {
    Sessions,
    Questions,
    Bulk,
}

const MEASURES: [(Measure, &str, &str); 3] = [
    (Measure::Sessions, "sessions", "sessions"),
    (Measure::Questions, "small datagrams", "answers"),
    (Measure::Bulk, "packets of QUIC's size", "datagrams"),
];

/// Measures every cell.
pub(crate) async fn run(plan: Plan, facts: &mut Facts) -> anyhow::Result<Vec<Cell>> {
    Kind::Nginx.describe(facts)?;
    facts.insert("clients".to_owned(), CLIENTS.to_string());
    facts.insert("senders_of_packets".to_owned(), SENDERS.to_string());
    let backend = Backend::start()?;
    let mut cells = Vec::new();
    for (measure, name, of) in MEASURES {
        let (mut rates, mut costs) = (Rounds::default(), Rounds::default());
        for round in 0..plan.rounds {
            let (rate, cost) = one(measure, round, plan, &backend).await?;
            eprintln!("round {round}, {name}: {rate:.1?}, {cost:.2?}");
            rates.0.push(rate);
            costs.0.push(cost);
        }
        cells.push(cell(name, of, rates, true));
        cells.push(cell(&format!("{name}, processor time"), of, costs, false));
    }
    Ok(cells)
}

/// One round: a second's worth, and microseconds of processor time of each.
async fn one(
    measure: Measure,
    round: usize,
    plan: Plan,
    backend: &Backend,
) -> anyhow::Result<(Round, Round)> {
    let (mut rate, mut cost) = (Round::default(), Round::default());
    for party in turns(round) {
        let (each, spent) = load(measure, party, plan, backend).await?;
        match party {
            Party::Ours => (rate.ours, cost.ours) = (each, spent),
            Party::Floor => (rate.floor, cost.floor) = (each, spent),
            Party::Peer => (rate.peer, cost.peer) = (Some(each), Some(spent)),
        }
    }
    Ok((rate, cost))
}

async fn load(
    measure: Measure,
    party: Party,
    plan: Plan,
    backend: &Backend,
) -> anyhow::Result<(f64, f64)> {
    let kind = match (party, measure) {
        (Party::Floor, _) => None,
        (Party::Ours, _) => Some(Kind::Ours),
        (Party::Peer, Measure::Sessions) => Some(Kind::NginxOnce),
        (Party::Peer, _) => Some(Kind::Nginx),
    };
    let relay = kind
        .map(|kind| Relay::start(kind, Protocol::Udp, backend.at))
        .transpose()?;
    let to = relay.as_ref().map_or(backend.at, |relay| relay.at);
    let cpu = || {
        let own = || cpu_ms(std::process::id()).unwrap_or_default();
        relay.as_ref().map_or_else(own, Relay::cpu_ms)
    };
    let before = cpu();
    let rate = match measure {
        Measure::Sessions => sessions(to, CLIENTS, plan.length).await,
        Measure::Questions => questions(to, CLIENTS, plan.length).await,
        Measure::Bulk => backend.bulk(to, SENDERS, plan.length).await,
    };
    let rate = rate.with_context(|| format!("{measure:?} of {party:?}"))?;
    let each = float(cpu() - before) * 1e3 / (rate * plan.length.as_secs_f64());
    Ok((rate, each))
}

fn cell(name: &str, of: &str, rounds: Rounds, more_is_better: bool) -> Cell {
    let verdict = rounds.verdict();
    let ratio = verdict.ratio_to_peer.unwrap_or(f64::NAN);
    let target = |text: &str, reached| Target {
        text: text.to_owned(),
        reached,
    };
    Cell {
        name: format!("{name} ({of})"),
        unit: if more_is_better { "1/s" } else { "µs" },
        verdict,
        details: Vec::new(),
        targets: if more_is_better {
            vec![target("≥ 3× the peer", ratio >= 3.0)]
        } else {
            Vec::new()
        },
    }
}

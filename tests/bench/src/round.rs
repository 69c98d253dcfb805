//! Rounds: ours, the floor and the peer in turns, and which rounds count.

use serde::Serialize;

use crate::stats::{Spread, median};

/// A floor that moved further from the median of all rounds tells that the machine was busy with something else.
const FLOOR_MOVES: f64 = 0.15;

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Ours,
    Floor,
    Peer,
}

/// Everybody, in an order that turns round with every round: whoever comes first meets another machine.
pub(crate) fn turns(round: usize) -> [Party; 3] {
    let mut turns = [Party::Ours, Party::Floor, Party::Peer];
    if round % 2 == 1 {
        turns.reverse();
    }
    turns
}

/// What one round measured.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Round {
    pub(crate) ours: f64,
    pub(crate) floor: f64,
    pub(crate) peer: Option<f64>,
}

/// The rounds of one cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(pub(crate) Vec<Round>);

/// What the rounds that count say.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) ours: Spread,
    pub(crate) floor: Spread,
    pub(crate) peer: Option<Spread>,
    /// Medians of the rounds' own ratios.
    pub(crate) ratio_to_floor: f64,
    pub(crate) ratio_to_peer: Option<f64>,
    /// Rounds that do not count, because their floor had moved.
    pub(crate) discarded: usize,
    /// All rounds, as they were measured.
    pub(crate) rounds: Vec<Round>,
}

impl Rounds {
    /// Of at least one round.
    pub(crate) fn verdict(self) -> Verdict {
        let usual = median(&self.floors());
        let counted: Vec<Round> = self
            .0
            .iter()
            .copied()
            .filter(|round| (round.floor / usual - 1.0).abs() <= FLOOR_MOVES)
            .collect();
        // Of an even number of rounds both in the middle may be far from the mean between them.
        let counted = if counted.is_empty() {
            self.0.clone()
        } else {
            counted
        };
        let column = |value: fn(&Round) -> f64| counted.iter().map(value).collect::<Vec<_>>();
        // A peer that takes minutes is not measured in every round.
        let peers: Vec<f64> = counted.iter().filter_map(|round| round.peer).collect();
        let to_peer = counted
            .iter()
            .filter_map(|round| Some(round.ours / round.peer?));
        let to_peer: Vec<f64> = to_peer.collect();
        Verdict {
            ours: Spread::of(&column(|round| round.ours)),
            floor: Spread::of(&column(|round| round.floor)),
            peer: (!peers.is_empty()).then(|| Spread::of(&peers)),
            ratio_to_floor: median(&column(|round| round.ours / round.floor)),
            ratio_to_peer: (!to_peer.is_empty()).then(|| median(&to_peer)),
            discarded: self.0.len() - counted.len(),
            rounds: self.0,
        }
    }

    fn floors(&self) -> Vec<f64> {
        self.0.iter().map(|round| round.floor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_have_fewer_rounds() {
        let round = |ours, peer| Round {
            ours,
            floor: 10.0,
            peer,
        };
        let verdict = Rounds(vec![round(50.0, None), round(60.0, Some(120.0))]).verdict();
        assert!((verdict.ratio_to_peer.unwrap() - 0.5).abs() < f64::EPSILON);
        assert!((verdict.ours.median - 55.0).abs() < f64::EPSILON);
        let verdict = Rounds(vec![round(50.0, None)]).verdict();
        assert!(verdict.peer.is_none() && verdict.ratio_to_peer.is_none());
    }

    #[test]
    fn a_round_whose_floor_moved_is_counted_out() {
        let round = |ours, floor| Round {
            ours,
            floor,
            peer: Some(100.0),
        };
        let rounds = Rounds(vec![
            round(50.0, 10.0),
            round(52.0, 10.5),
            round(500.0, 12.0),
        ]);
        let verdict = rounds.verdict();
        assert_eq!(verdict.discarded, 0, "12 is within 15 % of 10.5");
        let rounds = Rounds(vec![
            round(50.0, 10.0),
            round(52.0, 10.5),
            round(500.0, 13.0),
        ]);
        let verdict = rounds.verdict();
        assert_eq!((verdict.discarded, verdict.rounds.len()), (1, 3));
        assert!((verdict.ours.most - 52.0).abs() < f64::EPSILON);
        assert!((verdict.ratio_to_peer.unwrap() - 0.51).abs() < 1e-9);
    }
}

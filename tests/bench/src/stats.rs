//! Medians and percentiles.

use serde::Serialize;

/// The middle of some rounds, and how far apart they were.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: &[f64]) -> Self {
        Self {
            median: median(values),
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

/// The middle value; the mean of the two in the middle of an even number.
pub(crate) fn median(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// The smallest value that at least `percent` of all do not exceed ("nearest rank").
pub(crate) fn percentile(values: &[f64], percent: usize) -> f64 {
    let rank = (values.len() * percent).div_ceil(100).max(1);
    sorted(values)[rank - 1]
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let rows = [("p50", 50, 100.0), ("p99", 99, 198.0), ("max", 100, 200.0)];
        for (name, percent, expected) in rows {
            assert!(
                (percentile(&values, percent) - expected).abs() < f64::EPSILON,
                "{name}"
            );
        }
    }

    #[test]
    fn one_value_is_its_own_middle_and_spread() {
        let spread = Spread::of(&[3.0]);
        for value in [
            spread.median,
            spread.least,
            spread.most,
            percentile(&[3.0], 99),
        ] {
            assert!((value - 3.0).abs() < f64::EPSILON);
        }
    }
}

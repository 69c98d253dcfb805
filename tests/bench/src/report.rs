//! The table and the JSON.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::machine::{Facts, Machine};
use crate::round::Verdict;
use crate::stats::Spread;

/// Of fewer rounds than this nothing is concluded.
const ENOUGH: usize = 7;

/// One run of one benchmark.
#[derive(Serialize)]
pub(crate) struct Report {
    id: String,
    command: String,
    machine: Machine,
    pub(crate) facts: Facts,
    rounds: usize,
    pub(crate) cells: Vec<Cell>,
}

/// One thing that was measured.
#[derive(Serialize)]
pub(crate) struct Cell {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    /// Besides: percentiles, memory.
    pub(crate) details: Vec<(String, f64)>,
    pub(crate) targets: Vec<Target>,
}

/// A figure to reach.
#[derive(Serialize)]
pub(crate) struct Target {
    pub(crate) text: String,
    pub(crate) reached: bool,
}

impl Report {
    pub(crate) fn begin(id: &str, rounds: usize) -> Self {
        let mut command: Vec<_> = std::env::args().collect();
        "cargo run --release -p portolan-bench --".clone_into(&mut command[0]);
        Self {
            id: id.to_owned(),
            command: command.join(" "),
            machine: Machine::look(),
            facts: Facts::new(),
            rounds,
            cells: Vec::new(),
        }
    }

    /// Prints it, and keeps it if it has enough rounds.
    pub(crate) fn finish(&self) -> anyhow::Result<()> {
        self.print();
        if self.rounds < ENOUGH {
            println!("\nfewer than {ENOUGH} rounds: nothing is written");
            return Ok(());
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}.json", self.id));
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        println!("\n{}", path.display());
        Ok(())
    }

    fn print(&self) {
        println!("{}: {}", self.id, self.command);
        println!(
            "{}",
            serde_json::to_string(&self.machine).unwrap_or_default()
        );
        println!(
            "{}\n",
            serde_json::to_string(&self.facts).unwrap_or_default()
        );
        println!(
            "| | unit | ours | floor | peer | to floor | to peer | discarded | besides | target |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for cell in &self.cells {
            println!("{}", cell.line());
        }
    }
}

impl Cell {
    fn line(&self) -> String {
        let Self {
            name,
            unit,
            verdict,
            details,
            targets,
        } = self;
        let Verdict {
            ours,
            floor,
            peer,
            ratio_to_floor,
            ratio_to_peer,
            discarded,
            rounds,
        } = verdict;
        let spread = |spread: &Spread| {
            format!(
                "{} ({}–{})",
                figure(spread.median),
                figure(spread.least),
                figure(spread.most)
            )
        };
        let peer = peer.as_ref().map_or_else(|| "–".to_owned(), spread);
        let to_peer = ratio_to_peer.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}×"));
        let details: Vec<_> = details
            .iter()
            .map(|(name, value)| format!("{name} {}", figure(*value)))
            .collect();
        let targets: Vec<_> = targets
            .iter()
            .map(|target| {
                format!(
                    "{}: {}",
                    target.text,
                    if target.reached { "reached" } else { "missed" }
                )
            })
            .collect();
        format!(
            "| {name} | {unit} | {} | {} | {peer} | {ratio_to_floor:.2}× | {to_peer} | {discarded} of {} | {} | {} |",
            spread(ours),
            spread(floor),
            rounds.len(),
            details.join(", "),
            targets.join(", "),
        )
    }
}

/// Three digits at least.
pub(crate) fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

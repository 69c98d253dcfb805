//! The README's table, from the results that are kept.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::report::figure;

/// In the order of the table.
pub(crate) const IDS: [&str; 16] = [
    "S1",
    "S1-node-ports",
    "S2",
    "S3",
    "S4",
    "C1",
    "C4",
    "O1",
    "P1",
    "P2",
    "P3",
    "P4",
    "D1",
    "E1",
    "D5",
    "D6",
];
/// Around the table in the README.
const BEGIN: &str = "<!-- portolan-bench report: begin -->\n";
const END: &str = "<!-- portolan-bench report: end -->\n";

/// A result, as far as the table shows it.
#[derive(Deserialize)]
struct Kept {
    machine: Machine,
    rounds: usize,
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Machine {
    kernel: String,
    cpus: usize,
    memory_mib: u64,
}

#[derive(Deserialize)]
struct Cell {
    name: String,
    unit: String,
    ours: Median,
    floor: Median,
    peer: Option<Median>,
    ratio_to_floor: f64,
    ratio_to_peer: Option<f64>,
    details: Vec<(String, f64)>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Median {
    median: f64,
}

#[derive(Deserialize)]
struct Target {
    text: String,
    reached: bool,
}

/// Writes the table into the README, from the JSON beside it.
pub(crate) fn write() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = folder.join("README.md");
    let readme = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let (before, rest) = readme.split_once(BEGIN).context("README.md: no table")?;
    let (_, after) = rest.split_once(END).context("README.md: no table's end")?;
    let table = table(&folder.join("results"))?;
    std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}"))?;
    println!("{}", path.display());
    Ok(())
}

fn table(results: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for id in IDS {
        let path = results.join(format!("{id}.json"));
        // What was never measured in full has no line.
        if !path.exists() {
            continue;
        }
        let kept = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let kept: Kept =
            serde_json::from_slice(&kept).with_context(|| path.display().to_string())?;
        if text.is_empty() {
            text = heading(&kept);
        }
        for cell in &kept.cells {
            writeln!(text, "| {id} | {}", cell.line())?;
        }
    }
    Ok(text)
}

fn heading(kept: &Kept) -> String {
    let Machine {
        kernel,
        cpus,
        memory_mib,
    } = &kept.machine;
    format!(
        "{cpus} cores, {} GiB, Linux {kernel}; medians of {} rounds.\n\n\
         | id | cell | ours | floor | peer | to the peer | to the floor | besides | target |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        memory_mib.div_ceil(1024),
        kept.rounds
    )
}

impl Cell {
    fn line(&self) -> String {
        let dash = || "–".to_owned();
        let peer = self.peer.as_ref().map(|peer| figure(peer.median));
        let to_peer = self.ratio_to_peer.map(|ratio| format!("{ratio:.2}×"));
        let details = self.details.iter();
        let details: Vec<_> = details
            .map(|(name, value)| format!("{name} {}", figure(*value)))
            .collect();
        let targets: Vec<_> = self.targets.iter().map(Target::said).collect();
        format!(
            "{}: {} | {} | {} | {} | {} | {:.2}× | {} | {} |",
            self.name,
            self.unit,
            figure(self.ours.median),
            figure(self.floor.median),
            peer.unwrap_or_else(dash),
            to_peer.unwrap_or_else(dash),
            self.ratio_to_floor,
            details.join(", "),
            targets.join("; "),
        )
    }
}

impl Target {
    fn said(&self) -> String {
        let word = if self.reached {
            "reached"
        } else {
            "**missed**"
        };
        format!("{}: {word}", self.text)
    }
}

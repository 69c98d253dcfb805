//! What is said of documents before anything is done with them.

use super::Console;
use crate::failure::Failure;
use crate::manifest::{Manifest, Reading};

/// What is left of documents to be worked with.
pub(super) struct Report {
    pub(super) manifests: Vec<Manifest>,
    /// Something was refused.
    pub(super) failed: bool,
    /// Something was not used.
    pub(super) ignored: bool,
}

/// Prints what can't or need not be applied, and keeps the rest.
pub(super) fn report(readings: Vec<Reading>, console: &mut Console<'_>) -> Result<Report, Failure> {
    let mut manifests = Vec::new();
    let (mut failed, mut ignored) = (false, false);
    let is_empty = |reading: &Reading| matches!(reading, Reading::Empty(_));
    let is_nothing = readings.iter().all(is_empty);
    if is_nothing {
        writeln!(console.err, "error: there is no document in it")?;
        failed = true;
    }
    for reading in readings.into_iter().filter(|_| !is_nothing) {
        match reading {
            Reading::Manifest(manifest) => {
                for note in &manifest.notes {
                    writeln!(console.err, "note: {}: {note}", manifest.label)?;
                }
                manifests.push(*manifest);
            }
            Reading::Ignored(line) => {
                ignored = true;
                writeln!(console.out, "{line}")?;
            }
            Reading::Empty(file) => {
                ignored = true;
                writeln!(console.err, "note: {file}: there is no document in it")?;
            }
            Reading::Refused(lines) => {
                failed = true;
                console.errors(&lines)?;
            }
        }
    }
    Ok(Report {
        manifests,
        failed,
        ignored,
    })
}

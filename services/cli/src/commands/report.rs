//! What is said of documents before anything is done with them.

use super::Console;
use crate::failure::Failure;
use crate::manifest::{Manifest, Reading};

/// What is left of documents to be worked with.
pub(super) struct Report {
    pub(super) manifests: Vec<Manifest>,
    /// Something was refused.
    pub(super) failed: bool,
}

/// Prints what can't or need not be applied, and keeps the rest.
pub(super) fn report(readings: Vec<Reading>, console: &mut Console<'_>) -> Result<Report, Failure> {
    let (mut manifests, mut failed) = (Vec::new(), false);
    if readings.is_empty() {
        writeln!(console.err, "error: there is no document in it")?;
        failed = true;
    }
    for reading in readings {
        match reading {
            Reading::Manifest(manifest) => {
                for note in &manifest.notes {
                    writeln!(console.err, "note: {}: {note}", manifest.label)?;
                }
                manifests.push(*manifest);
            }
            Reading::Ignored(line) => writeln!(console.out, "{line}")?,
            Reading::Refused(lines) => {
                failed = true;
                console.errors(&lines)?;
            }
        }
    }
    Ok(Report { manifests, failed })
}

//! What is said of documents before anything is done with them.

use super::Console;
use crate::failure::Failure;
use crate::manifest::{Manifest, Reading};

/// Prints what can't or need not be applied; keeps the rest. True if something was refused.
pub(super) fn report(
    readings: Vec<Reading>,
    console: &mut Console<'_>,
) -> Result<(Vec<Manifest>, bool), Failure> {
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
    Ok((manifests, failed))
}

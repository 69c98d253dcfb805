//! `audit`: whether what is claimed fits the Services.

use clap::Args;
use portolan_proto::v1;

use super::{Connection, Console, DryRun, Form};
use crate::failure::Failure;
use crate::output::audit as output;

/// Compare claimed addresses and node ports with the Services that hold them.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 if everything fits, or was put right; 1 if something is left."
)]
pub struct Audit {
    /// Put right what can be; no Service changes by it
    #[arg(long)]
    repair: bool,
    /// With --repair: say what would be done, change nothing
    #[arg(long, value_enum, value_name = "WHERE", requires = "repair")]
    dry_run: Option<DryRun>,
    /// Form of the output
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,
    #[command(flatten)]
    connection: Connection,
}

impl Audit {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let request = v1::AuditAllocationsRequest {
            name: self.connection.scope().cluster_path(),
            repair: self.repair,
            validate_only: self.dry_run.is_some(),
        };
        let answer = client.audit(request).await?;
        let text = match self.output {
            Form::Table => output::text(&answer, self.repair, self.dry_run.is_some()),
            form => form.write(&output::document(&answer)),
        };
        console.out.write_all(text.as_bytes())?;
        let is_mended = |finding: &v1::AllocationFinding| finding.repaired;
        let shown = u32::try_from(answer.findings.len()).unwrap_or(u32::MAX);
        let is_whole = answer.findings.iter().all(is_mended) && shown == answer.total;
        if is_whole && self.dry_run.is_none() || answer.total == 0 {
            Ok(())
        } else {
            Err(Failure::Reported)
        }
    }
}

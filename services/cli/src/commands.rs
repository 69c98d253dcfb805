//! The command line: what can be said, and which command it goes to.

mod apply;
mod audit;
mod change;
mod completion;
mod connection;
mod delete;
mod describe;
mod diff;
mod edit;
mod events;
mod explain;
mod files;
mod get;
mod label;
mod patch;
mod report;
mod view;
mod watch;

use std::io::{self, Write};

use clap::{Subcommand, ValueEnum};
use futures_util::future::LocalBoxFuture;

use crate::client::Put;
use crate::failure::Failure;
use crate::output::yaml::Document;
use crate::target::Target;
pub(crate) use connection::Connection;

/// What operators do with a server that runs.
#[derive(Subcommand)]
pub enum Command {
    /// Create or change what manifests describe
    Apply(apply::Apply),
    /// Show what applying manifests would change
    Diff(diff::Diff),
    /// Change a resource in an editor
    Edit(edit::Edit),
    /// Change fields of a resource
    Patch(patch::Patch),
    /// Set and remove labels of a resource
    Label(label::Label),
    /// Show resources
    Get(get::Get),
    /// Show one resource with what surrounds it
    Describe(describe::Describe),
    /// Say why a Service does not work, or where a flow goes
    Explain(explain::Explain),
    /// Delete resources
    Delete(delete::Delete),
    /// Show what happened
    Events(events::Events),
    /// Compare claimed addresses and node ports with the Services that hold them
    Audit(audit::Audit),
    /// Print a completion script for a shell
    Completion(completion::Completion),
}

/// How resources are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Wide,
    Yaml,
    Json,
    Name,
}

/// How answers that are no resources are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Yaml,
    Json,
}

impl Form {
    /// The document; for people there is a text of its own.
    fn write(self, document: &Document) -> String {
        match self {
            Self::Json => document.to_json(),
            Self::Table | Self::Yaml => document.to_yaml(),
        }
    }
}

/// Where a dry run takes place: on the server, which knows what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DryRun {
    Server,
}

/// Where lines go: results to one side, what is wrong to the other.
pub(crate) struct Console<'a> {
    pub(crate) out: &'a mut dyn Write,
    pub(crate) err: &'a mut dyn Write,
}

impl Console<'_> {
    /// Prints what is wrong, a line each.
    fn errors(&mut self, lines: &[String]) -> io::Result<()> {
        let mut lines = lines.iter();
        lines.try_for_each(|line| writeln!(self.err, "error: {line}"))
    }

    /// Prints what the server says about what it wrote all the same.
    fn warnings(&mut self, label: &str, warnings: &[String]) -> io::Result<()> {
        let mut warnings = warnings.iter();
        warnings.try_for_each(|warning| writeln!(self.err, "warning: {label}: {warning}"))
    }
}

/// Runs a command of `program`, whose whole command line `completion` tells shells of.
///
/// Boxed, so that this crate is where it is compiled: an `async fn` is compiled where it is polled.
pub fn run(
    command: Command,
    program: clap::Command,
) -> LocalBoxFuture<'static, Result<(), Failure>> {
    Box::pin(async {
        let (mut out, mut err) = (io::stdout(), io::stderr());
        let mut console = Console {
            out: &mut out,
            err: &mut err,
        };
        dispatch(command, program, &mut console).await
    })
}

async fn dispatch(
    command: Command,
    mut program: clap::Command,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match command {
        Command::Apply(apply) => apply.run(console).await,
        Command::Diff(diff) => diff.run(console).await,
        Command::Edit(edit) => edit.run(console).await,
        Command::Patch(patch) => patch.run(console).await,
        Command::Label(label) => label.run(console).await,
        Command::Get(get) => get.run(console).await,
        Command::Describe(describe) => describe.run(console).await,
        Command::Explain(explain) => explain.run(console).await,
        Command::Audit(audit) => audit.run(console).await,
        Command::Delete(delete) => delete.run(console).await,
        Command::Events(events) => events.run(console).await,
        Command::Completion(completion) => completion.run(&mut program, console.out),
    }
}

/// Prints what is wrong.
fn refused(console: &mut Console<'_>, lines: &[String]) -> Result<(), Failure> {
    console.errors(lines)?;
    Err(Failure::Reported)
}

/// Prints that a resource was changed, or that it was like this before.
fn written(console: &mut Console<'_>, label: &str, verb: &str, put: &Put) -> Result<(), Failure> {
    console.warnings(label, &put.warnings)?;
    let verb = match put.outcome.as_str() {
        "unchanged" => "unchanged",
        _ => verb,
    };
    Ok(writeln!(console.out, "{label} {verb}")?)
}

/// `KIND NAME` and the like, or a complaint about the command line.
fn targets(words: &[String]) -> Result<Vec<Target>, Failure> {
    Target::parse(words).map_err(Failure::Usage)
}

#[cfg(test)]
mod tests;

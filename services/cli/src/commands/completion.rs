//! `completion`: a script that completes the command line.

use std::io::Write;

use clap::Args;

use crate::failure::Failure;

/// Print a completion script.
#[derive(Args)]
pub struct Completion {
    /// For this shell
    #[arg(value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

impl Completion {
    pub(super) fn run(
        &self,
        program: &mut clap::Command,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        use clap_complete::Shell;
        let shell = match self.shell.as_str() {
            "zsh" => Shell::Zsh,
            "fish" => Shell::Fish,
            _ => Shell::Bash,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, program, "portolan", &mut script);
        Ok(out.write_all(&script)?)
    }
}

//! `tenfold completions`: a script with which a shell completes the command.

use clap::CommandFactory;
use clap_complete::{Shell, generate};
use serde_json::json;

use crate::Cli;
use crate::console::Console;
use crate::failure::Outcome;

/// Print a script with which a shell completes commands and options
///
/// For bash: tenfold completions bash > ~/.local/share/bash-completion/completions/tenfold
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: &Args, console: &Console) -> Outcome {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "tenfold", &mut script);
    let script = String::from_utf8_lossy(&script);
    let object = json!({
        "command": "completions",
        "shell": args.shell.to_string(),
        "script": script,
    });
    console.result(object, &script)
}

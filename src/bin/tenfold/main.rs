//! The command `tenfold`: decompositions and saliency maps of array files.

mod arrays;
mod batch;
mod bench;
mod bootstrap;
mod cam;
mod completions;
mod console;
mod decompose;
mod decomposition;
mod device;
mod evaluate;
mod explanation;
mod failure;
mod info;
mod interruption;
mod list;
mod memory;
mod metric;
mod names;
#[cfg(feature = "onnx")]
mod network;
mod output;
#[cfg(any(feature = "onnx", test))]
mod pictures;
mod plotting;
mod progress;
mod ranks;
mod reconstruct;
mod records;
mod report;
mod sizes;
mod summary;
mod times;
mod truncation;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use console::Console;
use failure::{Failure, Outcome};
use memory::{Memory, Size};

/// Tucker decompositions of dense tensors, and saliency maps built on them.
#[derive(Parser)]
#[command(name = "tenfold", version)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// The options of all subcommands.
#[derive(clap::Args)]
#[command(next_help_heading = "Options of all commands")]
struct Common {
    /// Number of threads; 0 for all cores. The results do not depend on it
    #[arg(long, global = true, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Print one JSON object and nothing else on standard output
    #[arg(long, global = true)]
    json: bool,
    /// Print no notes, no progress and no summaries
    #[arg(long, global = true)]
    quiet: bool,
    /// Maximum memory, such as 8GB, 500MB or 2GiB: a command that needs more fails before it
    /// starts its work [default: the available memory of the machine]
    #[arg(long, global = true, value_name = "SIZE")]
    max_memory: Option<Size>,
}

#[derive(Subcommand)]
enum Command {
    Decompose(Box<decompose::Args>),
    Reconstruct(reconstruct::Args),
    Info(info::Args),
    Cam(Box<cam::Args>),
    Evaluate(Box<evaluate::Args>),
    Report(report::Args),
    Bench(bench::Args),
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => usage(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(cli: Cli) -> Outcome {
    interruption::handle_signals()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(cli.common.threads.into())
        .build_global()
        .map_err(|error| Failure::other(format!("the threads cannot be started: {error}")))?;
    let console = Console::new(cli.common.json, cli.common.quiet);
    let memory = Memory::new(cli.common.max_memory);
    match cli.command {
        Command::Decompose(args) => decompose::run(&args, &console, &memory),
        Command::Reconstruct(args) => reconstruct::run(&args, &console, &memory),
        Command::Info(args) => info::run(&args, &console, &memory),
        Command::Cam(args) => cam::run(*args, &console, &memory),
        Command::Evaluate(args) => evaluate::run(&args, &console, &memory),
        Command::Report(args) => report::run(&args, &console, &memory),
        Command::Bench(args) => bench::run(&args, &console, &memory),
        Command::Completions(args) => completions::run(&args, &console),
    }
}

/// Prints help and version as clap does. Turns an error of clap into one line.
fn usage(error: clap::Error) -> Outcome {
    use clap::error::ErrorKind;
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            console::print(&error.render().to_string())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let cli = Cli::command();
            let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
            Err(Failure::usage(format!(
                "a command is needed: {}; see tenfold --help",
                names.join(", ")
            )))
        }
        ErrorKind::UnknownArgument if !cfg!(feature = "onnx") && names_a_network() => {
            Err(Failure::usage(
                "--onnx: this tenfold was built without networks: build it with --features onnx",
            ))
        }
        _ => {
            let text = error.render().to_string();
            let message = text.split("\n\nUsage:").next().unwrap_or(&text);
            let message = message.split("\n\nFor more information").next();
            let words: Vec<&str> = message.unwrap_or(&text).split_whitespace().collect();
            let line = words.join(" ");
            let line = line.strip_prefix("error: ").unwrap_or(&line);
            let hint = if is_of_a_list(&error) {
                " (a list is separated by commas; put quotes around a list with blanks)"
            } else {
                ""
            };
            Err(Failure::usage(format!("{line}{hint}; see tenfold --help")))
        }
    }
}

/// Whether the option `--onnx` was given.
fn names_a_network() -> bool {
    let mut arguments = std::env::args_os();
    arguments.any(|argument| {
        let argument = argument.to_string_lossy();
        argument == "--onnx" || argument.starts_with("--onnx=")
    })
}

/// Whether the error is an unexpected argument that looks like an entry of a list of numbers. The
/// shell splits `--ranks 3, 3, 3` into three arguments after `--ranks`.
fn is_of_a_list(error: &clap::Error) -> bool {
    match error.get(clap::error::ContextKind::InvalidArg) {
        Some(clap::error::ContextValue::String(argument)) => {
            error.kind() == clap::error::ErrorKind::UnknownArgument
                && argument.starts_with(|c: char| c.is_ascii_digit())
        }
        _ => false,
    }
}

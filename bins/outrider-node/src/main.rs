//! The decoder node daemon: the command line, one line for what went wrong, and the exit code.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use outrider_noded::{DaemonArgs, Failure};
use outrider_options::{one_line, with_both_spellings};

#[derive(Parser, Debug)]
#[command(name = "outrider-node", version)]
struct Cli {
    #[command(flatten)]
    daemon: DaemonArgs,
}

fn main() -> ExitCode {
    let mut command = with_both_spellings(Cli::command());
    let parsed = command
        .try_get_matches_from_mut(env::args_os())
        .and_then(|matches| Cli::from_arg_matches(&matches).map_err(|fault| fault.format(&mut command)));
    let outcome = match parsed {
        Ok(cli) => cli.daemon.run(),
        Err(answer) if !answer.use_stderr() => {
            // Help and version; a closed pipe is no news.
            let _ = answer.print();
            return ExitCode::SUCCESS;
        }
        Err(fault) => Err(Failure::Input(one_line(&fault))),
    };
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    // Nobody may be left to read it.
    let _ = writeln!(io::stderr(), "error: {failure}");
    failure.exit_code()
}

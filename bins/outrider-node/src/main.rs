//! The decoder node daemon: the command line, one line for what went wrong, and the exit code.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use outrider_noded::{DaemonArgs, Failure};
use outrider_options::one_line;

#[derive(Parser, Debug)]
#[command(name = "outrider-node", version)]
struct Cli {
    #[command(flatten)]
    daemon: DaemonArgs,
}

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
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

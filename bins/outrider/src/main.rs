//! The outrider program: decode, sample, generate, measure. One file per subcommand; nothing but the
//! command line and the exit code lives here.
#![forbid(unsafe_code)]

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use outrider_noded::DaemonArgs;
use outrider_options::one_line;

use crate::commands::{
    bench, count_mistakes, decode, demo, generate, ler, m2d, predecode, predict, sample, shell,
};
use crate::error::{Error, Result};

mod commands;
mod decoding;
mod error;
mod formats;
mod input;
mod options;
mod output;
mod output_file;
mod report;
mod stream;
mod text_guard;
mod threads;

/// Decode surface-code experiments: exact, correlated and union-find decoding of Stim data
#[derive(Parser, Debug)]
#[command(name = "outrider", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Decode(decode::DecodeArgs),
    #[command(name = "predict")]
    Predict(predict::PredictArgs),
    #[command(name = "count_mistakes")]
    CountMistakes(count_mistakes::CountMistakesArgs),
    Predecode(predecode::PredecodeArgs),
    Sample(sample::SampleArgs),
    M2d(m2d::M2dArgs),
    Gen(generate::GenArgs),
    Ler(ler::LerArgs),
    Stream(Box<commands::stream::StreamArgs>),
    Node(DaemonArgs),
    Bench(bench::BenchArgs),
    Demo(demo::DemoArgs),
    Completions(shell::CompletionsArgs),
    Man(shell::ManArgs),
}

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 the machine failed (a full disk, a closed pipe) or --verify found a difference; 2 the command or \
its input is wrong.

Start with `outrider demo`.";

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => run(&cli.command),
        Err(answer) if !answer.use_stderr() => {
            // Help and version; a closed pipe is no news.
            let _ = answer.print();
            return ExitCode::SUCCESS;
        }
        Err(fault) => Err(Error::Usage(one_line(&fault))),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    if !matches!(error, Error::ClosedPipe) {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        // If standard error is gone too, the exit code is what remains.
        let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {error}");
    }
    error.exit_code()
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Decode(args) => decode::run(args),
        Command::Predict(args) => predict::run(args),
        Command::CountMistakes(args) => count_mistakes::run(args),
        Command::Predecode(args) => predecode::run(args),
        Command::Sample(args) => sample::run(args),
        Command::M2d(args) => m2d::run(args),
        Command::Gen(args) => generate::run(args),
        Command::Ler(args) => ler::run(args),
        Command::Stream(args) => commands::stream::run(args),
        Command::Node(args) => Ok(args.run()?),
        Command::Bench(args) => bench::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Completions(args) => shell::completions(args, Cli::command()),
        Command::Man(args) => shell::man(args, Cli::command()),
    }
}

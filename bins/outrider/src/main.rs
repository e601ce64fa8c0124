//! The outrider program: decode, sample, generate, measure. One file per subcommand; nothing but the
//! command line and the exit code lives here.
#![forbid(unsafe_code)]

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use outrider_noded::DaemonArgs;
use outrider_options::{WORK_LIMIT_DEFAULT, one_line, set_work_limit, with_both_spellings};

use crate::commands::{
    bench, count_mistakes, decode, demo, generate, learn, ler, m2d, predecode, predict, sample, shell,
};
use crate::error::{Error, Result};

mod commands;
mod decoding;
mod descriptors;
mod error;
mod formats;
mod input;
mod learning;
mod options;
mod output;
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
    /// Refuse models that unfold to more errors and detectors than this
    #[arg(long, global = true, value_name = "N", default_value_t = WORK_LIMIT_DEFAULT, hide_short_help = true)]
    work_limit: u64,
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
    Learn(Box<learn::LearnArgs>),
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
    let outcome = match parse(env::args_os()) {
        Ok(cli) => {
            set_work_limit(cli.work_limit);
            run(&cli.command)
        }
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

/// The command line, with options in both spellings.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> std::result::Result<Cli, clap::Error> {
    let mut command = with_both_spellings(Cli::command());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|fault| fault.format(&mut command))
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
        Command::Learn(args) => learn::run(args),
        Command::Ler(args) => ler::run(args),
        Command::Stream(args) => commands::stream::run(args),
        Command::Node(args) => Ok(args.run()?),
        Command::Bench(args) => bench::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Completions(args) => shell::completions(args, Cli::command()),
        Command::Man(args) => shell::man(args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use outrider_options::with_both_spellings;

    use super::Cli;

    /// Long names of options that have two words, with the path of their subcommand.
    fn collect(command: &clap::Command, path: &[String], found: &mut Vec<(Vec<String>, String, bool)>) {
        for option in command.get_arguments() {
            let names = option.get_long().into_iter().chain(option.get_all_aliases().unwrap_or_default());
            for name in names.filter(|name| name.contains(['-', '_'])) {
                found.push((path.to_vec(), name.to_owned(), option.get_action().takes_values()));
            }
        }
        for subcommand in command.get_subcommands() {
            collect(subcommand, &[path, &[subcommand.get_name().to_owned()]].concat(), found);
        }
    }

    #[test]
    fn every_option_of_every_subcommand_has_both_spellings() {
        let mut options = Vec::new();
        collect(&Cli::command(), &["outrider".to_owned()], &mut options);
        assert!(options.len() > 50, "{}", options.len());
        let command = with_both_spellings(Cli::command());
        command.clone().debug_assert();
        for (path, name, takes_value) in options {
            let leaf = path[1..].iter().fold(&command, |at, name| at.find_subcommand(name).unwrap());
            for other in [name.replace('-', "_"), name.replace('_', "-")] {
                let option = leaf.get_arguments().find(|option| {
                    option.get_long() == Some(&other)
                        || option.get_all_aliases().is_some_and(|aliases| aliases.contains(&other.as_str()))
                });
                let option = option.unwrap_or_else(|| panic!("{path:?} --{other}"));
                assert_eq!(option.get_action().takes_values(), takes_value, "{path:?} --{other}");
            }
        }
    }

    #[test]
    fn spellings_of_stim_mean_the_same() {
        let hyphens =
            "outrider sample --dem m --shots 1 --out-format b8 --append-observables --obs-out-format r8";
        let underscores = hyphens.replace("out-format", "out_format").replace("-observables", "_observables");
        let underscores = underscores.replace("obs-out", "obs_out");
        let parse = |line: &str| super::parse(line.split(' ').map(Into::into)).unwrap();
        assert_eq!(format!("{:?}", parse(&underscores)), format!("{:?}", parse(hyphens)));
        assert!(Cli::try_parse_from(underscores.split(' ')).is_err(), "{underscores}");
    }
}

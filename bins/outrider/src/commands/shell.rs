//! `outrider completions` and `outrider man`: what clap makes from the command line's definition.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::error::{Error, Result};
use crate::output::{self, Output};

/// Print a completion script for a shell
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  outrider completions bash > ~/.local/share/bash-completion/completions/outrider"
)]
pub(crate) struct CompletionsArgs {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  outrider man | man -l -\n  outrider man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder, which must exist, for outrider.1 and a page per subcommand; without it outrider.1 goes to
    /// standard output
    dir: Option<PathBuf>,
}

/// Runs `completions` for this command line.
pub(crate) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "outrider", &mut script);
    put(Path::new("-"), &script)
}

/// Runs `man` for this command line.
pub(crate) fn man(args: &ManArgs, mut command: Command) -> Result<()> {
    command.build();
    let Some(dir) = &args.dir else { return put(Path::new("-"), &page(command)?) };
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let name = format!("outrider-{}", subcommand.get_name());
        // The page's name wants a hyphen where the usage has a space.
        let text = page(subcommand.clone().name(name.clone()))?;
        put(&dir.join(format!("{name}.1")), &text)?;
    }
    put(&dir.join("outrider.1"), &page(command)?)
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command).render(&mut text).map_err(|error| Error::machine("manual page", error))?;
    Ok(text)
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut out = Output::create(path)?;
    out.put(bytes)?;
    output::commit([out])
}

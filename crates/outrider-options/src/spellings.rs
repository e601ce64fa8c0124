//! Options in both spellings: with hyphens, and with underscores as Stim, PyMatching and sinter write them.

use clap::{Arg, Command};

/// The command with a hidden second spelling of every option and subcommand, at every depth: `--in_format` for
/// `--in-format`, and the reverse.
pub fn with_both_spellings(command: Command) -> Command {
    let command = command.mut_args(|option| {
        let others = others(option.get_long(), option.get_all_aliases());
        Arg::aliases(option, others)
    });
    command.mut_subcommands(|subcommand| {
        let aliases = subcommand.get_all_aliases().collect();
        let others = others(Some(subcommand.get_name()), Some(aliases));
        with_both_spellings(subcommand.aliases(others))
    })
}

/// The other spelling of a name and of its aliases, without those that are there.
fn others(name: Option<&str>, aliases: Option<Vec<&str>>) -> Vec<String> {
    let names: Vec<&str> = name.into_iter().chain(aliases.unwrap_or_default()).collect();
    let spelt = names.iter().flat_map(|name| [name.replace('-', "_"), name.replace('_', "-")]);
    let mut others: Vec<String> = spelt.filter(|other| !names.contains(&other.as_str())).collect();
    others.sort();
    others.dedup();
    others
}

#[cfg(test)]
mod tests {
    use clap::ArgAction;

    use super::*;

    #[test]
    fn every_name_has_both_spellings_once() {
        let option = |name: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue);
        let deep = Command::new("count_it").arg(option("in_format")).arg(option("plain"));
        let command = Command::new("top")
            .arg(option("out-format").aliases(["old-name", "out_format"]))
            .subcommand(Command::new("middle").subcommand(deep));
        let command = with_both_spellings(command);
        command.clone().debug_assert();
        for name in ["out-format", "out_format", "old-name", "old_name"] {
            let matches = command.clone().try_get_matches_from(["top", &format!("--{name}")]).unwrap();
            assert!(matches.get_flag("out-format"), "{name}");
        }
        for line in ["top middle count_it --in_format --plain", "top middle count-it --in-format"] {
            command.clone().try_get_matches_from(line.split(' ')).unwrap();
        }
        let help = command.clone().render_long_help().to_string();
        assert!(!help.contains("out_format"), "{help}");
    }
}

//! The reference page of the command line, generated from the commands.

use clap::{Arg, Command};
use std::fmt::Write as _;

/// The whole page `docs/reference/cli.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Command line\n\n\
         <!-- Generated from server/src/cli; `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         Results are printed as text on standard output. With `--json` exactly one JSON document is printed instead, or \
         none if the command fails; the findings of a check are a document, with exit code 1. Logs, hints and errors go \
         to standard error. Exit code 0: done; 1: refused or failed; 2: usage. Commands can run while a server runs.\n\n\
         Every command takes two flags that are not listed below: `--json`, and `--config FILE` for the settings file, \
         which defaults to `keyward.toml` in the working directory, if it exists. Flags override the environment, \
         which overrides the file ([Settings](settings.md)).\n\n\
         `REF` is a user's id, user name, or e-mail address if it is verified. `ID` is a client's id, `KID` a key's; the \
         `list` commands show all of these.\n\n\
         With `--json`, `keys list` is a list; instants are in seconds, and a key that stays in KMS has `kms_key`, its ARN. \
         The commands that change keys print an object: `keys`, that list; `unused_kms_keys`, the ARNs of KMS keys that \
         nothing uses since; and what applies of `signs_from`, `in_force_by`, `old_accepted_until`, `missing` (why a key \
         that is to follow was not made), `move` (`begun`, `ended`, `nothing`, `given_up`; `pending` if it is in the way of \
         a rotation) and `restart_from`.\n",
    );
    let mut keyward = super::command().disable_help_subcommand(true);
    keyward.build();
    for command in keyward.get_subcommands() {
        section(&mut page, "keyward", command);
    }
    page
}

fn section(page: &mut String, parent: &str, command: &Command) {
    let name = format!("{parent} {}", command.get_name());
    let children: Vec<&Command> =
        command.get_subcommands().filter(|child| child.get_name() != "help").collect();
    if !children.is_empty() {
        children.into_iter().for_each(|child| section(page, &name, child));
        return;
    }
    let positional = command.get_positionals().map(|arg| format!(" {}", value_name(arg))).collect::<String>();
    let _infallible = write!(page, "\n## `{name}{positional}`\n\n{}.\n", about(command.get_about()));
    let flags: Vec<&Arg> = command
        .get_opts()
        .chain(command.get_arguments().filter(|arg| is_switch(arg)))
        .filter(|arg| !arg.is_global_set())
        .collect();
    if flags.is_empty() {
        return;
    }
    page.push_str("\n| flag | meaning |\n|---|---|\n");
    for flag in flags {
        let value = if is_switch(flag) { String::new() } else { format!(" {}", value_name(flag)) };
        let long = flag.get_long().unwrap_or_default();
        let _infallible = writeln!(page, "| `--{long}{value}` | {} |", about(flag.get_help()));
    }
}

fn is_switch(arg: &Arg) -> bool {
    arg.get_long().is_some()
        && !arg.get_action().takes_values()
        && !matches!(arg.get_id().as_str(), "help" | "version")
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(" ")
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

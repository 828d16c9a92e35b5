//! `keyward group …`. Users are added to groups by `keyward user update`.

use super::context::Context;
use super::output::{Outcome, Table, show_time};
use crate::admin::groups::GroupInformation;
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a group; `user update REF --group NAME` adds users to it
    Create(Name),
    /// List all groups
    List,
    /// Remove all users from a group and delete it; after an interruption, run it again
    Delete(Name),
}

#[derive(Debug, Args)]
pub(super) struct Name {
    /// Name of the group, as applications get it
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    name: String,
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let output = context.output();
    context.with_store(|admin, _| async move {
        match command {
            Command::Create(Name { name }) => {
                let group = admin.create_group(&name).await?;
                let line =
                    format!("There is a group {name}; `keyward user update REF --group` adds users to it.");
                output.result(&GroupInformation::from(&group), line)
            }
            Command::List => {
                let groups = admin.store.groups().await?;
                let all: Vec<_> = groups.iter().map(GroupInformation::from).collect();
                if groups.is_empty() && !output.json {
                    return output
                        .result(&all, "There are no groups yet; `keyward group create NAME` makes one.");
                }
                let mut table = Table::new(["NAME", "CREATED", "STATE"]);
                for group in &groups {
                    let state = if group.deleting { "being deleted; run `group delete` again" } else { "" };
                    table.row([group.name.to_string(), show_time(group.created_at), state.into()]);
                }
                output.result(&all, table)
            }
            Command::Delete(Name { name }) => {
                let left = admin.delete_group(&name).await?;
                let line = match left {
                    1 => format!("The group {name} is deleted; 1 user was in it."),
                    _ => format!("The group {name} is deleted; {left} users were in it."),
                };
                output.result(&json!({ "name": name, "members": left }), line)
            }
        }
    })
}

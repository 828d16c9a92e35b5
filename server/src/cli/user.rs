//! `keyward user …`. Passwords are read from standard input, never from an argument, which other users of the machine
//! could see.

use super::context::Context;
use super::input::{read_claims, read_password};
use super::output::{Outcome, Output, Table, show_time};
use crate::admin::Admin;
use crate::admin::user_update::{NewAddress, UserUpdate};
use crate::admin::users::{NewUser, UserInformation};
use crate::assembly;
use clap::{ArgGroup, Args, Subcommand};
use protocol::group::GroupName;
use protocol::user::User;
use std::fmt::Write as _;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create a user, who can't sign in without a password
    Create(Create),
    /// List all users
    List,
    /// Show a user
    Show(Reference),
    /// Change a user's name, e-mail address, claims or groups; sessions and grants stay
    Update(Update),
    /// Refuse a user everywhere and end their sessions and grants permanently
    Disable(Reference),
    /// Let a disabled user sign in again
    Enable(Reference),
    /// Set a password, which ends all the user's sessions and grants
    SetPassword(SetPassword),
    /// End a user's sessions and grants permanently
    RevokeSessions(Reference),
    /// Delete a user and all their data
    Delete(Reference),
}

#[derive(Debug, Args)]
pub(super) struct Reference {
    /// Id, user name, or verified e-mail address
    #[arg(value_name = "REF", allow_hyphen_values = true)]
    reference: String,
}

#[derive(Debug, Args)]
pub(super) struct Create {
    /// The name they sign in with
    #[arg(long, value_name = "NAME")]
    username: String,
    /// An e-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The address is known to be theirs, so they can sign in with it
    #[arg(long, requires = "email")]
    email_verified: bool,
    /// Accept the name even if it mixes alphabets, or looks like a reserved name or another user's
    #[arg(long)]
    allow_lookalike: bool,
    /// Read the password from the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// Read claims from a JSON file: standard ones (OpenID Connect Core 5.1) and your own
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
    /// Add the user to this group; repeatable
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true))]
pub(super) struct Update {
    #[command(flatten)]
    user: Reference,
    /// The new name they sign in with; nobody can sign in with the old one any more
    #[arg(long, value_name = "NAME", group = "change")]
    username: Option<String>,
    /// The new e-mail address, which is not verified unless --email-verified is given
    #[arg(long, value_name = "ADDRESS", group = "change")]
    email: Option<String>,
    /// Remove the e-mail address
    #[arg(long, group = "change", conflicts_with_all = ["email", "email_verified"])]
    no_email: bool,
    /// The address is known to be theirs, so they can sign in with it
    #[arg(long, group = "change")]
    email_verified: bool,
    /// The address is not known to be theirs, so nobody can sign in with it
    #[arg(long, group = "change", conflicts_with = "email_verified")]
    email_unverified: bool,
    /// Accept the name even if it mixes alphabets, or looks like a reserved name or another user's
    #[arg(long, requires = "username")]
    allow_lookalike: bool,
    /// Add the user to this group (repeatable)
    #[arg(long = "group", value_name = "GROUP", group = "change", allow_hyphen_values = true)]
    groups: Vec<String>,
    /// Remove the user from this group (repeatable)
    #[arg(long = "no-group", value_name = "GROUP", group = "change", allow_hyphen_values = true)]
    no_groups: Vec<String>,
    /// Replace all claims with those in a JSON file; `user show --json` shows the present ones
    #[arg(long, value_name = "FILE", group = "change")]
    claims: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct SetPassword {
    #[command(flatten)]
    user: Reference,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    password_stdin: bool,
}

pub(super) fn run(context: &Context, command: Command) -> Outcome {
    let output = context.output();
    // Before the call begins, because its time is in everything that it writes, and typing can take minutes.
    let reads =
        matches!(&command, Command::SetPassword(_) | Command::Create(Create { password_stdin: true, .. }));
    let password = if reads { Some(read_password()?) } else { None };
    context.with_store(|admin, _| async move {
        match command {
            Command::Create(flags) => create(&admin, flags, password, output).await,
            Command::List => list(&admin, output).await,
            Command::Show(user) => {
                let user = admin.user(&user.reference).await?;
                output.result(&UserInformation::from(&user), describe(&user))
            }
            Command::Update(flags) => update(&admin, flags, output).await,
            Command::Disable(user) => {
                let user = admin.set_user_disabled(&user.reference, true).await?;
                let line = format!("{} is disabled and signed out everywhere.", user.username);
                output.result(&UserInformation::from(&user), line)
            }
            Command::Enable(user) => {
                let user = admin.set_user_disabled(&user.reference, false).await?;
                output.result(&UserInformation::from(&user), format!("{} can sign in again.", user.username))
            }
            Command::SetPassword(SetPassword { user, .. }) => {
                let password = password.unwrap_or_default();
                let user = admin.set_password(&user.reference, &assembly::passwords(), password).await?;
                let line = format!("{} has a new password and is signed out everywhere.", user.username);
                output.result(&UserInformation::from(&user), line)
            }
            Command::RevokeSessions(user) => {
                let user = admin.void_user(&user.reference).await?;
                output.result(
                    &UserInformation::from(&user),
                    format!("{} is signed out everywhere.", user.username),
                )
            }
            Command::Delete(user) => {
                let user = admin.delete_user(&user.reference).await?;
                output.result(&UserInformation::from(&user), format!("{} is deleted.", user.username))
            }
        }
    })
}

async fn create(
    admin: &Admin,
    flags: Create,
    password: Option<Zeroizing<String>>,
    output: Output,
) -> Outcome {
    let claims = flags.claims.as_deref().map(read_claims).transpose()?.unwrap_or_default();
    let new = NewUser {
        username: flags.username,
        email: flags.email,
        email_verified: flags.email_verified,
        claims,
        allow_lookalike: flags.allow_lookalike,
    };
    let pool = assembly::passwords();
    let password = password.map(|password| (&pool, password));
    let user = admin.create_user_in(new, password, flags.groups).await?;
    output.result(&UserInformation::from(&user), describe(&user))
}

async fn update(admin: &Admin, flags: Update, output: Output) -> Outcome {
    let update = UserUpdate {
        username: flags.username,
        email: match flags.email {
            Some(email) => NewAddress::Is(email),
            None if flags.no_email => NewAddress::Removed,
            None => NewAddress::Kept,
        },
        email_verified: (flags.email_verified || flags.email_unverified).then_some(flags.email_verified),
        claims: flags.claims.as_deref().map(read_claims).transpose()?,
        joins: flags.groups,
        leaves: flags.no_groups,
        allow_lookalike: flags.allow_lookalike,
    };
    let user = admin.update_user(&flags.user.reference, &update).await?;
    output.result(&UserInformation::from(&user), describe(&user))
}

async fn list(admin: &Admin, output: Output) -> Outcome {
    let users = admin.store.users().await?;
    let all: Vec<_> = users.iter().map(UserInformation::from).collect();
    let mut table = Table::new(["USER NAME", "E-MAIL", "STATE", "CREATED", "ID"]);
    for user in &users {
        table.row([
            user.username.clone(),
            email(user),
            if user.disabled { "disabled" } else { "enabled" }.into(),
            show_time(user.created_at),
            user.id.to_string(),
        ]);
    }
    match users.is_empty() && !output.json {
        true => {
            output.result(&all, "There are no users yet; `keyward user create --username NAME` makes one.")
        }
        false => output.result(&all, table),
    }
}

fn email(user: &User) -> String {
    let mark = if user.email_verified { "" } else { " (unverified)" };
    user.email.as_ref().map(|email| format!("{email}{mark}")).unwrap_or_default()
}

fn describe(user: &User) -> String {
    let mut text = String::new();
    let claims = user.claims.iter().map(|(name, value)| (name.as_str(), value.to_string()));
    let groups: Vec<&str> = user.groups.iter().map(GroupName::as_str).collect();
    let rows = [
        ("user name", user.username.clone()),
        ("e-mail", email(user)),
        ("groups", groups.join(", ")),
        ("id", user.id.to_string()),
        ("sub", user.subject.as_str().to_owned()),
        (
            "password",
            if user.password.is_some() { "set" } else { "none; `user set-password` sets one" }.into(),
        ),
        ("disabled", if user.disabled { "yes" } else { "" }.into()),
        ("created", show_time(user.created_at)),
    ];
    for (name, value) in rows.into_iter().chain(claims).filter(|(_, value)| !value.is_empty()) {
        let _infallible = writeln!(text, "{name:13}  {value}");
    }
    text
}

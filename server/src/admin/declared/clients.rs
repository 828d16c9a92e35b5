//! Declared clients: from a declaration to the record that is to be stored.

use super::change::{Action, Change};
use super::file::DeclaredClient;
use super::plan::{Plan, Step, Target, TargetClient};
use crate::admin::call::Admin;
use crate::admin::client_ids::{may_share_audience, shared_audience};
use crate::admin::clients::{event, new_secret};
use crate::admin::error::AdminError;
use crate::admin::metadata::ClientInformation;
use crate::admin::registration::{digest_of, secret_of};
use crate::config::Settings;
use protocol::client::{AuthMethod, Client, ClientSecret, check_chosen_secret};
use protocol::event::What;
use serde_json::{Map, Value};
use std::time::Duration;

/// How long a secret continues to work after the environment has another one.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// The secret that a declaration asks for.
enum Wanted {
    /// That of the environment.
    Chosen(String),
    /// A random one, if the client has none yet.
    Any(String),
}

impl Admin {
    pub(super) fn plan_clients(
        &self,
        declared: &[DeclaredClient],
        there: Vec<Client>,
        settings: &Settings,
        prune: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Plan, Vec<String>> {
        let (mut plan, mut problems) = (Plan::default(), Vec::new());
        for one in declared {
            let before = there.iter().find(|client| client.id.as_str() == one.id());
            match self.wanted(one, before, settings, variable) {
                Ok((after, fresh)) => plan.steps.extend(step(before, Some(after), fresh)),
                Err(all) => {
                    problems.extend(all.into_iter().map(|why| format!("client `{}`: {why}", one.id())))
                }
            }
        }
        let is_left =
            |client: &Client| client.declared && declared.iter().all(|one| one.id() != client.id.as_str());
        for client in there.iter().filter(|client| is_left(client)) {
            if prune {
                plan.steps.extend(step(Some(client), None, None));
            } else {
                plan.left_over.push(client.id.to_string());
            }
        }
        problems.extend(shared_audiences(&plan, &there));
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// The record that a declaration means, and its secret if that is random and new.
    fn wanted(
        &self,
        declared: &DeclaredClient,
        before: Option<&Client>,
        settings: &Settings,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Client, Option<String>), Vec<String>> {
        let chosen = declared.client_secret_env.as_deref().map(|name| chosen_secret(name, variable));
        let (secret, bad_secret) = match chosen.transpose() {
            Ok(Some(text)) => (Wanted::Chosen(text), None),
            Ok(None) => (Wanted::Any(new_secret(self)), None),
            // In its place, so that what else is wrong is found.
            Err(why) => (Wanted::Any(new_secret(self)), Some(why)),
        };
        let method = declared.registration.token_endpoint_auth_method;
        let confidential = method.is_none_or(AuthMethod::is_confidential);
        let text = match &secret {
            Wanted::Any(text) if confidential => Some(text.as_str()),
            Wanted::Any(_) => None,
            // A public client has none, and the check of the record says so.
            Wanted::Chosen(text) => Some(text.as_str()),
        };
        let read = self.client_of(&declared.registration, settings, text, before);
        let mut client = match (read, bad_secret) {
            (Ok(client), None) => client,
            (Ok(_), Some(why)) => return Err(vec![why]),
            (Err(error), bad_secret) => {
                let all = error.each().iter().map(AdminError::to_string);
                return Err(bad_secret.into_iter().chain(all).collect());
            }
        };
        client.declared = true;
        client.disabled = declared.disabled.unwrap_or(before.is_some_and(|before| before.disabled));
        let Some(before) = before else {
            let fresh = if let Wanted::Any(text) = secret { confidential.then_some(text) } else { None };
            return Ok((client, fresh));
        };
        client.created_at = before.created_at;
        client.revision = before.revision.saturating_add(1);
        client.generation = before.generation;
        if client.disabled && !before.disabled {
            client.generation = before.generation.next(self.call.request, self.call.at);
        }
        let fresh = self.keep_secrets(&mut client, before, secret);
        Ok((client, fresh))
    }

    /// Keeps the secrets there are, unless the environment has another one or there are none. Returns one that is random
    /// and new.
    fn keep_secrets(&self, client: &mut Client, before: &Client, wanted: Wanted) -> Option<String> {
        let now = self.call.at;
        if !client.is_confidential() {
            return None;
        }
        match wanted {
            Wanted::Any(text) if before.secrets.is_empty() => Some(text),
            Wanted::Any(_) => {
                client.secrets.clone_from(&before.secrets);
                None
            }
            Wanted::Chosen(text) => {
                let stays = |own: &&ClientSecret| own.digest == digest_of(&text) && own.expires_at.is_none();
                if before.secrets.iter().any(|own| stays(&own)) {
                    client.secrets.clone_from(&before.secrets);
                } else {
                    let newest = before.secrets.last().cloned();
                    let ends = |own: ClientSecret| {
                        let at = now.plus(OVERLAP);
                        ClientSecret { expires_at: Some(own.expires_at.map_or(at, |own| own.min(at))), ..own }
                    };
                    client.secrets = newest.map(ends).into_iter().chain([secret_of(&text, now)]).collect();
                }
                None
            }
        }
    }

    pub(super) async fn change_declared_client(&self, target: &TargetClient) -> Result<(), AdminError> {
        let TargetClient { before, after } = target;
        let contended = |client: &Client| AdminError::Contended(client.id.to_string());
        let (what, client) = match (before, after) {
            (None, Some(new)) => {
                let created = self.store.create_client(new, self.call).await?;
                created.is_done().then_some((What::ClientCreated, new)).ok_or_else(|| contended(new))?
            }
            (Some(_), Some(new)) => {
                let replaced = self.store.replace_client(new, self.call).await?;
                replaced.is_done().then_some((What::ClientChanged, new)).ok_or_else(|| contended(new))?
            }
            (Some(old), None) => {
                return if self.delete_seen_client(old).await? { Ok(()) } else { Err(contended(old)) };
            }
            (None, None) => return Ok(()),
        };
        self.audit(&event(what, client).changing(before.as_ref(), after.as_ref()));
        Ok(())
    }
}

/// The secret in the environment variable of this name, which is not shown: it could be the secret itself, by mistake.
fn chosen_secret(name: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let text = variable(name).ok_or(
        "the environment variable that client_secret_env names is not set: it takes the variable's name, not the secret",
    )?;
    let checked = check_chosen_secret(&text);
    checked
        .map_err(|bad| format!("the environment variable that client_secret_env names: {}", bad.message()))?;
    Ok(text)
}

/// What is wrong with clients beside one another, as they are to be.
fn shared_audiences(plan: &Plan, there: &[Client]) -> Vec<String> {
    let target = |step: &'_ Step| match &step.target {
        Target::Client(target) => Some((target.before.clone(), target.after.clone())),
        _ => None,
    };
    let changes: Vec<_> = plan.steps.iter().filter_map(target).collect();
    let stays = |client: &&Client| {
        !changes.iter().any(|(before, _)| before.as_ref().is_some_and(|before| before.id == client.id))
    };
    let new = changes.iter().filter_map(|(_, after)| after.as_ref());
    let all: Vec<&Client> = there.iter().filter(stays).chain(new).collect();
    let problem = |(before, after): &(Option<Client>, Option<Client>)| {
        let after = after.as_ref().filter(|after| may_share_audience(before.as_ref(), after))?;
        let others = all.iter().copied().filter(|other| other.id != after.id);
        Some(format!("client `{}`: {}", after.id, shared_audience(after, others)?))
    };
    changes.iter().filter_map(problem).collect()
}

fn step(before: Option<&Client>, after: Option<Client>, fresh: Option<String>) -> Option<Step> {
    let id = before.or(after.as_ref())?.id.to_string();
    let [mut old, mut new] = [before, after.as_ref()].map(|client| client.map(members));
    let secrets = |client: Option<&Client>| client.map(|client| client.secrets.clone()).unwrap_or_default();
    if secrets(before) != secrets(after.as_ref()) {
        add(&mut old, before, "present");
        add(&mut new, after.as_ref(), "new");
    }
    let mut change = Change::between("client", &id, old.as_ref(), new.as_ref())?;
    if change.action == Action::Delete {
        change.fields.clear();
    }
    let target = Target::Client(Box::new(TargetClient { before: before.cloned(), after }));
    Some(Step { change, target, fresh })
}

/// What is compared besides secrets: what clients are shown with.
fn members(client: &Client) -> Map<String, Value> {
    let shown = serde_json::to_value(ClientInformation::new(client, None));
    let mut members = shown.ok().and_then(|shown| shown.as_object().cloned()).unwrap_or_default();
    members.remove("client_id");
    members.remove("client_id_issued_at");
    members
}

/// Of secrets, only that there is one is shown.
fn add(members: &mut Option<Map<String, Value>>, client: Option<&Client>, what: &str) {
    let has_one = client.is_some_and(|client| !client.secrets.is_empty());
    if let Some(members) = members {
        members.insert("client_secret".into(), if has_one { what.into() } else { Value::Null });
    }
}

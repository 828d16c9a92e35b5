//! Making the store as a file declares it (`keyward apply`): everything is checked and compared first, then changed.
//!
//! Only clients that were declared before are ever deleted; what commands and users made stays. Groups and users are never
//! deleted: who they belong to is not known, and what is deleted of a person can't be brought back.

pub mod file;

mod change;
mod clients;
mod people;
mod plan;

pub use change::{Action, Change, Difference};
pub use file::Declaration;
pub use plan::{Plan, Step};

use super::call::Admin;
use super::error::AdminError;
use crate::config::Settings;
use plan::Target;

impl Admin {
    /// Compares a declaration with what there is. `variable` reads the environment.
    ///
    /// # Errors
    /// The store's; or, inside, everything that is wrong with the declaration.
    pub async fn plan(
        &self,
        declaration: &Declaration,
        settings: &Settings,
        prune: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Result<Plan, Vec<String>>, AdminError> {
        let there = self.store.clients().await?;
        let mut problems = declaration.problems.clone();
        let mut plan = Plan::default();
        let groups = self.plan_groups(&declaration.groups, &mut plan, &mut problems).await?;
        match self.plan_clients(&declaration.clients, there, settings, prune, variable) {
            // An empty or truncated file is more likely than the wish to delete every declared client.
            Ok(clients) if prune && declaration.clients.is_empty() && !clients.steps.is_empty() && problems.is_empty() => problems.push(
                "--prune would delete every declared client, because the file has none: delete them with `client delete`".into(),
            ),
            Ok(clients) => {
                plan.steps.extend(clients.steps);
                plan.left_over = clients.left_over;
            }
            Err(more) => problems.extend(more),
        }
        self.plan_users(&declaration.users, &groups, &mut plan, &mut problems).await?;
        Ok(if problems.is_empty() { Ok(plan) } else { Err(problems) })
    }

    /// Makes one change.
    ///
    /// # Errors
    /// [`AdminError::Contended`] if the record was changed since it was compared; those of the change;
    /// [`AdminError::Store`].
    pub async fn carry_out(&self, step: &mut Step) -> Result<(), AdminError> {
        match &mut step.target {
            Target::Client(target) => self.change_declared_client(target).await?,
            Target::Group(name) => drop(self.create_group(name).await?),
            Target::User(target) => self.change_declared_user(target).await?,
        }
        step.change.client_secret = step.fresh.take();
        step.change.done = true;
        Ok(())
    }
}

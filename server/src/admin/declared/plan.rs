//! What has to change so that the store is as it was declared.

use super::change::Change;
use crate::admin::user_update::UserUpdate;
use crate::admin::users::Draft;
use protocol::client::Client;
use protocol::user::User;

/// What has to change, and how.
#[derive(Debug, Default)]
pub struct Plan {
    /// What differs from the declaration.
    pub steps: Vec<Step>,
    /// Clients that were declared before and are no longer, which a plan that prunes deletes.
    pub left_over: Vec<String>,
}

/// One record that has to change.
#[derive(Debug)]
pub struct Step {
    /// What changes, as it is shown.
    pub change: Change,
    pub(super) target: Target,
    /// A secret that was made for it.
    pub(super) fresh: Option<String>,
}

impl Step {
    /// The client as it is to be.
    pub fn client(&self) -> Option<&Client> {
        match &self.target {
            Target::Client(target) => target.after.as_ref(),
            Target::Group(_) | Target::User(_) => None,
        }
    }
}

/// The record.
#[derive(Debug)]
pub(super) enum Target {
    Client(Box<TargetClient>),
    Group(String),
    User(Box<TargetUser>),
}

/// A client's record as it was compared, and as it is to be.
#[derive(Debug)]
pub(super) struct TargetClient {
    pub(super) before: Option<Client>,
    pub(super) after: Option<Client>,
}

/// What becomes of a user.
#[derive(Debug)]
pub(super) enum TargetUser {
    /// A new one, with the groups to join; taken when it is created.
    New(Option<Draft>, Vec<String>),
    /// One that there is.
    Changed(Box<User>, UserUpdate),
}

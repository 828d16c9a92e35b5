//! Groups: creating, listing, deleting.

use super::call::Admin;
use super::error::{AdminError, refused};
use protocol::event::{Event, What};
use protocol::group::{Group, GroupName};
use serde::Serialize;
use storage::Commit;

/// A group as operators see it. `created_at` is in seconds.
#[derive(Debug, Serialize)]
pub struct GroupInformation<'a> {
    name: &'a str,
    created_at: u64,
    /// Whether a deletion was interrupted.
    deleting: bool,
}

impl<'a> From<&'a Group> for GroupInformation<'a> {
    fn from(group: &'a Group) -> Self {
        let Group { name, created_at, deleting } = group;
        Self { name: name.as_str(), created_at: created_at.seconds(), deleting: *deleting }
    }
}

impl Admin {
    /// Creates a group.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if it can't have this name; [`AdminError::Store`].
    pub async fn create_group(&self, name: &str) -> Result<Group, AdminError> {
        let group = GroupName::parse(name).map_err(|bad| refused(format!("`{name}`: {}", bad.fix())))?;
        let group = Group { name: group, created_at: self.call.at, deleting: false };
        match self.store.create_group(&group, self.call).await? {
            Commit::Done => {
                let event = Event::new(What::GroupCreated).group(&group.name);
                self.audit(&event.changing(None::<&Group>, Some(&group)));
                Ok(group)
            }
            Commit::Lost(Some(there)) if there.deleting => Err(refused(format!(
                "the group `{name}` is being deleted: delete it again to finish that, then create it"
            ))),
            Commit::Lost(_) => {
                Err(refused(format!("there is a group `{name}` already: choose another name")))
            }
        }
    }

    /// Deletes a group, and takes it from its members page by page; returns how many there were. If this is interrupted,
    /// nobody can be added any more, and the next deletion goes on.
    ///
    /// # Errors
    /// [`AdminError::NoGroup`], [`AdminError::Store`].
    pub async fn delete_group(&self, name: &str) -> Result<u64, AdminError> {
        let no_group = || AdminError::NoGroup(name.to_owned());
        let before = self.store.groups().await?.into_iter().find(|group| group.name.as_str() == name);
        let before = before.ok_or_else(no_group)?;
        let group = &before.name;
        if !self.store.close_group(&before, self.call).await?.is_done() {
            return Err(no_group());
        }
        let (mut left, mut behind) = (0, None);
        loop {
            let members = self.store.members(group, behind).await?;
            let Some(last) = members.last() else { break };
            behind = Some(*last);
            for member in &members {
                let seen = self.store.user(member).await?;
                // Lost: the user is gone, or somebody else has finished this deletion.
                if !self.store.leave_group(member, &before, self.call).await?.is_done() {
                    continue;
                }
                let after = self.store.user(member).await?;
                let event = Event::new(What::UserChanged).user(*member).group(group);
                self.audit(&event.changing(seen.as_ref(), after.as_ref()));
                left += 1;
            }
        }
        // A lost commit means that somebody else has finished the same.
        drop(self.store.delete_group(&before, self.call).await?);
        let event = Event::new(What::GroupDeleted).group(group);
        self.audit(&event.changing(Some(&before), None::<&Group>));
        Ok(left)
    }
}

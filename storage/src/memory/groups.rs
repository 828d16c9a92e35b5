//! Groups, and who is in them.

use super::tables::{Tables, change, put_new};
use crate::stored::Stored;
use crate::{Commit, MEMBERS_LIMIT, Stamp};
use protocol::group::{Group, GroupName};
use protocol::id::UserId;
use protocol::user::User;

impl Tables {
    pub(super) fn groups(&self) -> Vec<Group> {
        self.groups.values().map(|stored| stored.record.clone()).collect()
    }

    pub(super) fn create_group(&mut self, group: &Group, stamp: Stamp) -> Commit<Group> {
        put_new(&mut self.groups, group.name.clone(), group.clone(), stamp, |there| there == group)
    }

    pub(super) fn close_group(&mut self, group: &Group, stamp: Stamp) -> Commit<Group> {
        let seen = |there: &Group| there.created_at == group.created_at;
        change(&mut self.groups, &group.name, stamp, seen, |there| there.deleting = true, |_| false)
    }

    pub(super) fn delete_group(&mut self, group: &Group, _: Stamp) -> Commit<Group> {
        match self.groups.get(&group.name) {
            Some(stored) if stored.record.is_deleted_as(group) => {
                self.groups.remove(&group.name);
                Commit::Done
            }
            there => Commit::Lost(there.map(|stored| Box::new(stored.record.clone()))),
        }
    }

    pub(super) fn members(&self, group: &GroupName, behind: Option<UserId>) -> Vec<UserId> {
        let members = self.users.values().map(|stored| &stored.record);
        let members = members.filter(|user| user.groups.contains(group)).map(|user| user.id);
        members.filter(|id| behind.is_none_or(|behind| *id > behind)).take(MEMBERS_LIMIT as usize).collect()
    }

    pub(super) fn leave_group(&mut self, user: &UserId, group: &Group, stamp: Stamp) -> Commit<User> {
        let Some(there) = self.users.get_mut(user) else { return Commit::Lost(None) };
        if !there.record.groups.contains(&group.name) {
            return Commit::Done;
        }
        if !self.groups.get(&group.name).is_some_and(|stored| stored.record.is_deleted_as(group)) {
            return Commit::Lost(Some(Box::new(there.record.clone())));
        }
        there.record.groups.remove(&group.name);
        there.record.updated_at = there.record.next_update(stamp.at);
        there.last_request = stamp.request;
        Commit::Done
    }

    /// Whether users can be added to a group.
    pub(super) fn is_open(&self, group: &GroupName) -> bool {
        self.groups.get(group).is_some_and(|stored: &Stored<Group>| !stored.record.deleting)
    }
}

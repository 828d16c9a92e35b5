//! Groups, and who is in them: the users' records say so.

use super::attribute::{attribute, text};
use super::call::{KEYS, Update, names, of_known_format};
use super::fault::Fault;
use super::item::{self, Key, Record, record};
use super::retry::{back_off, retrying_busy};
use super::table::Table;
use super::transaction::{Cancelled, change, require};
use super::user::ROUNDS;
use crate::{Commit, MEMBERS_LIMIT, Stamp};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use protocol::group::{Group, GroupName};
use protocol::id::UserId;
use protocol::user::User;

impl Record for Group {}

/// That a group is the one that was seen, and is being deleted.
const DELETED: &str = "#created_at = :seen AND #deleting = :yes AND #v = :v";

/// The values of [`DELETED`].
fn deleted_as(seen: &Group) -> Result<[(&'static str, AttributeValue); 3], Fault> {
    Ok([("seen", attribute(&seen.created_at)?), ("yes", attribute(&true)?), of_known_format()])
}

impl Table {
    pub(super) fn group_key(&self, name: &GroupName) -> Key {
        Key::group(&self.realm, name)
    }

    pub(super) async fn groups(&self) -> Result<Vec<Group>, Fault> {
        let mut groups: Vec<Group> = self.scan("GROUP", false, record).await?;
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(groups)
    }

    pub(super) async fn create_group(&self, group: &Group, stamp: Stamp) -> Result<Commit<Group>, Fault> {
        let item = item::encode(&self.group_key(&group.name), group, stamp)?;
        self.put_new(item).await?.outcome(stamp, |there| there == group)
    }

    pub(super) async fn close_group(&self, group: &Group, stamp: Stamp) -> Result<Commit<Group>, Fault> {
        let update = Update::new(self.group_key(&group.name), stamp)
            .set("deleting", &true)
            .when("#created_at = :seen")
            .value("seen", &group.created_at);
        self.update(update).await?.outcome(stamp, |_| false)
    }

    pub(super) async fn delete_group(&self, group: &Group, stamp: Stamp) -> Result<Commit<Group>, Fault> {
        let key = self.group_key(&group.name);
        self.delete_if(&key, DELETED, deleted_as(group)?).await?.outcome(stamp, |_| false)
    }

    /// Part of a transaction that has an effect only if users can be added to the group.
    pub(super) fn require_open(&self, name: &GroupName) -> Result<TransactWriteItem, Fault> {
        let open = [("no", attribute(&false)?), of_known_format()];
        require("#deleting = :no AND #v = :v", &self.group_key(name), open, &self.name)
    }

    /// Reads the whole table, from `behind` on in its own order, until there are enough.
    pub(super) async fn members(
        &self,
        group: &GroupName,
        behind: Option<UserId>,
    ) -> Result<Vec<UserId>, Fault> {
        let filter = "#sk = :sk AND begins_with(#pk, :pk) AND contains(#groups, :group)";
        let mut start = behind.map(|user| Key::user(&self.realm, &user).item());
        let mut members = Vec::new();
        loop {
            let call = self.client.scan().table_name(&self.name).consistent_read(true);
            let call = call
                .filter_expression(filter)
                .projection_expression(KEYS)
                .set_expression_attribute_names(names(&[filter, KEYS]))
                .expression_attribute_values(":pk", text(format!("{}#USER#", self.realm.as_str())))
                .expression_attribute_values(":sk", text("USER"))
                .expression_attribute_values(":group", text(group.as_str()))
                .set_exclusive_start_key(start);
            let page = retrying_busy(|| call.clone().send()).await?;
            for item in page.items.unwrap_or_default() {
                members.push(Key::of(&item)?.user_id()?);
            }
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() || members.len() >= MEMBERS_LIMIT as usize {
                members.truncate(MEMBERS_LIMIT as usize);
                return Ok(members);
            }
        }
    }

    pub(super) async fn leave_group(
        &self,
        id: &UserId,
        group: &Group,
        stamp: Stamp,
    ) -> Result<Commit<User>, Fault> {
        let key = Key::user(&self.realm, id);
        let deleted = require(DELETED, &self.group_key(&group.name), deleted_as(group)?, &self.name)?;
        for round in 0..ROUNDS {
            let Some(mut user) = self.user(id).await? else { return Ok(Commit::Lost(None)) };
            if !user.groups.remove(&group.name) {
                return Ok(Commit::Done);
            }
            let update = Update::new(key.clone(), stamp)
                .replace("groups", Some(&user.groups).filter(|groups| !groups.is_empty()))
                .set("updated_at", &user.next_update(stamp.at))
                .when("#updated_at = :seen")
                .value("seen", &user.updated_at);
            match self.transact(vec![change(update, &self.name)?, deleted.clone()]).await? {
                None => return Ok(Commit::Done),
                Some(Cancelled { index: 0, .. }) => {}
                Some(_) => return Ok(Commit::Lost(self.user(id).await?.map(Box::new))),
            }
            back_off(stamp, round).await;
        }
        Err(Fault::busy("the user keeps changing"))
    }
}

//! Changing what only operators may change of a user: the name, a verified address, claims. One guarded write replaces
//! the record and the identifiers by which the user is found; sessions and grants stay, because they hang on the id.

use super::call::Admin;
use super::error::{AdminError, UserRefused, refused};
use super::users::{NewUser, claim_name};
use crate::password::Passwords;
use protocol::claims::Catalog;
use protocol::event::{Event, What};
use protocol::group::{GroupName, MOST_OF_A_USER};
use protocol::name::{Identifier, is_email};
use protocol::time::Timestamp;
use protocol::user::User;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use storage::Commit;
use zeroize::Zeroizing;

/// What is to change of a user; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct UserUpdate {
    /// Another user name.
    pub username: Option<String>,
    /// Another address, or none.
    pub email: NewAddress,
    /// Whether the address is known to be theirs. Without this another address is not, and the same one stays as it was.
    pub email_verified: Option<bool>,
    /// All claims, in place of those there are.
    pub claims: Option<Map<String, Value>>,
    /// Groups to which the user is added.
    pub joins: Vec<String>,
    /// Groups from which the user is taken.
    pub leaves: Vec<String>,
    /// Whether an operator insists on the name, whatever it looks like.
    pub allow_lookalike: bool,
}

/// What becomes of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NewAddress {
    /// It stays.
    #[default]
    Kept,
    /// The user has none any more.
    Removed,
    /// The user has this one.
    Is(String),
}

impl Admin {
    /// Changes a user. Nothing is written if nothing changes.
    ///
    /// # Errors
    /// [`AdminError::NoUser`]; [`AdminError::User`] if something is not acceptable or is taken; [`AdminError::Contended`];
    /// [`AdminError::Store`].
    pub async fn update_user(&self, reference: &str, update: &UserUpdate) -> Result<User, AdminError> {
        let before = self.user(reference).await?;
        self.update_seen_user(reference, before, update).await
    }

    /// The same for a user who was just read; `reference` is what the caller calls them.
    pub(super) async fn update_seen_user(
        &self,
        reference: &str,
        before: User,
        update: &UserUpdate,
    ) -> Result<User, AdminError> {
        let after =
            updated(&before, update, &self.claims, self.call.at).map_err(|why| why.of(&before.username))?;
        self.check_leaves(&before, &update.leaves).await?;
        if (User { updated_at: before.updated_at, ..after.clone() }) == before {
            return Ok(before);
        }
        let identifiers = self.identifiers_of_update(&before, &after, update.allow_lookalike).await?;
        let joins: BTreeSet<GroupName> = after.groups.difference(&before.groups).cloned().collect();
        let listed: Vec<_> = joins.iter().cloned().collect();
        let seen = before.updated_at;
        match self.store.replace_user(&after, &identifiers, &listed, seen, self.call).await? {
            Commit::Done => {
                let event = Event::new(What::UserChanged).user(after.id);
                self.audit(&event.changing(Some(&before), Some(&after)));
                Ok(after)
            }
            Commit::Lost(None) => Err(AdminError::NoUser(reference.to_owned())),
            Commit::Lost(Some(there)) if there.id != before.id => {
                Err(UserRefused::lost(&there, &identifiers).of(&after.username))
            }
            // Nothing has changed, so it is a group that can't be joined.
            Commit::Lost(Some(there)) if there.updated_at == seen => {
                // Without a reason it has been made meanwhile.
                let why = self.why_not_joined(&joins).await?;
                Err(why.unwrap_or_else(|| AdminError::Contended(reference.to_owned())))
            }
            Commit::Lost(Some(_)) => Err(AdminError::Contended(reference.to_owned())),
        }
    }

    /// Creates a user who is in these groups.
    ///
    /// # Errors
    /// Those of [`Self::create_user`] and [`Self::update_user`]. Only if a group is deleted meanwhile does the user exist
    /// afterwards.
    pub async fn create_user_in(
        &self,
        new: NewUser,
        password: Option<(&Passwords, Zeroizing<String>)>,
        groups: Vec<String>,
    ) -> Result<User, AdminError> {
        let update = UserUpdate { joins: groups, ..UserUpdate::default() };
        let joins = groups_of(&BTreeSet::new(), &update).map_err(|why| why.of(&new.username))?;
        if let Some(why) = self.why_not_joined(&joins).await? {
            return Err(why);
        }
        let user = self.create_user(new, password).await?;
        self.update_user(&user.id.to_string(), &update).await
    }

    /// The user as an update would have it, without writing it.
    ///
    /// # Errors
    /// Those of [`Self::update_user`] for what is not acceptable.
    pub(super) async fn user_after(&self, before: &User, update: &UserUpdate) -> Result<User, AdminError> {
        let after = updated(before, update, &self.claims, self.call.at);
        let after = after.map_err(|why| why.of(&before.username))?;
        self.identifiers_of_update(before, &after, update.allow_lookalike).await?;
        Ok(after)
    }

    /// A group that the user isn't in can be left, but not one that isn't there: its name is a mistake.
    async fn check_leaves(&self, user: &User, leaves: &[String]) -> Result<(), AdminError> {
        let is_in = |name: &str| user.groups.iter().any(|group| group.as_str() == name);
        let mut others = leaves.iter().filter(|name| !is_in(name)).peekable();
        if others.peek().is_none() {
            return Ok(());
        }
        let there = self.store.groups().await?;
        let missing = others.find(|name| there.iter().all(|group| group.name.as_str() != **name));
        missing.map_or(Ok(()), |name| Err(AdminError::NoGroup(name.clone())))
    }

    /// Why users can't be added to one of these groups.
    async fn why_not_joined(&self, joins: &BTreeSet<GroupName>) -> Result<Option<AdminError>, AdminError> {
        if joins.is_empty() {
            return Ok(None);
        }
        let there = self.store.groups().await?;
        Ok(joins.iter().find_map(|name| match there.iter().find(|group| group.name == *name) {
            None => Some(AdminError::NoGroup(name.to_string())),
            Some(group) if group.deleting => {
                Some(refused(format!("the group `{name}` is being deleted: nobody can be added to it")))
            }
            Some(_) => None,
        }))
    }

    /// Everything that is to lead to the user, all of it free or theirs.
    async fn identifiers_of_update(
        &self,
        before: &User,
        after: &User,
        allow_lookalike: bool,
    ) -> Result<Vec<Identifier>, AdminError> {
        let refuse = |why: UserRefused| why.of(&after.username);
        let is_renamed = after.username != before.username;
        // A name that stays may be older than a rule.
        let name = claim_name(&after.username, allow_lookalike || !is_renamed);
        let name = name.map_err(|why| refuse(UserRefused::Name(why)))?;
        let address = after.email.as_deref().filter(|_| after.email_verified).and_then(Identifier::email);
        let mut identifiers: Vec<_> =
            [Identifier::Username(name.clone())].into_iter().chain(address).collect();
        if self.is_taken(&name, &identifiers, Some(before)).await? {
            return Err(refuse(UserRefused::Taken));
        }
        let skeleton = Identifier::skeleton(&after.username);
        match self.store.find_user(&skeleton, &[]).await?.user {
            Some(other) if other != before.id => {
                if is_renamed && !allow_lookalike {
                    return Err(refuse(UserRefused::LooksTaken));
                }
            }
            _ => identifiers.push(skeleton),
        }
        Ok(identifiers)
    }
}

/// The user as the update would have it.
fn updated(
    before: &User,
    update: &UserUpdate,
    catalog: &Catalog,
    at: Timestamp,
) -> Result<User, UserRefused> {
    let mut user = User { updated_at: before.next_update(at), ..before.clone() };
    if let Some(name) = &update.username {
        name.trim().clone_into(&mut user.username);
    }
    match &update.email {
        NewAddress::Kept => {}
        NewAddress::Removed => (user.email, user.email_verified) = (None, false),
        NewAddress::Is(email) => {
            let is_same = before.email.as_deref().and_then(Identifier::email) == Identifier::email(email);
            user.email = Some(email.trim().to_owned());
            user.email_verified = before.email_verified && is_same;
        }
    }
    user.email_verified = update.email_verified.unwrap_or(user.email_verified);
    match &user.email {
        Some(email) if !is_email(email) => return Err(UserRefused::Email),
        None if user.email_verified => return Err(UserRefused::NothingVerified),
        _ => {}
    }
    if let Some(claims) = &update.claims {
        catalog.check(claims).map_err(UserRefused::Claims)?;
        user.claims.clone_from(claims);
    }
    user.groups = groups_of(&before.groups, update)?;
    Ok(user)
}

fn groups_of(before: &BTreeSet<GroupName>, update: &UserUpdate) -> Result<BTreeSet<GroupName>, UserRefused> {
    let refused = |name: &str, why| UserRefused::Group(name.to_owned(), why);
    let mut groups = before.clone();
    groups.retain(|group| update.leaves.iter().all(|name| group.as_str() != name));
    for name in &update.joins {
        let group = GroupName::parse(name).map_err(|bad| refused(name, bad.fix()))?;
        if update.leaves.contains(name) {
            return Err(refused(name, "it is both joined and left: decide for one"));
        }
        groups.insert(group);
        if groups.len() > MOST_OF_A_USER {
            return Err(refused(name, "a user can be in 64 groups: leave another one first"));
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::samples;

    fn address(email: Option<&str>, email_verified: bool) -> User {
        User { email: email.map(Into::into), email_verified, ..samples::user() }
    }

    #[test]
    fn only_a_proven_address_is_verified() {
        let same = NewAddress::Is("Alice@Example.org".into());
        let other = NewAddress::Is(" other@example.org ".into());
        let (ours, theirs, new) = ("alice@example.org", "Alice@Example.org", "other@example.org");
        for (before, email, verified, expected) in [
            (address(Some(ours), true), NewAddress::Kept, None, Ok((Some(ours), true))),
            (address(Some(ours), true), NewAddress::Kept, Some(false), Ok((Some(ours), false))),
            (address(Some(ours), false), NewAddress::Kept, Some(true), Ok((Some(ours), true))),
            (address(Some(ours), true), same.clone(), None, Ok((Some(theirs), true))),
            (address(Some(ours), false), same, None, Ok((Some(theirs), false))),
            (address(Some(ours), true), other.clone(), None, Ok((Some(new), false))),
            (address(Some(ours), false), other.clone(), Some(true), Ok((Some(new), true))),
            (address(None, false), other, Some(true), Ok((Some(new), true))),
            (address(Some(ours), true), NewAddress::Removed, None, Ok((None, false))),
            (address(None, false), NewAddress::Kept, Some(true), Err(UserRefused::NothingVerified)),
            (address(Some(ours), true), NewAddress::Removed, Some(true), Err(UserRefused::NothingVerified)),
            (address(None, false), NewAddress::Is("nobody".into()), None, Err(UserRefused::Email)),
        ] {
            let update = UserUpdate { email, email_verified: verified, ..UserUpdate::default() };
            let user = updated(&before, &update, &Catalog::default(), Timestamp::EPOCH);
            let found = user.as_ref().map(|user| (user.email.as_deref(), user.email_verified));
            assert_eq!(found.map_err(Clone::clone), expected, "{before:?} {update:?}");
        }
    }
}

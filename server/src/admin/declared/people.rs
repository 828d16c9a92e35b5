//! Declared groups and users.

use super::change::{Action, Change};
use super::file::{DeclaredGroup, DeclaredUser};
use super::plan::{Plan, Step, Target, TargetUser};
use crate::admin::call::Admin;
use crate::admin::error::{AdminError, UserRefused};
use crate::admin::user_update::{NewAddress, UserUpdate};
use crate::admin::users::{NewUser, claim_name};
use protocol::group::GroupName;
use protocol::name::{CanonicalName, Identifier, is_email};
use protocol::user::User;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

impl Admin {
    /// Plans the groups that are missing. Returns all that users can be in afterwards.
    pub(super) async fn plan_groups(
        &self,
        declared: &[DeclaredGroup],
        plan: &mut Plan,
        problems: &mut Vec<String>,
    ) -> Result<BTreeSet<String>, AdminError> {
        let there = self.store.groups().await?;
        let there = there.iter().filter(|group| !group.deleting).map(|group| group.name.as_str().to_owned());
        let mut all: BTreeSet<String> = there.collect();
        for DeclaredGroup { name } in declared {
            if let Err(bad) = GroupName::parse(name) {
                problems.push(format!("group `{name}`: {}", bad.fix()));
            } else if all.insert(name.clone()) {
                let change = Change::between("group", name, None, Some(&Map::new()));
                let target = Target::Group(name.clone());
                plan.steps.extend(change.map(|change| Step { change, target, fresh: None }));
            }
        }
        Ok(all)
    }

    pub(super) async fn plan_users(
        &self,
        declared: &[DeclaredUser],
        groups: &BTreeSet<String>,
        plan: &mut Plan,
        problems: &mut Vec<String>,
    ) -> Result<(), AdminError> {
        let (mut names, mut skeletons) = (BTreeSet::new(), BTreeMap::new());
        for one in declared {
            let name = &one.username;
            let mut say = |why: &dyn fmt::Display| problems.push(format!("user `{name}`: {why}"));
            let canonical = CanonicalName::parse(name).ok();
            if canonical.as_ref().is_some_and(|canonical| !names.insert(canonical.as_str().to_owned())) {
                say(&"it is declared twice");
                continue;
            }
            for missing in one.groups.iter().flatten().filter(|group| !groups.contains(*group)) {
                say(&format_args!("there is no group `{missing}`: declare it, too"));
            }
            let step = match self.plan_user(one, canonical).await {
                Ok(step) => step,
                Err(AdminError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    error.each().iter().for_each(|why| say(why));
                    continue;
                }
            };
            // Of users who exist, names that look alike were allowed.
            let is_new = step.as_ref().is_some_and(|step| step.change.action == Action::Create);
            let other = is_new.then(|| skeletons.insert(Identifier::skeleton(name), name)).flatten();
            if let Some(other) = other {
                say(&format_args!("the name looks like that of user `{other}`: choose another"));
            }
            plan.steps.extend(step);
        }
        Ok(())
    }

    async fn plan_user(
        &self,
        declared: &DeclaredUser,
        name: Option<CanonicalName>,
    ) -> Result<Option<Step>, AdminError> {
        let found = match name {
            Some(name) => self.store.find_user(&Identifier::Username(name), &[]).await?.user,
            None => None,
        };
        let before = match found {
            Some(id) => self.store.user(&id).await?,
            None => None,
        };
        self.check_declared(declared, before.is_none())?;
        let (members, target) = match &before {
            Some(before) => {
                let update = update_of(declared, before);
                (
                    members_of(&self.user_after(before, &update).await?),
                    TargetUser::Changed(Box::new(before.clone()), update),
                )
            }
            None => self.plan_new_user(declared).await?,
        };
        let seen = before.as_ref().map(members_of);
        let change = Change::between("user", &declared.username, seen.as_ref(), Some(&members));
        let target = Target::User(Box::new(target));
        Ok(change.map(|change| Step { change, target, fresh: None }))
    }

    /// Everything that is wrong with a user, whoever else there is.
    fn check_declared(&self, declared: &DeclaredUser, is_new: bool) -> Result<(), AdminError> {
        let name = claim_name(&declared.username, false).err().filter(|_| is_new).map(UserRefused::Name);
        let address = declared.email.as_ref().filter(|email| !is_email(email)).map(|_| UserRefused::Email);
        let each =
            declared.claims.iter().map(|(name, value)| Map::from_iter([(name.clone(), value.clone())]));
        let claims = each.filter_map(|claim| self.claims.check(&claim).err()).map(UserRefused::Claims);
        let all = name.into_iter().chain(address).chain(claims).map(|why| why.of(&declared.username));
        AdminError::of(all.collect()).map_or(Ok(()), Err)
    }

    async fn plan_new_user(
        &self,
        declared: &DeclaredUser,
    ) -> Result<(Map<String, Value>, TargetUser), AdminError> {
        let new = NewUser {
            username: declared.username.clone(),
            email: declared.email.clone(),
            email_verified: declared.email_verified.unwrap_or(false),
            claims: declared.claims.clone(),
            allow_lookalike: false,
        };
        let groups: Vec<String> = declared.groups.iter().flatten().cloned().collect();
        let members = members(&new.email, new.email_verified, &new.claims, &groups);
        Ok((members, TargetUser::New(Some(self.draft(new, None).await?), groups)))
    }

    pub(super) async fn change_declared_user(&self, target: &mut TargetUser) -> Result<(), AdminError> {
        match target {
            TargetUser::New(draft, groups) => {
                let Some(draft) = draft.take() else { return Ok(()) };
                let user = self.make_user(draft, None).await?;
                if !groups.is_empty() {
                    let update = UserUpdate { joins: groups.clone(), ..UserUpdate::default() };
                    self.update_user(&user.id.to_string(), &update).await?;
                }
                Ok(())
            }
            TargetUser::Changed(before, update) => {
                let now = self.store.user(&before.id).await?;
                let now = now.ok_or_else(|| AdminError::NoUser(before.username.clone()))?;
                if now != **before {
                    return Err(AdminError::Contended(now.username));
                }
                self.update_seen_user(&before.username, now, update).await.map(drop)
            }
        }
    }
}

/// What a declaration names of a user who exists.
fn update_of(declared: &DeclaredUser, before: &User) -> UserUpdate {
    let mut claims = before.claims.clone();
    claims.extend(declared.claims.clone());
    let is_in = |name: &str| before.groups.iter().any(|group| group.as_str() == name);
    let (mut joins, mut leaves) = (Vec::new(), Vec::new());
    if let Some(groups) = &declared.groups {
        joins.extend(groups.iter().filter(|name| !is_in(name)).cloned());
        let left = before.groups.iter().filter(|group| !groups.contains(group.as_str()));
        leaves.extend(left.map(GroupName::to_string));
    }
    UserUpdate {
        email: declared.email.clone().map_or(NewAddress::Kept, NewAddress::Is),
        email_verified: declared.email_verified,
        claims: (claims != before.claims).then_some(claims),
        joins,
        leaves,
        ..UserUpdate::default()
    }
}

fn members_of(user: &User) -> Map<String, Value> {
    let groups: Vec<String> = user.groups.iter().map(GroupName::to_string).collect();
    members(&user.email, user.email_verified, &user.claims, &groups)
}

fn members(
    email: &Option<String>,
    email_verified: bool,
    claims: &Map<String, Value>,
    groups: &[String],
) -> Map<String, Value> {
    let members =
        json!({ "email": email, "email_verified": email_verified, "groups": groups, "claims": claims });
    members.as_object().cloned().unwrap_or_default()
}

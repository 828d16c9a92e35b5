//! Users: creating, showing, disabling, deleting, passwords.

use super::call::Admin;
use super::error::{AdminError, UserRefused};
use crate::password::{self, Passwords, Place};
use keys::entropy;
use protocol::event::{Event, What};
use protocol::generation::Generation;
use protocol::group::GroupName;
use protocol::id::{ClientId, Subject, UserId};
use protocol::name::{BadName, CanonicalName, Identifier, is_email};
use protocol::user::{PasswordHash, User};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use storage::{Commit, StoreError};
use zeroize::Zeroizing;

/// The fields of a new user.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// The name they sign in with.
    pub username: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// Whether the address is known to be theirs; it is a login name then.
    pub email_verified: bool,
    /// Standard claims (OIDC Core §5.1), declared ones, and those named by an https URI.
    pub claims: Map<String, Value>,
    /// Whether an operator insists on the name, whatever it looks like.
    pub allow_lookalike: bool,
}

/// A user who can be created: everything was checked, and only the password is still to be hashed.
#[derive(Debug)]
pub struct Draft {
    new: NewUser,
    identifiers: Vec<Identifier>,
}

/// A user as operators see them. `created_at` is in seconds.
#[derive(Debug, Serialize)]
pub struct UserInformation<'a> {
    id: String,
    sub: &'a str,
    username: &'a str,
    email: Option<&'a str>,
    email_verified: bool,
    disabled: bool,
    created_at: u64,
    groups: &'a BTreeSet<GroupName>,
    claims: &'a Map<String, Value>,
}

impl<'a> From<&'a User> for UserInformation<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id.to_string(),
            sub: user.subject.as_str(),
            username: &user.username,
            email: user.email.as_deref(),
            email_verified: user.email_verified,
            disabled: user.disabled,
            created_at: user.created_at.seconds(),
            groups: &user.groups,
            claims: &user.claims,
        }
    }
}

impl Admin {
    /// Creates a user. Without a password they can't sign in until one is set.
    ///
    /// # Errors
    /// [`AdminError::User`] if name, address, claims or password are not acceptable; [`AdminError::Password`];
    /// [`AdminError::Store`].
    pub async fn create_user(
        &self,
        new: NewUser,
        password: Option<(&Passwords, Zeroizing<String>)>,
    ) -> Result<User, AdminError> {
        let draft = self.draft(new, password.as_ref().map(|(_, password)| password.as_str())).await?;
        let password = match password {
            Some((pool, password)) => Some((pool.place().await?, password)),
            None => None,
        };
        self.make_user(draft, password).await
    }

    /// Checks the fields of a new user, and the password they are to get.
    ///
    /// # Errors
    /// Those of [`Self::create_user`].
    pub async fn draft(&self, new: NewUser, password: Option<&str>) -> Result<Draft, AdminError> {
        let refused = |why: UserRefused| why.of(&new.username);
        let name = claim_name(&new.username, new.allow_lookalike);
        let name = name.map_err(|why| refused(UserRefused::Name(why)))?;
        let mut identifiers = identifiers_of(&new, &name).map_err(refused)?;
        self.claims.check(&new.claims).map_err(|why| refused(UserRefused::Claims(why)))?;
        if let Some(password) = password {
            password::check_new(password, &new.username)
                .map_err(|why| refused(UserRefused::Password(why)))?;
        }
        // Checked here so that a taken name doesn't cost a password hash; the commit checks it again.
        if self.is_taken(&name, &identifiers, None).await? {
            return Err(refused(UserRefused::Taken));
        }
        let skeleton = Identifier::skeleton(&new.username);
        if self.store.find_user(&skeleton, &[]).await?.user.is_none() {
            identifiers.push(skeleton);
        } else if !new.allow_lookalike {
            return Err(refused(UserRefused::LooksTaken));
        }
        Ok(Draft { new, identifiers })
    }

    /// Creates a user from a draft, with the password that was checked with it.
    ///
    /// # Errors
    /// [`AdminError::User`] if the name was taken in between; [`AdminError::Password`]; [`AdminError::Store`].
    pub async fn make_user(
        &self,
        Draft { new, identifiers }: Draft,
        password: Option<(Place, Zeroizing<String>)>,
    ) -> Result<User, AdminError> {
        let hash = match password {
            Some((place, password)) => Some(place.hash(password, entropy::bytes(&*self.entropy)).await?),
            None => None,
        };
        let user = User {
            id: UserId::from_bytes(entropy::bytes(&*self.entropy)),
            subject: Subject::from_random(entropy::bytes(&*self.entropy)),
            username: new.username.trim().to_owned(),
            email: new.email,
            email_verified: new.email_verified,
            claims: new.claims,
            groups: BTreeSet::new(),
            password: hash,
            disabled: false,
            generation: Generation::first(self.call.request),
            created_at: self.call.at,
            updated_at: self.call.at,
        };
        match self.store.create_user(&user, &identifiers, self.call).await? {
            Commit::Done => {
                let event = Event::new(What::UserCreated).user(user.id);
                self.audit(&event.changing(None::<&User>, Some(&user)));
                Ok(user)
            }
            Commit::Lost(Some(there)) => Err(UserRefused::lost(&there, &identifiers).of(&user.username)),
            Commit::Lost(None) => Err(UserRefused::Taken.of(&user.username)),
        }
    }

    /// Whether a name or an identifier is somebody's other than `own`.
    pub(super) async fn is_taken(
        &self,
        name: &CanonicalName,
        identifiers: &[Identifier],
        own: Option<&User>,
    ) -> Result<bool, StoreError> {
        // N-173: no user shall be mistaken for a client.
        if own.and_then(User::canonical_name).as_ref() != Some(name)
            && let Some(client) = ClientId::parse(name.as_str())
            && self.store.client(&client).await?.is_some()
        {
            return Ok(true);
        }
        for identifier in identifiers {
            let owner = self.store.find_user(identifier, &[]).await?.user;
            if owner.is_some_and(|owner| own.is_none_or(|own| own.id != owner)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A user by id, user name or verified e-mail address.
    ///
    /// # Errors
    /// [`AdminError::NoUser`], [`AdminError::Store`].
    pub async fn user(&self, reference: &str) -> Result<User, AdminError> {
        if let Some(id) = UserId::parse(reference)
            && let Some(user) = self.store.user(&id).await?
        {
            return Ok(user);
        }
        let found = match Identifier::typed(reference) {
            Some(identifier) => self.store.find_user(&identifier, &[]).await?.user,
            None => None,
        };
        let user = match found {
            Some(id) => self.store.user(&id).await?,
            None => None,
        };
        user.ok_or_else(|| AdminError::NoUser(reference.to_owned()))
    }

    /// Disables a user, which ends their sessions and grants permanently, or enables them again.
    ///
    /// # Errors
    /// [`AdminError::NoUser`], [`AdminError::Contended`], [`AdminError::Store`].
    pub async fn set_user_disabled(&self, reference: &str, disabled: bool) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let done = self.store.set_user_disabled(&user.id, disabled, self.call).await?;
        self.changed(reference, user, &done).await
    }

    /// Sets a password, which ends the user's sessions and grants permanently.
    ///
    /// # Errors
    /// [`AdminError::NoUser`]; [`AdminError::User`] if the password is not acceptable; [`AdminError::Password`];
    /// [`AdminError::Contended`]; [`AdminError::Store`].
    pub async fn set_password(
        &self,
        reference: &str,
        pool: &Passwords,
        password: Zeroizing<String>,
    ) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let hash = self.hash(pool, password, &user.username).await?;
        let done = self.store.set_password(&user.id, None, &hash, self.call).await?;
        self.changed(reference, user, &done).await
    }

    /// Ends a user's sessions and grants permanently.
    ///
    /// # Errors
    /// [`AdminError::NoUser`], [`AdminError::Contended`], [`AdminError::Store`].
    pub async fn void_user(&self, reference: &str) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let done = self.store.void_user(&user.id, self.call).await?;
        self.changed(reference, user, &done).await
    }

    /// The user after a write, which becomes an event.
    async fn changed(&self, reference: &str, before: User, done: &Commit<User>) -> Result<User, AdminError> {
        let after = match done {
            Commit::Done => self.store.user(&before.id).await?,
            Commit::Lost(None) => None,
            Commit::Lost(Some(_)) => return Err(AdminError::Contended(reference.to_owned())),
        };
        let after = after.ok_or_else(|| AdminError::NoUser(reference.to_owned()))?;
        let event = Event::new(What::UserChanged).user(after.id);
        self.audit(&event.changing(Some(&before), Some(&after)));
        Ok(after)
    }

    /// Deletes a user and all their data.
    ///
    /// # Errors
    /// [`AdminError::NoUser`], [`AdminError::Store`].
    pub async fn delete_user(&self, reference: &str) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        // A lost commit means that they are gone already: deleted by an attempt whose answer got lost, or by others.
        drop(self.store.delete_user(&user.id, self.call).await?);
        self.delete_belongings(&user.id).await?;
        let event = Event::new(What::UserDeleted).user(user.id);
        self.audit(&event.changing(Some(&user), None::<&User>));
        Ok(user)
    }

    /// Deletes the records that a deleted user left, none of which is valid any more. True if there were any.
    ///
    /// # Errors
    /// If the store fails. What is left then is deleted by the next call, or when it expires.
    pub async fn delete_belongings(&self, user: &UserId) -> Result<bool, StoreError> {
        let mut any = false;
        while self.store.delete_belongings(user).await? > 0 {
            any = true;
        }
        Ok(any)
    }

    /// Checks and hashes a new password.
    ///
    /// # Errors
    /// [`AdminError::User`] if it is not acceptable, [`AdminError::Password`].
    pub async fn hash(
        &self,
        pool: &Passwords,
        password: Zeroizing<String>,
        username: &str,
    ) -> Result<PasswordHash, AdminError> {
        password::check_new(&password, username).map_err(|why| UserRefused::Password(why).of(username))?;
        Ok(pool.place().await?.hash(password, entropy::bytes(&*self.entropy)).await?)
    }
}

/// The canonical form of a new name; every rule but those on its looks holds also if an operator insists on it.
pub(super) fn claim_name(typed: &str, allow_lookalike: bool) -> Result<CanonicalName, BadName> {
    if allow_lookalike { CanonicalName::parse(typed) } else { CanonicalName::claim(typed) }
}

/// A verified address is a login name, an unverified one reserves nothing: its owner may still prove it.
fn identifiers_of(new: &NewUser, name: &CanonicalName) -> Result<Vec<Identifier>, UserRefused> {
    let mut identifiers = vec![Identifier::Username(name.clone())];
    match &new.email {
        Some(email) if !is_email(email) => return Err(UserRefused::Email),
        Some(email) if new.email_verified => identifiers.extend(Identifier::email(email)),
        None if new.email_verified => return Err(UserRefused::NothingVerified),
        _ => {}
    }
    Ok(identifiers)
}

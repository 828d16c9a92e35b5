//! Users: making, showing, disabling, deleting, passwords.

use super::{Admin, AdminError};
use crate::entropy;
use crate::password::{self, Passwords};
use protocol::id::{Subject, UserId};
use protocol::name::{CanonicalName, Identifier, is_email};
use protocol::time::Timestamp;
use protocol::user::{User, check_claims};
use serde::Serialize;
use serde_json::{Map, Value};
use storage::Commit;
use zeroize::Zeroizing;

/// What a new user is made of.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// What they sign in with.
    pub username: String,
    /// An address.
    pub email: Option<String>,
    /// The operator knows that it is theirs; it is a login name then.
    pub email_verified: bool,
    /// Standard claims (OIDC Core §5.1).
    pub claims: Map<String, Value>,
}

/// A user as operators see them. `created_at` is seconds.
#[derive(Debug, Serialize)]
pub struct UserInformation<'a> {
    id: String,
    sub: &'a str,
    username: &'a str,
    email: Option<&'a str>,
    email_verified: bool,
    disabled: bool,
    created_at: u64,
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
            claims: &user.claims,
        }
    }
}

impl Admin {
    /// Makes a user. Without a password they can't sign in until one is set.
    ///
    /// # Errors
    /// [`AdminError::Refused`] for a name that is taken or can't be one, claims or a password that won't do.
    pub async fn create_user(
        &self,
        new: NewUser,
        password: Option<(&Passwords, Zeroizing<String>)>,
    ) -> Result<User, AdminError> {
        let name = CanonicalName::claim(&new.username)
            .map_err(|why| AdminError::Refused(format!("`{}`: {}", new.username, why.mend())))?;
        let identifiers = identifiers_of(&new, name)?;
        check_claims(&new.claims).map_err(bad_claim)?;
        let hash = match password {
            Some((pool, password)) => Some(self.hash(pool, password, &new.username).await?),
            None => None,
        };
        let now = self.clock.now();
        let user = User {
            id: UserId::from_bytes(entropy::bytes(&*self.entropy)),
            subject: Subject::from_random(entropy::bytes(&*self.entropy)),
            username: new.username.trim().to_owned(),
            email: new.email,
            email_verified: new.email_verified,
            claims: new.claims,
            password: hash,
            disabled: false,
            not_before: Timestamp::EPOCH,
            created_at: now,
            updated_at: now,
        };
        match self.store.create_user(&user, &identifiers, self.stamp()).await? {
            Commit::Done => Ok(user),
            Commit::Lost(_) => {
                let mend =
                    format!("the name `{}` or its e-mail address is taken: choose another", user.username);
                Err(AdminError::Refused(mend))
            }
        }
    }

    /// A user by id, user name or verified e-mail address.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if there is none.
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
        user.ok_or_else(|| no_user(reference))
    }

    /// Disables a user, which ends their sessions and grants for good, or enables them again.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if there is none.
    pub async fn set_user_disabled(&self, reference: &str, disabled: bool) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let done = self.store.set_user_disabled(&user.id, disabled, self.stamp()).await?;
        if done.is_done() { Ok(User { disabled, ..user }) } else { Err(no_user(reference)) }
    }

    /// Sets a password, which ends sessions and grants for good.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if there is no such user or the password won't do.
    pub async fn set_password(
        &self,
        reference: &str,
        pool: &Passwords,
        password: Zeroizing<String>,
    ) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let hash = self.hash(pool, password, &user.username).await?;
        let done = self.store.set_password(&user.id, None, &hash, self.stamp()).await?;
        if done.is_done() { Ok(user) } else { Err(no_user(reference)) }
    }

    /// Ends a user's sessions and grants for good.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if there is none.
    pub async fn void_user(&self, reference: &str) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let done = self.store.void_user(&user.id, self.stamp()).await?;
        if done.is_done() { Ok(user) } else { Err(no_user(reference)) }
    }

    /// Deletes a user with everything that is theirs.
    ///
    /// # Errors
    /// [`AdminError::Refused`] if there is none.
    pub async fn delete_user(&self, reference: &str) -> Result<User, AdminError> {
        let user = self.user(reference).await?;
        let done = self.store.delete_user(&user.id, self.stamp()).await?;
        if done.is_done() { Ok(user) } else { Err(no_user(reference)) }
    }

    async fn hash(
        &self,
        pool: &Passwords,
        password: Zeroizing<String>,
        username: &str,
    ) -> Result<protocol::user::PasswordHash, AdminError> {
        password::check_new(&password, username)?;
        Ok(pool.hash(password, entropy::bytes(&*self.entropy)).await?)
    }
}

/// A verified address is a login name, an unverified one reserves nothing (design §10).
fn identifiers_of(new: &NewUser, name: CanonicalName) -> Result<Vec<Identifier>, AdminError> {
    let mut identifiers = vec![Identifier::Username(name)];
    match &new.email {
        Some(email) if !is_email(email) => {
            return Err(AdminError::Refused(format!("`{email}` is not an e-mail address")));
        }
        Some(email) if new.email_verified => identifiers.extend(Identifier::email(email)),
        None if new.email_verified => {
            return Err(AdminError::Refused("--email-verified needs --email beside it".into()));
        }
        _ => {}
    }
    Ok(identifiers)
}

fn bad_claim(name: String) -> AdminError {
    AdminError::Refused(format!(
        "the claim `{name}` can't be set like this: use the standard claims of OpenID Connect Core 5.1 with their \
         types; e-mail has its own flags"
    ))
}

fn no_user(reference: &str) -> AdminError {
    AdminError::Refused(format!(
        "there is no user `{reference}`; `keyward user list` shows them (an unverified e-mail address is no name)"
    ))
}

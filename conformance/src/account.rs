//! Everything a user has, for tests that look into the store.

use protocol::consent::Consent;
use protocol::grant::{Grant, GrantKey};
use protocol::id::UserId;
use protocol::session::Session;
use protocol::user::User;
use storage::{Belonging, GrantLocator, Store};

/// A user with what they have.
#[derive(Debug, Default)]
pub struct Account {
    /// The user, if the record exists.
    pub user: Option<User>,
    /// Their sessions, ended and expired ones included, oldest first.
    pub sessions: Vec<Session>,
    /// Their grants, revoked and expired ones included, oldest first.
    pub grants: Vec<Grant>,
    /// What they agreed to.
    pub consents: Vec<Consent>,
}

impl Account {
    /// Reads all of it, page by page.
    pub async fn of(store: &dyn Store, id: &UserId) -> Self {
        let mut account = Self { user: store.user(id).await.unwrap(), ..Self::default() };
        let mut behind = None;
        loop {
            let page = store.belongings(id, behind).await.unwrap();
            for belonging in page.list {
                match belonging {
                    Belonging::Consent(consent) => account.consents.push(consent),
                    Belonging::Grant(grant) => account.grants.push(*grant),
                    Belonging::Session(session) => account.sessions.push(session),
                }
            }
            behind = page.next;
            if behind.is_none() {
                break;
            }
        }
        account.sessions.sort_by_key(|session| (session.created_at, session.id));
        account.grants.sort_by_key(|grant| (grant.created_at, grant.id));
        account
    }
}

/// A grant as it is kept.
pub async fn kept_grant(store: &dyn Store, key: GrantKey) -> Grant {
    store.load_grant(GrantLocator { key, session: None }).await.unwrap().grant.unwrap()
}

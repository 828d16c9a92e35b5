//! What the page lists: sessions, and clients that have a consent or a grant. Both are read page by page and cut where
//! the page ends, however many there are, and one page is read at a time, with accounts taking turns.

use super::owner::Owner;
use crate::in_flight::InFlightGuard;
use crate::web::context::RequestContext;
use crate::web::failure::Failure;
use protocol::client::Client;
use protocol::grant::DependsOn;
use protocol::id::{ClientId, GrantId, SessionId};
use protocol::params::encode;
use protocol::scope::Scope;
use protocol::session::{MOST_OF_A_USER, Session};
use protocol::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::{Belonging, Belongings, Place};

/// How many clients a page shows.
const MOST_APPS: usize = 50;
/// How many pages of records are read to find them.
const MOST_PAGES: usize = 5;
/// How many lists of one session may wait at a time. No browser needs that many; more are refused. They are counted by
/// session, so a thief's session doesn't keep the owner's from the page that ends it.
const MOST_WAITING: usize = 4;

/// Permission to list what the owner has, for one request.
pub(super) struct Lists<'a> {
    cx: &'a RequestContext,
    owner: &'a Owner,
    _waiting: InFlightGuard<SessionId>,
}

impl<'a> Lists<'a> {
    /// Begins.
    ///
    /// # Errors
    /// [`Failure::Server`], transient, if [`MOST_WAITING`] lists of the session wait already.
    pub(super) fn enter(cx: &'a RequestContext, owner: &'a Owner) -> Result<Self, Failure> {
        let waiting = cx.app.lists().enter(owner.session.id);
        if waiting.ahead() >= MOST_WAITING {
            return Err(Failure::busy("a session asks for the lists of its account too often at once"));
        }
        Ok(Self { cx, owner, _waiting: waiting })
    }

    /// A page of what the owner has, when it is this account's turn.
    ///
    /// # Errors
    /// [`Failure::Server`]; transient, if the queue is full and this account has the most in it.
    pub(super) async fn page(&self, behind: Option<Place>) -> Result<Belongings, Failure> {
        let _permit = self.cx.app.permit_to_list(&self.owner.session).await?;
        Ok(self.cx.app.store.belongings(&self.owner.user.id, behind).await?)
    }

    /// The sessions that are alive: this browser's, then the others, latest sign-in first.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub(super) async fn sessions(&self, now: Timestamp) -> Result<Vec<Session>, Failure> {
        let page = self.page(Some(Place::Sessions)).await?;
        let others =
            page.list.iter().filter_map(session).filter(|session| session.id != self.owner.session.id);
        let alive =
            others.filter(|session| session.is_alive(&self.owner.user, self.cx.ring.generation(), now));
        let mut sessions: Vec<Session> = alive.cloned().collect();
        sessions.sort_by_key(|session| Reverse(session.authentication.at));
        // Former versions let users have more sessions than a page holds: this browser's may be on another page.
        sessions.insert(0, self.owner.session.clone());
        sessions.truncate(MOST_OF_A_USER);
        Ok(sessions)
    }

    /// Clients with a consent or a living grant, and the place behind which the next page of them begins.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub(super) async fn apps(
        &self,
        sessions: &[Session],
        mut behind: Option<Place>,
        now: Timestamp,
    ) -> Result<(Vec<Connected>, Option<Place>), Failure> {
        let mut known = Known::new();
        for _ in 0..MOST_PAGES {
            let page = self.page(behind.clone()).await?;
            for belonging in &page.list {
                let client = match belonging {
                    Belonging::Consent(consent) => &consent.client,
                    Belonging::Grant(grant) => &grant.client,
                    Belonging::Session(_) => return Ok((shown(known), None)),
                };
                if !known.contains_key(client) {
                    if known.len() >= MOST_APPS {
                        return Ok((shown(known), behind));
                    }
                    // Once each: clients that don't exist any more are not cached.
                    known.insert(client.clone(), (self.cx.app.client(client).await?, None));
                }
                if let Some((Some(client), connected)) = known.get_mut(client)
                    && let Some((scope, since, is_offline)) = self.given(client, sessions, belonging, now)
                {
                    match connected {
                        Some(connected) => connected.add(scope, since, is_offline),
                        None => {
                            let (client, scope) = (Arc::clone(client), scope.clone());
                            *connected = Some(Connected { client, scope, since, is_offline });
                        }
                    }
                }
                behind = Some(belonging.place());
            }
            behind = page.next;
            if behind.is_none() {
                break;
            }
        }
        Ok((shown(known), behind))
    }

    /// What a record gives its client, since when, and whether offline; `None` if it doesn't count.
    fn given<'b>(
        &self,
        client: &Client,
        sessions: &[Session],
        belonging: &'b Belonging,
        now: Timestamp,
    ) -> Option<(&'b Scope, Timestamp, bool)> {
        let (user, realm) = (&self.owner.user, self.cx.ring.generation());
        match belonging {
            Belonging::Consent(consent) => {
                consent.counts(user, client, realm).then_some((&consent.scope, consent.granted_at, false))
            }
            Belonging::Grant(grant) => {
                let session = sessions.iter().find(|session| session.id == grant.session);
                let alive = grant.is_alive(&DependsOn { user, session, client, realm }, now);
                alive.then_some((&grant.scope, grant.created_at, grant.offline))
            }
            Belonging::Session(_) => None,
        }
    }
}

/// The session, if it is one.
pub(super) fn session(belonging: &Belonging) -> Option<&Session> {
    match belonging {
        Belonging::Session(session) => Some(session),
        _ => None,
    }
}

/// A client that this user gave something.
pub(super) struct Connected {
    pub(super) client: Arc<Client>,
    pub(super) scope: Scope,
    pub(super) since: Timestamp,
    pub(super) is_offline: bool,
}

impl Connected {
    fn add(&mut self, scope: &Scope, since: Timestamp, is_offline: bool) {
        self.scope = self.scope.union(scope);
        self.since = self.since.min(since);
        self.is_offline |= is_offline;
    }
}

/// Clients that have records: as they are registered, and what counts of the records.
type Known = BTreeMap<ClientId, (Option<Arc<Client>>, Option<Connected>)>;

fn shown(known: Known) -> Vec<Connected> {
    known.into_values().filter_map(|(_, connected)| connected).collect()
}

/// A place as text in the page's URL.
pub(super) fn to_text(place: &Place) -> Option<String> {
    match place {
        Place::Consent(client) => Some(format!("c.{}", encode(client.as_str()))),
        Place::Grant(id) => Some(format!("g.{id}")),
        Place::Sessions | Place::Session(_) => None,
    }
}

/// The place in a page's URL.
pub(super) fn from_text(text: &str) -> Option<Place> {
    match text.split_once('.')? {
        ("c", client) => ClientId::parse(client).map(Place::Consent),
        ("g", id) => GrantId::parse(id).map(Place::Grant),
        _ => None,
    }
}

//! What the page lists: sessions, and clients that were given something. Both are read page by page and cut where the
//! page ends, however much somebody has piled up, and one list is made at a time.

use super::Owner;
use crate::app::App;
use crate::http::failure::Failure;
use protocol::client::Client;
use protocol::grant::DependsOn;
use protocol::id::{ClientId, GrantId};
use protocol::scope::Scope;
use protocol::session::{MOST_OF_A_USER, Session};
use protocol::time::Timestamp;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;
use storage::{Belonging, Belongings, Place};

/// How many clients a page shows.
const MOST_APPS: usize = 50;
/// How many pages of records are looked through for them.
const MOST_PAGES: usize = 5;
/// How many lists of one person's account may wait for their turn. Nobody needs that many; more are refused.
const MOST_WAITING: usize = 4;

/// A page of what the owner has, when it is its turn.
///
/// # Errors
/// Busy, for somebody whose lists wait already; what breaks.
pub(super) async fn page(app: &App, owner: &Owner, behind: Option<Place>) -> Result<Belongings, Failure> {
    let turn = app.lists().enter(owner.user.id);
    if turn.ahead() >= MOST_WAITING {
        return Err(Failure::busy("somebody asks for the lists of their account too often at once"));
    }
    let _one = app.listing().await;
    Ok(app.store.belongings(&owner.user.id, behind).await?)
}

/// The session, if it is one.
pub(super) fn session(belonging: &Belonging) -> Option<&Session> {
    match belonging {
        Belonging::Session(session) => Some(session),
        _ => None,
    }
}

/// The sessions that are alive: this browser's first, then the latest first.
///
/// # Errors
/// As [`page`].
pub(super) async fn sessions(app: &App, owner: &Owner, now: Timestamp) -> Result<Vec<Session>, Failure> {
    let page = page(app, owner, Some(Place::Sessions)).await?;
    let all = page.list.iter().filter_map(session);
    let alive = all.filter(|session| session.is_alive(&owner.user, owner.ring.generation(), now));
    let mut sessions: Vec<Session> = alive.cloned().collect();
    sessions.sort_by_key(|session| (session.id != owner.session.id, Reverse(session.authentication.at)));
    sessions.truncate(MOST_OF_A_USER);
    Ok(sessions)
}

/// A client that has something of this user.
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

/// Clients with a remembered consent or a living grant, and where the next page of them begins.
///
/// # Errors
/// As [`page`].
pub(super) async fn apps(
    app: &App,
    owner: &Owner,
    sessions: &[Session],
    mut behind: Option<Place>,
    now: Timestamp,
) -> Result<(Vec<Connected>, Option<Place>), Failure> {
    let mut known: BTreeMap<ClientId, Option<Connected>> = BTreeMap::new();
    for _ in 0..MOST_PAGES {
        let page = page(app, owner, behind.clone()).await?;
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
                known.insert(client.clone(), None);
            }
            let Some(entry) = known.get_mut(client) else { continue };
            if let Some((scope, since, is_offline)) = given(app, owner, sessions, belonging, now).await? {
                match entry {
                    Some(connected) => connected.add(scope, since, is_offline),
                    None => {
                        let Some(client) = app.client(client).await? else { continue };
                        *entry = Some(Connected { client, scope: scope.clone(), since, is_offline });
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

fn shown(known: BTreeMap<ClientId, Option<Connected>>) -> Vec<Connected> {
    known.into_values().flatten().collect()
}

/// What a record gives its client, and since when, if it counts.
async fn given<'a>(
    app: &App,
    owner: &Owner,
    sessions: &[Session],
    belonging: &'a Belonging,
    now: Timestamp,
) -> Result<Option<(&'a Scope, Timestamp, bool)>, Failure> {
    let (user, realm) = (&owner.user, owner.ring.generation());
    Ok(match belonging {
        Belonging::Consent(consent) => match app.client(&consent.client).await? {
            Some(client) if consent.counts(user, &client, realm) => {
                Some((&consent.scope, consent.granted_at, false))
            }
            _ => None,
        },
        Belonging::Grant(grant) => {
            let session = sessions.iter().find(|session| session.id == grant.session);
            match app.client(&grant.client).await? {
                Some(client) if grant.is_alive(&DependsOn { user, session, client: &client, realm }, now) => {
                    Some((&grant.scope, grant.created_at, grant.offline))
                }
                _ => None,
            }
        }
        Belonging::Session(_) => None,
    })
}

/// A place as it stands in the page's URL.
pub(super) fn to_text(place: &Place) -> Option<String> {
    match place {
        Place::Consent(client) => Some(format!("c.{client}")),
        Place::Grant(id) => Some(format!("g.{id}")),
        Place::Sessions | Place::Session(_) => None,
    }
}

/// The place of a page's URL.
pub(super) fn from_text(text: &str) -> Option<Place> {
    match text.split_once('.')? {
        ("c", client) => ClientId::parse(client).map(Place::Consent),
        ("g", id) => GrantId::parse(id).map(Place::Grant),
        _ => None,
    }
}

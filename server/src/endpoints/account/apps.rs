//! Revoking what clients were given: every grant, and the consent, of one or all.

use super::list::Lists;
use super::owner::{AccountForm, done};
use crate::app::App;
use crate::interaction::{PageRequest, Stop};
use crate::tasks::{at_once, to_the_end};
use crate::telemetry;
use crate::web::context::RequestContext;
use crate::web::failure::Failure;
use crate::web::request_info::RequestInfo;
use axum::response::Response;
use protocol::Refusal;
use protocol::consent::Consent;
use protocol::event::{Event, What};
use protocol::grant::{Grant, RevocationReason};
use protocol::id::ClientId;
use storage::{Belonging, Place};

/// The form: `client` is an id, or `all` is there.
pub async fn post(request: PageRequest) -> Result<Response, Stop> {
    let AccountForm { cx, owner, fields } = AccountForm::open(request).await?;
    let one = fields.get("client").and_then(ClientId::parse);
    if one.is_none() && fields.get("all").is_none() {
        return Err(Refusal::FieldsMissing.into());
    }
    let lists = Lists::enter(&cx, &owner)?;
    // Consents first: a grant that is made by one meanwhile is found below, or doesn't find the consent
    // ([`storage::Store::create_grant`]).
    forget_consents(&cx, &lists, one.as_ref()).await?;
    revoke_grants(&cx, &lists, one.as_ref()).await?;
    done(&cx, "apps")
}

/// Forgets the consents to one client, or to all.
async fn forget_consents(
    cx: &RequestContext,
    lists: &Lists<'_>,
    one: Option<&ClientId>,
) -> Result<(), Failure> {
    let mut behind = None;
    loop {
        let page = lists.page(behind).await?;
        let is_last = !matches!(page.list.last(), Some(Belonging::Consent(_)));
        let consents = page.list.into_iter().filter_map(|belonging| match belonging {
            Belonging::Consent(consent) if is_meant(one, &consent.client) => Some(consent),
            _ => None,
        });
        let acts = consents.map(|consent| Ok(to_the_end(forget(cx.app.clone(), cx.info, consent))));
        at_once(acts, |()| ()).await?;
        behind = page.next.filter(|_| !is_last);
        if behind.is_none() {
            return Ok(());
        }
    }
}

/// Revokes the grants of one client, or of all.
async fn revoke_grants(
    cx: &RequestContext,
    lists: &Lists<'_>,
    one: Option<&ClientId>,
) -> Result<(), Failure> {
    let mut behind = None;
    loop {
        let page = lists.page(behind).await?;
        let grants = page.list.into_iter().filter_map(|belonging| match belonging {
            Belonging::Grant(grant) if is_meant(one, &grant.client) && grant.revoked.is_none() => Some(grant),
            _ => None,
        });
        at_once(grants.map(|grant| Ok(revoke(cx.app.clone(), cx.info, grant))), |()| ()).await?;
        behind = page.next;
        if matches!(behind, None | Some(Place::Sessions | Place::Session(_))) {
            return Ok(());
        }
    }
}

fn is_meant(one: Option<&ClientId>, client: &ClientId) -> bool {
    one.is_none_or(|one| one == client)
}

async fn forget(app: App, info: RequestInfo, consent: Consent) -> Result<(), Failure> {
    app.store.forget_consent(&consent.user, &consent.client, info.stamp()).await?;
    telemetry::audit(info, &Event::new(What::ConsentRevoked).user(consent.user).client(&consent.client));
    Ok(())
}

async fn revoke(app: App, info: RequestInfo, grant: Box<Grant>) -> Result<(), Failure> {
    let (event, key) = (Event::of_grant(What::GrantRevoked, &grant), grant.key());
    let write = async move { app.store.revoke_grant(key, RevocationReason::Revoked, info.stamp()).await };
    info.write_and_audit(event, write).await.map(drop)
}

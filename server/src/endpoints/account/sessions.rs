//! Ending other sessions, one or all.

use super::list::{self, Lists};
use super::owner::{AccountForm, done};
use crate::interaction::{PageRequest, Stop, end};
use crate::tasks::at_once;
use axum::response::Response;
use protocol::Refusal;
use protocol::id::SessionId;
use protocol::session::Session;
use storage::Place;

/// The form: `session` is an id, or `others`.
pub async fn post(request: PageRequest) -> Result<Response, Stop> {
    let AccountForm { cx, owner, fields } = AccountForm::open(request).await?;
    let asked = fields.get("session").ok_or(Refusal::FieldsMissing)?;
    let one = SessionId::parse(asked);
    // This browser's session is ended by signing out.
    let meant =
        |session: &&Session| session.id != owner.session.id && (asked == "others" || Some(session.id) == one);
    let lists = Lists::enter(&cx, &owner)?;
    let mut behind = Some(Place::Sessions);
    while let Some(place) = behind {
        let page = lists.page(Some(place)).await?;
        let sessions = page.list.iter().filter_map(list::session).filter(meant);
        let living = sessions.filter(|session| session.ended_at.is_none());
        let ends = living.cloned().map(|session| {
            let (app, info) = (cx.app.clone(), cx.info);
            Ok(async move { end(&app, info, &session.user, &session.id, &session.secret).await })
        });
        at_once(ends, |()| ()).await?;
        behind = page.next;
    }
    done(&cx, "sessions")
}

//! Ending other sessions, one or all.

use super::list::{self, Lists};
use super::owner::{done, submitted};
use crate::app::App;
use crate::interaction::{Stop, end};
use crate::tasks::at_once;
use crate::web::call::Call;
use crate::web::failure::Failure;
use crate::web::form::Form;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use protocol::Refusal;
use protocol::id::SessionId;
use protocol::session::Session;
use storage::Place;

/// The form: `session` is an id, or `others`.
pub async fn post(
    State(app): State<App>,
    call: Call,
    headers: HeaderMap,
    form: Result<Form, Failure>,
) -> Response {
    submit(&app, call, &headers, form).await.unwrap_or_else(|stop| stop.respond(&app, call))
}

async fn submit(
    app: &App,
    call: Call,
    headers: &HeaderMap,
    form: Result<Form, Failure>,
) -> Result<Response, Stop> {
    let (owner, _, form) = match submitted(app, call, headers, form).await? {
        Ok(submitted) => submitted,
        Err(away) => return Ok(away),
    };
    let asked = form.get("session").ok_or(Refusal::FieldsMissing)?;
    let one = SessionId::parse(asked);
    // This browser signs out by signing out.
    let meant =
        |session: &&Session| session.id != owner.session.id && (asked == "others" || Some(session.id) == one);
    let lists = Lists::enter(app, &owner)?;
    let mut behind = Some(Place::Sessions);
    while let Some(place) = behind {
        let page = lists.page(Some(place)).await?;
        let sessions = page.list.iter().filter_map(list::session).filter(meant);
        let living = sessions.filter(|session| session.ended_at.is_none());
        let ends = living.cloned().map(|session| {
            let app = app.clone();
            Ok(async move { end(&app, call, &session.user, &session.id, &session.secret).await })
        });
        at_once(ends, |()| ()).await?;
        behind = page.next;
    }
    done(app, "sessions")
}

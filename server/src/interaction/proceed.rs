//! How a request in progress continues: on a page of ours, or back at the client.

use super::browser::Visitor;
use super::issue::issue;
use super::step::Step;
use super::stop::{Stop, see_other};
use crate::app::App;
use crate::keys::Snapshot;
use crate::web::call::Call;
use axum::response::Response;
use protocol::authorize::Next;

/// Goes to a page of ours, or back to the client.
pub async fn proceed(
    app: &App,
    call: Call,
    ring: &Snapshot,
    step: &Step,
    visitor: &Visitor,
    next: Next,
) -> Result<Response, Stop> {
    match next {
        Next::SignIn => {
            let page = if step.request.prompt.create { "/signup" } else { "/login" };
            Ok(see_other(&page_url(app, ring, step, page)?)?)
        }
        Next::Consent => Ok(see_other(&page_url(app, ring, step, "/consent")?)?),
        Next::Refuse(refusal) => Err(step.refuse(refusal)),
        Next::Issue(granted) => issue(app, call, ring, step, visitor, granted).await,
    }
}

fn page_url(app: &App, ring: &Snapshot, step: &Step, path: &str) -> Result<String, Stop> {
    let sealed = step.progress.seal(ring, &*app.entropy).map_err(|refusal| step.refuse(refusal))?;
    Ok(format!("{}{path}?r={sealed}", app.settings.issuer.path()))
}

//! How a request in progress continues: on a page of ours, or back at the client.

use super::browser::Visitor;
use super::issue::issue;
use super::pending::PendingRequest;
use super::stop::{Stop, see_other};
use crate::web::context::RequestContext;
use axum::response::Response;
use protocol::authorize::NextStep;

/// Goes to a page of ours, or back to the client.
///
/// # Errors
/// [`Stop::Answer`] if the client gets an error; [`Stop::Page`] if we fail or the request is over.
pub async fn proceed(
    cx: &RequestContext,
    pending: &PendingRequest,
    visitor: &Visitor,
    next: NextStep,
) -> Result<Response, Stop> {
    match next {
        NextStep::SignIn => {
            let page = if pending.request.prompt.create { "/signup" } else { "/login" };
            Ok(see_other(&page_url(cx, pending, page)?)?)
        }
        NextStep::Consent => Ok(see_other(&page_url(cx, pending, "/consent")?)?),
        NextStep::Refuse(refusal) => Err(pending.refuse(refusal)),
        NextStep::Issue(granted) => issue(cx, pending, visitor, granted).await,
    }
}

fn page_url(cx: &RequestContext, pending: &PendingRequest, path: &str) -> Result<String, Stop> {
    let sealed = pending.progress.seal(&cx.ring, &*cx.app.entropy);
    let sealed = sealed.map_err(|refusal| pending.refuse(refusal))?;
    Ok(cx.path(&format!("{path}?r={sealed}")))
}

//! `/authorize` (RFC 6749 §3.1, OIDC Core §3.1.2).

use crate::interaction::{PageRequest, PendingRequest, Stop, Visitor, proceed, progress, see_other};
use crate::web::form;
use axum::response::Response;
use keys::seal::SealKind;
use protocol::Refusal;
use protocol::authorize::request::PARAMETERS;

/// The longest query, in bytes of the URL.
const MAX_QUERY_BYTES: usize = 7000;

/// A request by GET, or the GET that one by POST became.
pub async fn get(request: PageRequest) -> Result<Response, Stop> {
    let (sent, length) = (request.query_partly(&PARAMETERS)?, request.raw_query().len());
    let cx = request.context().await?;
    let params = match sent.get("r") {
        Some(posted) => progress::open_posted(SealKind::PostedRequest, posted, &cx.ring, cx.info.at)?,
        None => sent,
    };
    let pending = PendingRequest::begin(&cx, params).await?;
    if length > MAX_QUERY_BYTES {
        return Err(pending.refuse(Refusal::RequestTooLong));
    }
    let visitor = Visitor::load(&cx, &pending.client.id).await?;
    let next = pending.decide(&cx, &visitor, None);
    let response = proceed(&cx, &pending, &visitor, next).await?;
    Ok(visitor.touch(&cx, response))
}

/// A request by POST. From another site it carries no cookie of ours, so it becomes a GET, which does.
pub async fn post(mut request: PageRequest) -> Result<Response, Stop> {
    let params = request.form_partly(form::LARGE, &PARAMETERS).await?;
    let cx = request.context().await?;
    let pending = PendingRequest::begin(&cx, params).await?;
    let (params, entropy) = (pending.progress.params.only(&PARAMETERS), &*cx.app.entropy);
    let sealed = progress::seal_posted(SealKind::PostedRequest, &params, &cx.ring, entropy, cx.info.at);
    let sealed = sealed.map_err(|refusal| pending.refuse(refusal))?;
    Ok(see_other(&cx.path(&format!("/authorize?r={sealed}")))?)
}

//! Client authentication at our endpoints. A handler that takes a [`ClientRequest`] can't forget it.

use super::cors;
use super::failure::{Failure, explain};
use super::form;
use super::request_info::RequestInfo;
use crate::app::App;
use axum::extract::{FromRequest, FromRequestParts as _, Request};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue};
use protocol::Refusal;
use protocol::client::Client;
use protocol::client_auth::{Credentials, secret::authenticate};
use protocol::error::ErrorCode;
use protocol::event::{Event, What};
use protocol::evidence::Evidence;
use protocol::id::ClientId;
use protocol::params::Params;
use protocol::shown::is_id;
use std::sync::Arc;

/// An authenticated client's request.
pub struct ClientRequest {
    /// The client.
    pub client: Arc<Client>,
    /// The form it sent.
    pub form: Params,
    /// Id, time and address of the request.
    pub info: RequestInfo,
    origin: Option<HeaderValue>,
}

impl ClientRequest {
    /// The response, which the client's own browser code may read.
    pub fn answer(&self, outcome: Result<Response, Failure>) -> Response {
        let mut response = outcome.unwrap_or_else(Failure::into_response);
        explain(&mut response, |refusal| Evidence::of(refusal, &self.form, Some(&self.client)));
        cors::allow(&mut response, self.origin.clone(), &self.client);
        response
    }
}

impl FromRequest<App> for ClientRequest {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let (mut head, body) = request.into_parts();
        let info =
            RequestInfo::from_request_parts(&mut head, app).await.map_err(IntoResponse::into_response)?;
        let origin = cors::origin(&head.headers);
        let by_header = head.headers.contains_key(AUTHORIZATION);
        let form = form::read(&head, body, form::SMALL).await.map_err(|failure| {
            let mut response = failure.into_response();
            explain(&mut response, |refusal| form::evidence(refusal, &head.headers));
            response
        })?;
        let proven = prove(app, info, &head.headers, &form).await;
        let client = proven.map_err(|Unproven(failure, evidence)| {
            let mut response = challenge(failure, by_header);
            explain(&mut response, |refusal| evidence.unwrap_or_else(|| Evidence::of(refusal, &form, None)));
            response
        })?;
        Ok(Self { client, form, info, origin })
    }
}

/// Why no client is authenticated, and what explains it in the log if it is not in the form.
struct Unproven(Failure, Option<Evidence>);

impl<T: Into<Failure>> From<T> for Unproven {
    fn from(failure: T) -> Self {
        Self(failure.into(), None)
    }
}

async fn prove(
    app: &App,
    info: RequestInfo,
    headers: &HeaderMap,
    form: &Params,
) -> Result<Arc<Client>, Unproven> {
    form::check_unique(form)?;
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let header = sent.next();
    if sent.next().is_some() {
        return Err(Refusal::SeveralAuthentications.into());
    }
    let header = header.map(|value| value.to_str().map_err(|_| Refusal::CredentialsMalformed)).transpose()?;
    let credentials = Credentials::read(header, form)?;
    let client = look_up(app, info, credentials.client_id(), form).await?;
    if let Err(refusal) = authenticate(&credentials, client.as_deref(), info.at) {
        let (claimed, event) = (credentials.client_id(), Event::new(What::ClientAuthenticationFailed));
        // A secret that was sent as an id is not logged.
        let is_id = client.is_some() || is_id(claimed.as_str());
        info.audit_failure(app, &if is_id { event.client(claimed) } else { event });
        let evidence = Evidence::of_credentials(refusal, &credentials, client.as_deref());
        return Err(Unproven(refusal.into(), Some(evidence)));
    }
    Ok(client.ok_or(Failure::internal("a client that does not exist authenticated"))?)
}

/// The client with that id, if there is one.
async fn look_up(
    app: &App,
    info: RequestInfo,
    id: &ClientId,
    form: &Params,
) -> Result<Option<Arc<Client>>, Failure> {
    let _permit = app.permit_to_look_up(id, info.queue_key(app)).await?;
    match app.client(id).await {
        Err(error) if form.get("grant_type") == Some("client_credentials") => {
            Ok(app.client_while_away(id, error, info.at)?)
        }
        other => Ok(other?),
    }
}

/// RFC 6749 §5.2: a client that tried HTTP authentication gets a challenge for it.
fn challenge(failure: Failure, by_header: bool) -> Response {
    let unproven = matches!(&failure, Failure::Refused(why) if why.code() == ErrorCode::InvalidClient);
    let mut response = failure.into_response();
    if by_header && unproven {
        let basic = HeaderValue::from_static(r#"Basic realm="keyward", charset="UTF-8""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, basic);
    }
    response
}

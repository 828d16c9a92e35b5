//! What other programs look for at a fixed place of every host (RFC 8615).

use crate::app::App;
use crate::interaction::{PageRequest, Stop, see_other};
use crate::pages;
use crate::web::cors;
use crate::web::request_info::RequestInfo;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, Method};

/// Leads to where a user changes the password (W3C, A Well-Known URL for Changing Passwords), for password managers.
pub async fn change_password(request: PageRequest) -> Result<Response, Stop> {
    Ok(see_other(&request.app.settings.issuer.url("/account#password"))?)
}

/// Whom to tell about a vulnerability (RFC 9116), if the settings say it.
pub async fn security_txt(
    State(app): State<App>,
    info: RequestInfo,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let settings = &app.settings;
    let Some(expires) = settings.security_expires else {
        return pages::nowhere(State(app), info, method, headers).await;
    };
    let contacts: String = settings.security_contact.iter().map(|uri| format!("Contact: {uri}\n")).collect();
    let origin = settings.issuer.origin();
    let text = format!("{contacts}Expires: {expires}\nCanonical: {origin}/.well-known/security.txt\n");
    let head = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")];
    (head, [cors::ANYONE], text).into_response()
}

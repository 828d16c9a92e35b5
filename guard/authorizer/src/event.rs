//! What API Gateway sends, told apart by its shape. An event of which a part is missing or of another type has no token.
//!
//! - <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html>
//! - <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>
//! - <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html>

use crate::answer::Form;
use guard::{Rejection, bearer_token};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

/// An event.
pub(crate) struct Event {
    value: Value,
    /// How it is answered.
    pub(crate) form: Form,
}

impl Event {
    pub(crate) fn parse(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let form = match member(&value, &["version"]) {
            Some("2.0") => Form::Simple,
            Some("1.0") => Form::HttpPolicy(stage(&value)),
            _ => Form::RestPolicy(stage(&value)),
        };
        Self { value, form }
    }

    /// The token that was sent.
    pub(crate) fn token(&self, is_query_read: bool) -> Result<String, Rejection> {
        if let Form::RestPolicy(None) | Form::HttpPolicy(None) = self.form {
            return Err(Rejection::Malformed);
        }
        let mut headers = HeaderMap::new();
        // Two are refused already.
        for value in self.authorizations()?.into_iter().take(2) {
            headers.append(AUTHORIZATION, HeaderValue::try_from(value).map_err(|_| Rejection::Malformed)?);
        }
        let in_query = self.query_token().filter(|_| is_query_read && self.is_websocket());
        match (bearer_token(&headers), in_query) {
            (Err(Rejection::Missing), Some(token)) if headers.is_empty() => Ok(token.to_owned()),
            // RFC 6750 §2: a token is sent in one way only.
            (Ok(_), Some(_)) => Err(Rejection::Malformed),
            (sent, _) => sent.map(ToOwned::to_owned),
        }
    }

    /// The values of `Authorization`.
    fn authorizations(&self) -> Result<Vec<&str>, Rejection> {
        if member(&self.value, &["type"]) == Some("TOKEN") {
            return Ok(member(&self.value, &["authorizationToken"]).into_iter().collect());
        }
        // REST APIs have all values of a header in the one and the last value in the other.
        let all = values(&self.value, "multiValueHeaders")?;
        if all.is_empty() { values(&self.value, "headers") } else { Ok(all) }
    }

    fn query_token(&self) -> Option<&str> {
        member(&self.value, &["queryStringParameters", "access_token"])
    }

    /// Only a browser that opens a WebSocket has a reason: it can't send the header.
    fn is_websocket(&self) -> bool {
        member(&self.value, &["requestContext", "eventType"]) == Some("CONNECT")
            && matches!(self.form, Form::RestPolicy(_))
    }
}

/// The values of `Authorization` in one of the maps of headers. The names are as the client wrote them.
fn values<'a>(event: &'a Value, map: &str) -> Result<Vec<&'a str>, Rejection> {
    let mut found = Vec::new();
    for (name, value) in event.get(map).and_then(Value::as_object).into_iter().flatten() {
        if name.eq_ignore_ascii_case(AUTHORIZATION.as_str()) {
            let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for value in list {
                found.push(value.as_str().ok_or(Rejection::Malformed)?);
            }
        }
    }
    Ok(found)
}

fn member<'a>(value: &'a Value, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(value, |value, name| value.get(name))?.as_str()
}

/// All methods and paths of the stage that the event is about: `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/…`.
fn stage(event: &Value) -> Option<String> {
    let arn = member(event, &["methodArn"])?;
    let [api, stage, _] = arn.splitn(3, '/').collect::<Vec<_>>().try_into().ok()?;
    let is_plain = |text: &str| !text.is_empty() && !text.contains(['*', '?']);
    let is_api = api.starts_with("arn:") && api.split(':').nth(2) == Some("execute-api");
    (is_api && is_plain(api) && is_plain(stage)).then(|| format!("{api}/{stage}/*"))
}

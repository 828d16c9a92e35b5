//! What API Gateway gets.
//!
//! - <https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html>
//! - <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html>

use guard::Token;
use serde_json::{Value, json};

/// How an event is answered. The policies are for the stage, which is unknown if the event doesn't name one.
pub(crate) enum Form {
    /// Of a REST or WebSocket API.
    RestPolicy(Option<String>),
    /// Of an HTTP API with format 1.0.
    HttpPolicy(Option<String>),
    /// Of an HTTP API with format 2.0.
    Simple,
}

impl Form {
    /// The token is sufficient.
    pub(crate) fn allow(&self, token: &Token) -> Value {
        let scope = token.scopes().collect::<Vec<_>>().join(" ");
        // Texts only: REST APIs refuse a context with lists or objects.
        let context = json!({ "sub": token.subject(), "client_id": token.client(), "scope": scope });
        match self {
            Self::RestPolicy(stage) | Self::HttpPolicy(stage) => {
                let mut answer = policy(token.subject(), "Allow", stage.as_deref());
                if let Some(members) = answer.as_object_mut() {
                    members.insert("context".to_owned(), context);
                }
                answer
            }
            Self::Simple => json!({ "isAuthorized": true, "context": context }),
        }
    }

    /// The token is not sufficient, or there is none. `None` if only a failed invocation says so: REST APIs have no other
    /// way to a 401.
    pub(crate) fn refuse(&self, status: http::StatusCode) -> Option<Value> {
        match self {
            Self::RestPolicy(_) if status != http::StatusCode::FORBIDDEN => None,
            Self::RestPolicy(stage) | Self::HttpPolicy(stage) => {
                Some(policy("refused", "Deny", stage.as_deref()))
            }
            Self::Simple => Some(json!({ "isAuthorized": false })),
        }
    }
}

/// A policy without a stage denies everything.
fn policy(principal: &str, effect: &str, stage: Option<&str>) -> Value {
    let (effect, resource) = stage.map_or(("Deny", "*"), |stage| (effect, stage));
    json!({
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }],
        },
    })
}

//! A verifier in front of a tower service.

use crate::bearer::bearer_token;
use crate::metadata::ResourceMetadata;
use crate::rejection::Rejection;
use crate::require::Require;
use crate::token::Token;
use crate::verifier::Verifier;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Makes the layers of an API's routes.
#[derive(Clone, Debug)]
pub struct Guard {
    verifier: Verifier,
    metadata_url: Option<Arc<str>>,
}

/// Lets requests with a sufficient token through. The [`Token`] is among their extensions.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Guard,
    require: Arc<Require>,
}

/// A service behind a [`GuardLayer`].
#[derive(Clone, Debug)]
pub struct GuardService<S> {
    inner: S,
    layer: GuardLayer,
}

impl Guard {
    /// By this verifier.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, metadata_url: None }
    }

    /// Names the API's metadata document in challenges (RFC 9728 §5.1). The API serves it at its
    /// [`path`](ResourceMetadata::path), without this guard.
    #[must_use]
    pub fn described_by(mut self, metadata: &ResourceMetadata) -> Self {
        self.metadata_url = Some(metadata.url().into());
        self
    }

    /// A layer for routes that require this.
    pub fn layer(&self, require: Require) -> GuardLayer {
        GuardLayer { guard: self.clone(), require: Arc::new(require) }
    }

    /// A layer for routes that require these scopes, all of them.
    pub fn scopes<'a>(&self, scopes: impl IntoIterator<Item = &'a str>) -> GuardLayer {
        self.layer(Require::all(scopes))
    }

    /// The response to a refused request: status and challenge, no body.
    pub(crate) fn respond<B: Default>(&self, rejection: &Rejection) -> Response<B> {
        tracing::info!(status = rejection.status().as_u16(), reason = %rejection, "request refused");
        respond(rejection, self.metadata_url.as_deref())
    }
}

pub(crate) fn respond<B: Default>(rejection: &Rejection, metadata_url: Option<&str>) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = rejection.status();
    let challenge = rejection.challenge(metadata_url).and_then(|text| HeaderValue::try_from(text).ok());
    match challenge {
        Some(challenge) => response.headers_mut().insert(WWW_AUTHENTICATE, challenge),
        None => response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1")),
    };
    response
}

impl GuardLayer {
    async fn check(&self, method: Method, sent: Result<String, Rejection>) -> Result<Token, Rejection> {
        let token = self.guard.verifier.verify(&sent?).await?;
        self.guard.verifier.authorize(&token, &method, &self.require)?;
        Ok(token)
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = GuardService<S>;

    fn layer(&self, inner: S) -> GuardService<S> {
        GuardService { inner, layer: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for GuardService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that is ready is used, and its clone takes its place.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        let sent = bearer_token(request.headers()).map(ToOwned::to_owned);
        Box::pin(async move {
            match layer.check(request.method().clone(), sent).await {
                Ok(token) => {
                    request.extensions_mut().insert(token);
                    inner.call(request).await
                }
                Err(rejection) => Ok(layer.guard.respond(&rejection)),
            }
        })
    }
}

//! How pages are routed: a handler takes a [`PageRequest`] and may stop anywhere; [`Page`] makes a response of that.

use super::stop::Stop;
use crate::app::App;
use crate::web::context::RequestContext;
use crate::web::csrf;
use crate::web::failure::Failure;
use crate::web::form;
use crate::web::request_info::RequestInfo;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request};
use axum::handler::Handler;
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use keys::KeysError;
use protocol::Refusal;
use protocol::params::{MalformedParams, Params};
use std::mem::take;
use std::pin::Pin;

/// A request for a page, of which nothing has been checked.
pub struct PageRequest {
    /// The application.
    pub app: App,
    /// Id, time and address.
    pub info: RequestInfo,
    head: Parts,
    body: Body,
}

impl PageRequest {
    /// The head, for checks that come before the context is loaded.
    pub const fn head(&self) -> &Parts {
        &self.head
    }

    /// The query as it is in the URL; empty without one.
    pub fn raw_query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }

    /// The query's parameters.
    ///
    /// # Errors
    /// [`MalformedParams::refusal`] names the refusals.
    pub fn query(&self) -> Result<Params, Refusal> {
        Params::parse(self.raw_query().as_bytes()).map_err(MalformedParams::refusal)
    }

    /// The same with [`Params::parse_partly`].
    ///
    /// # Errors
    /// As [`Self::query`].
    pub fn query_partly(&self, names: &[&str]) -> Result<Params, Refusal> {
        Params::parse_partly(self.raw_query().as_bytes(), names).map_err(MalformedParams::refusal)
    }

    /// Reads a form of at most `most` bytes, once. What is repeated in it is noted.
    ///
    /// # Errors
    /// As [`form::read`].
    pub async fn form(&mut self, most: usize) -> Result<Params, Failure> {
        let body = take(&mut self.body);
        form::read(&self.head, body, most).await
    }

    /// Reads a form that a client sent through the browser, once, with [`Params::parse_partly`].
    ///
    /// # Errors
    /// As [`form::read`].
    pub async fn form_partly(&mut self, most: usize, names: &[&str]) -> Result<Params, Failure> {
        let body = form::read_body(&self.head, take(&mut self.body), most).await?;
        Ok(Params::parse_partly(&body, names).map_err(MalformedParams::refusal)?)
    }

    /// Reads a form of one of our own pages: small, with nothing repeated, and sent by a page of ours.
    ///
    /// # Errors
    /// As [`csrf::check_sender`], then as [`form::read_unique`] and [`Self::context`].
    pub async fn own_form(mut self) -> Result<(RequestContext, Params), Stop> {
        let body = take(&mut self.body);
        let fields = form::read_unique(&self.head, body, form::SMALL).await;
        csrf::check_sender(&self.app.settings.issuer, &self.head.headers)?;
        let fields = fields?;
        Ok((self.context().await?, fields))
    }

    /// What the rest of the handler works with.
    ///
    /// # Errors
    /// As [`RequestContext::load`].
    pub async fn context(self) -> Result<RequestContext, KeysError> {
        RequestContext::load(self.app, self.info, self.head.headers).await
    }
}

/// A page's handler, as axum takes it: an async function from [`PageRequest`] to a response or [`Stop`].
#[derive(Clone)]
pub struct Page<H>(pub H);

impl<H, F> Handler<(), App> for Page<H>
where
    H: FnOnce(PageRequest) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Response, Stop>> + Send + 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, app: App) -> Self::Future {
        Box::pin(async move {
            let (mut head, body) = request.into_parts();
            let info = match RequestInfo::from_request_parts(&mut head, &app).await {
                Ok(info) => info,
                Err(status) => return status.into_response(),
            };
            let request = PageRequest { app: app.clone(), info, head, body };
            (self.0)(request).await.unwrap_or_else(|stop| stop.respond(&app, info))
        })
    }
}

//! A form that continues an errand. Before anything in it is believed, it is proven that it came from our page, in this
//! browser, for this errand.

use super::errand::Errand;
use super::page::PageRequest;
use super::stop::Stop;
use crate::web::context::RequestContext;
use crate::web::csrf::{self, FormKind};
use protocol::Refusal;
use protocol::params::Params;

/// A form that is ours.
pub struct ErrandForm {
    /// Its fields.
    pub fields: Params,
    /// The errand it continues.
    pub errand: Errand,
}

impl ErrandForm {
    /// Reads and checks the form of a request.
    ///
    /// # Errors
    /// [`Refusal::FormCookieMissing`] or [`Refusal::FormForeign`] on a page, and as [`PageRequest::own_form`] and [`Errand::open`].
    pub async fn open(request: PageRequest, form: FormKind) -> Result<(RequestContext, Self), Stop> {
        let (cx, fields) = request.own_form().await?;
        let errand = Errand::open(&cx, fields.get("r")).await?;
        let binding = cx.binding().map_err(|refusal| errand.stop(refusal))?;
        let checked = csrf::check(errand.protects(form), fields.get("csrf"), &binding, &cx.ring);
        checked.map_err(|failure| errand.stop(failure))?;
        Ok((cx, Self { fields, errand }))
    }

    /// The errand, sealed, as it came.
    pub fn r(&self) -> &str {
        self.fields.get("r").unwrap_or_default()
    }

    /// The user name and password that were typed.
    ///
    /// # Errors
    /// [`Refusal::FieldsMissing`].
    pub fn credentials(&self) -> Result<(&str, &str), Refusal> {
        let fields = self.fields.get("username").zip(self.fields.get("password"));
        fields.ok_or(Refusal::FieldsMissing)
    }
}

//! A form that goes on with an errand: that it came from our page in this browser, for this errand, is proven
//! before anything in it is believed.

use super::errand::Errand;
use super::stop::Stop;
use crate::app::App;
use crate::cookies::Binding;
use crate::keys::Snapshot;
use crate::web::call::Call;
use crate::web::csrf;
use crate::web::failure::Failure;
use crate::web::form::Form;
use http::HeaderMap;
use protocol::Refusal;
use protocol::params::Params;
use std::sync::Arc;

/// A form that is ours.
pub struct ErrandForm {
    /// What is in it.
    pub fields: Params,
    /// What it goes on with.
    pub errand: Errand,
    /// The browser it was sent to and came from.
    pub binding: Binding,
    /// The ring all of it was checked with.
    pub ring: Arc<Snapshot>,
}

impl ErrandForm {
    /// Opens the form of a page.
    pub async fn open(
        app: &App,
        call: Call,
        headers: &HeaderMap,
        form: Result<Form, Failure>,
        step: csrf::Step,
    ) -> Result<Self, Stop> {
        csrf::check_sender(&app.settings.issuer, headers)?;
        let (Form(fields), ring) = (form?, app.keys.fresh().await?);
        let errand = Errand::open(app, call, &ring, fields.get("r")).await?;
        let binding = app.cookies().binding(headers).ok_or(Refusal::FormForeign)?;
        csrf::check(errand.protects(step), fields.get("csrf"), &binding, &ring)?;
        Ok(Self { fields, errand, binding, ring })
    }

    /// The errand as it travels.
    pub fn r(&self) -> &str {
        self.fields.get("r").unwrap_or_default()
    }

    /// What was typed as user name and password.
    pub fn credentials(&self) -> Result<(&str, &str), Refusal> {
        let fields = self.fields.get("username").zip(self.fields.get("password"));
        fields.ok_or(Refusal::FieldsMissing)
    }
}

//! What every operation works with.

use crate::kms::account::Account;
use crate::kms::caller::Caller;
use crate::kms::keys::Key;
use crate::kms::refusal::Refusal;
use crate::kms::request::Request;
use std::sync::Arc;

pub(super) struct Call<'a> {
    pub(super) account: &'a Account,
    pub(super) caller: &'a Caller,
    pub(super) operation: &'a str,
    pub(super) request: &'a Request,
}

impl Call<'_> {
    /// The key that this parameter names, in any of the four ways.
    pub(super) fn key(&self, parameter: &str) -> Result<Arc<Key>, Refusal> {
        self.account.find(self.request.text(parameter)?, self.caller, self.operation)
    }

    /// As [`Call::key`], where the parameter may be absent.
    pub(super) fn optional_key(&self, parameter: &str) -> Result<Option<Arc<Key>>, Refusal> {
        let given = self.request.optional_text(parameter)?;
        given.map(|given| self.account.find(given, self.caller, self.operation)).transpose()
    }

    /// The key that this parameter names by id or ARN: KMS takes no alias where a key itself is changed.
    pub(super) fn key_itself(&self, parameter: &str) -> Result<Arc<Key>, Refusal> {
        self.account.find_without_alias(self.request.text(parameter)?, self.caller, self.operation)
    }
}

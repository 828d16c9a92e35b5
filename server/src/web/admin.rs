//! The server as an operator: it makes users for people who sign up, and hashes passwords for those who change theirs.

use crate::admin::{Actor, Admin, AdminError};
use crate::app::App;
use crate::server_error::ServerError;
use crate::web::failure::Failure;
use storage::Stamp;

impl Admin {
    /// What operators can do, for users who do it themselves in this request.
    pub fn of_server(app: &App, request: impl Into<Stamp>) -> Self {
        let (store, entropy) = (app.store.clone(), app.entropy.clone());
        let claims = app.settings.claims.clone();
        Self { actor: Actor::Server, call: request.into(), store, entropy, claims }
    }
}

/// For what nobody could refuse, since a page has shown each refusal already: only failures are left.
impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Store(error) => error.into(),
            AdminError::Password(error) => error.into(),
            refused => ServerError::permanent(refused).into(),
        }
    }
}

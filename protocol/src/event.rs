//! What happened, for the audit log: one event a commit.

use crate::id::{ClientId, GrantId, SessionId, UserId};

/// Something worth keeping. Ids only: no secret, no name, no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody signed in.
    SignedIn(UserId, SessionId),
    /// Somebody tried to and failed; the user if the name led to one.
    SignInFailed(Option<UserId>),
    /// A user agreed to give a client something.
    Consented(UserId, ClientId),
    /// A user refused.
    ConsentDenied(UserId, ClientId),
    /// A code was issued.
    CodeIssued(UserId, ClientId, GrantId),
    /// A code was redeemed.
    CodeRedeemed(UserId, ClientId, GrantId),
    /// A redeemed code came again and its grant was revoked.
    CodeReplayed(UserId, ClientId, GrantId),
    /// A code came with a wrong proof and was burnt.
    CodeBurnt(UserId, ClientId, GrantId),
    /// A client presented a code of another one; the presenter.
    CodeClientMismatch(ClientId, GrantId),
    /// A client failed to authenticate; the id it gave.
    ClientAuthenticationFailed(ClientId),
    /// A client got a token for itself.
    ClientTokenIssued(ClientId),
}

impl Event {
    /// Its stable name in logs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SignedIn(..) => "login.success",
            Self::SignInFailed(..) => "login.failure",
            Self::Consented(..) => "consent.granted",
            Self::ConsentDenied(..) => "consent.denied",
            Self::CodeIssued(..) => "code.issued",
            Self::CodeRedeemed(..) => "code.redeemed",
            Self::CodeReplayed(..) => "code.reuse",
            Self::CodeBurnt(..) => "code.burnt",
            Self::CodeClientMismatch(..) => "code.client_mismatch",
            Self::ClientAuthenticationFailed(..) => "client_auth.failure",
            Self::ClientTokenIssued(..) => "client_credentials.issued",
        }
    }
}

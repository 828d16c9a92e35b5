//! The error codes of OAuth and OpenID Connect. Only the table in `refusal` assigns them.

/// A registered OAuth error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// RFC 6749 §4.1.2.1.
    AccessDenied,
    /// OIDC Core §3.1.2.6.
    ConsentRequired,
    /// RFC 6750 §3.1.
    InsufficientScope,
    /// RFC 6749 §5.2.
    InvalidClient,
    /// RFC 6749 §5.2.
    InvalidGrant,
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidRequest,
    /// RFC 6749 §4.1.2.1, §5.2.
    InvalidScope,
    /// RFC 8707 §2.
    InvalidTarget,
    /// RFC 6750 §3.1.
    InvalidToken,
    /// OIDC Core §3.1.2.6.
    LoginRequired,
    /// OIDC Core §3.1.2.6.
    RequestNotSupported,
    /// OIDC Core §3.1.2.6.
    RequestUriNotSupported,
    /// RFC 6749 §4.1.2.1; also sent with status 429.
    TemporarilyUnavailable,
    /// RFC 6749 §4.1.2.1, §5.2.
    UnauthorizedClient,
    /// OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
    UnmetAuthenticationRequirements,
    /// RFC 6749 §5.2.
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType,
}

impl ErrorCode {
    /// All of them, in their order.
    pub const ALL: [Self; 17] = [
        Self::AccessDenied,
        Self::ConsentRequired,
        Self::InsufficientScope,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::InvalidRequest,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::InvalidToken,
        Self::LoginRequired,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::TemporarilyUnavailable,
        Self::UnauthorizedClient,
        Self::UnmetAuthenticationRequirements,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
    ];

    /// The code as sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::ConsentRequired => "consent_required",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Refusal;

    #[test]
    fn all_are_all() {
        for (place, code) in ErrorCode::ALL.iter().enumerate() {
            assert_eq!(*code as usize, place, "{code:?}");
        }
        assert!(Refusal::ALL.iter().all(|refusal| ErrorCode::ALL.contains(&refusal.code())));
    }
}

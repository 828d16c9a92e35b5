//! Every reason to refuse a request. A refusal contains nothing from the request, so no answer can echo it. One table
//! gives its error code, its sentence, what it does to the grant, and the reason that only the log gives. Refusals that
//! callers must not be able to distinguish have the same code and sentence.

use crate::error::ErrorCode;
use crate::grant::RevocationReason;

/// What a refusal does to the grant concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    Nothing,
    /// The code can no longer be redeemed.
    BurnCode,
    /// The grant is revoked for this reason, and with it every token issued from it.
    RevokeGrant(RevocationReason),
}

/// The first of its arguments.
macro_rules! first {
    ($first:expr $(, $other:expr)*) => {
        $first
    };
}

macro_rules! refusals {
    ($(
        $(#[$doc:meta])+
        $name:ident => $code:ident, $consequence:ident $(($reason:ident))?, $sentence:expr $(, log: $log:literal)?;
    )+) => {
        /// A reason to refuse a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Refusal {
            $($(#[$doc])+ $name,)+
        }

        impl Refusal {
            /// All of them, for tests and the reference.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Its name, in the words of [`Refusal`].
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The error code in the answer.
            pub const fn code(self) -> ErrorCode {
                match self { $(Self::$name => ErrorCode::$code,)+ }
            }

            /// What it does to the grant.
            pub const fn consequence(self) -> Consequence {
                match self { $(Self::$name => Consequence::$consequence $((RevocationReason::$reason))?,)+ }
            }

            /// The one public sentence: printable ASCII without `"` and `\` (RFC 6749 §5.2).
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence,)+ }
            }

            /// The reason as operators read it in the log, and nobody else: it may say what the sentence conceals.
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => first!($($log,)? $sentence),)+ }
            }
        }
    };
}

impl Refusal {
    /// Whether the answer has the code and the sentence. RFC 6750 §3.1: without any token there is only a challenge; what
    /// isn't a request to an endpoint gets a status only.
    pub const fn is_sent(self) -> bool {
        !matches!(
            self,
            Self::BearerMissing
                | Self::FrontBypassed
                | Self::NoSuchPath
                | Self::MethodNotAllowed
                | Self::UriTooLong
                | Self::HeadersTooLarge
                | Self::HeadMalformed
        )
    }
}

/// Whether a client exists is not revealed.
const NOT_KNOWN: &str = "The application or its return address is not known here.";
/// RFC 6749 §5.2: one answer for an unknown client, a disabled one and a wrong secret.
const NOT_AUTHENTICATED: &str = "Client authentication failed.";
/// Whoever has only found a code learns nothing about it.
const NO_CODE: &str = "The authorization code is not valid.";
/// Whether a client exists is not revealed.
const NO_WAY_BACK: &str = "The address to go to after signing out is not registered for this application.";
/// The same for the client of an ID token.
const NO_HINT: &str = "The parameter id_token_hint is not an ID token issued here.";
/// Whoever has only found a refresh token learns nothing about it.
const NO_REFRESH_TOKEN: &str = "The refresh token is not valid.";
/// The same for access tokens.
const NO_ACCESS_TOKEN: &str = "The access token is not valid.";

refusals! {
    /// No `client_id`, or one that no client can have.
    ClientIdInvalid => InvalidRequest, Nothing, NOT_KNOWN,
        log: "The client_id is missing or malformed.";
    /// The client does not exist.
    ClientUnknown => InvalidRequest, Nothing, NOT_KNOWN,
        log: "There is no client with this client_id.";
    /// The client is disabled.
    ClientDisabled => InvalidRequest, Nothing, NOT_KNOWN,
        log: "The client is disabled.";
    /// OIDC Core §3.1.2.1: the redirect URI is never defaulted.
    RedirectUriMissing => InvalidRequest, Nothing, NOT_KNOWN,
        log: "The redirect_uri is missing; it is required even if only one is registered.";
    /// RFC 6749 §3.1.2.3: the redirect URI is not one of the client's.
    RedirectUriUnregistered => InvalidRequest, Nothing, NOT_KNOWN,
        log: "The redirect_uri is not registered for this client; URIs are compared byte for byte.";
    /// On a loopback issuer, the request is for another host name.
    WrongHost => InvalidRequest, Nothing, "The host name of this request is not the issuer's: let the proxy pass Host on, or set issuer.";
    /// The proof of the front end (`origin_secret`) is missing or wrong. Answered without an error code.
    FrontBypassed => AccessDenied, Nothing, "The request did not come through the front end.",
        log: "The request did not come through the front end: its header X-Keyward-Origin is missing or is none of origin_secret.";
    /// A browser requested a path that does not exist.
    NoSuchPage => InvalidRequest, Nothing, "There is no page at this address.";
    /// A program requested a path that does not exist.
    NoSuchPath => InvalidRequest, Nothing, "There is nothing at this path.";
    /// RFC 9110 §15.5.6.
    MethodNotAllowed => InvalidRequest, Nothing, "This path does not take this method.";
    /// RFC 9110 §15.5.15.
    UriTooLong => InvalidRequest, Nothing, "Path and query are too long.";
    /// RFC 6585 §5.
    HeadersTooLarge => InvalidRequest, Nothing, "The headers are too many or too large.";
    /// RFC 9112 §3.2, §6.1: another program could read the head differently.
    HeadMalformed => InvalidRequest, Nothing, "The head of the request is malformed.",
        log: "The head of the request is malformed: not exactly one Host, a transfer coding other than chunked, or lines that a front end could read differently.";
    /// Text that is malformed or ambiguous.
    MalformedRequest => InvalidRequest, Nothing, "The request is malformed.";
    /// RFC 6749 §3.1, §3.2.
    RepeatedParameter => InvalidRequest, Nothing, "A parameter was sent more than once.";
    /// RFC 8707 §2 allows several resources; we issue tokens for one at a time.
    RepeatedResource => InvalidTarget, Nothing, "Only one resource can be requested at a time.";
    /// The media type or charset is not that of RFC 6749 appendix B.
    ContentType => InvalidRequest, Nothing, "Send the parameters as application/x-www-form-urlencoded in UTF-8.";
    /// A body over the size limit.
    BodyTooLarge => InvalidRequest, Nothing, "The request is too large.";
    /// The body did not arrive in time.
    BodyIncomplete => InvalidRequest, Nothing, "The request did not arrive completely.";
    /// RFC 6749 §2.3.1, RFC 6750 §2: URLs end up in logs.
    ParametersInUrl => InvalidRequest, Nothing, "Send the parameters in the body, not in the URL.";
    /// The request or a parameter is over its length limit.
    RequestTooLong => InvalidRequest, Nothing, "The request or one of its parameters is too long.";
    /// RFC 6749 §3.1.1.
    ResponseTypeMissing => InvalidRequest, Nothing, "The parameter response_type is missing.";
    /// Only `code`.
    ResponseTypeUnsupported => UnsupportedResponseType, Nothing, "Only the response type code is supported.";
    /// Only `query` and `form_post`.
    ResponseModeUnsupported => InvalidRequest, Nothing, "Only the response modes query and form_post are supported.";
    /// The client is not registered for the code grant.
    CodeNotAllowed => UnauthorizedClient, Nothing, "This application may not use the authorization code grant.";
    /// OIDC Core §6.1.
    RequestObject => RequestNotSupported, Nothing, "Request objects are not supported.";
    /// OIDC Core §6.2.
    RequestUri => RequestUriNotSupported, Nothing, "Request objects by reference are not supported.";
    /// RFC 7636 §4.4.1.
    ChallengeMissing => InvalidRequest, Nothing, "The parameter code_challenge is required.";
    /// RFC 7636 §4.4.1.
    ChallengeMethod => InvalidRequest, Nothing, "The parameter code_challenge_method must be S256.";
    /// RFC 7636 §4.2.
    ChallengeShape => InvalidRequest, Nothing, "The parameter code_challenge must be 43 base64url characters.";
    /// RFC 6749 §3.3.
    ScopeMalformed => InvalidScope, Nothing, "The parameter scope is malformed or too long.";
    /// No requested scope can be granted.
    ScopeEmpty => InvalidScope, Nothing, "None of the requested scopes can be granted.";
    /// OIDC Core §3.1.2.1.
    PromptInvalid => InvalidRequest, Nothing, "The parameter prompt is not valid.";
    /// OIDC Core §3.1.2.1.
    MaxAgeInvalid => InvalidRequest, Nothing, "The parameter max_age must be a number of seconds.";
    /// OIDC Core §5.5.
    ClaimsInvalid => InvalidRequest, Nothing, "The parameter claims is not valid.";
    /// OIDC Core §3.1.2.1: not an ID token that we issued to this client.
    HintInvalid => InvalidRequest, Nothing, "The parameter id_token_hint is not an ID token issued to this application.";
    /// RFC 8707 §2.
    ResourceInvalid => InvalidTarget, Nothing, "The requested resource is not valid for this application.";
    /// OIDC Core §3.1.2.6.
    LoginRequired => LoginRequired, Nothing, "The user must sign in.";
    /// OIDC Core §3.1.2.6.
    ConsentRequired => ConsentRequired, Nothing, "The user must agree first.";
    /// The user denied consent.
    ConsentDenied => AccessDenied, Nothing, "The user did not agree.";
    /// OIDC Core §5.5.1.1: an essential `acr` that we do not support.
    AcrUnmet => UnmetAuthenticationRequirements, Nothing, "The demanded way of signing in is not available.";
    /// The authorization request that a page belongs to was altered, or is not one of ours.
    RequestUnknown => InvalidRequest, Nothing, "This sign-in is over or was not begun here. Start again at the application.",
        log: "The parameter r is missing, was altered, or was sealed by a key that has been removed.";
    /// The authorization request that a page belongs to has expired.
    RequestExpired => InvalidRequest, Nothing, "This page was open for too long, so the sign-in has expired. Start again at the application.";
    /// The authorization request was answered before, and its code was used or has expired.
    RequestSpent => InvalidRequest, Nothing, "This sign-in was finished before. Start again at the application.";
    /// OIDC RP-Initiated Logout §3: the URI is not one of the client's.
    LogoutRedirectUnknown => InvalidRequest, Nothing, NO_WAY_BACK;
    /// The same; the parameter `client_id` names no client that may send users here.
    LogoutClientUnknown => InvalidRequest, Nothing, NO_WAY_BACK,
        log: "There is no client with this client_id, or it is disabled.";
    /// OIDC RP-Initiated Logout §2: not an ID token that we issued.
    LogoutHintInvalid => InvalidRequest, Nothing, NO_HINT;
    /// §2: `client_id` is not the client that the hint was issued to.
    LogoutHintOfOther => InvalidRequest, Nothing, NO_HINT,
        log: "The ID token in id_token_hint was issued to another client than client_id names.";
    /// The client that the hint was issued to is disabled or deleted.
    LogoutHintEnded => InvalidRequest, Nothing, NO_HINT,
        log: "The client that the ID token in id_token_hint was issued to is disabled or deleted.";
    /// Sign-up is closed.
    SignUpClosed => AccessDenied, Nothing, "New accounts can't be made here. Ask the operator.";
    /// A form without the cookie that its page set.
    FormCookieMissing => AccessDenied, Nothing, "Your browser sent no cookie with this form. Allow cookies for this site, then start again at the application.";
    /// A form that did not come from a page of ours in this browser.
    FormForeign => AccessDenied, Nothing, "This form did not come from a page opened in this browser. Start again at the application.";
    /// A change that needs a more recent sign-in.
    FormStale => AccessDenied, Nothing, "You signed in too long ago for this. Open your account again and sign in.";
    /// A form that lacks a field.
    FieldsMissing => InvalidRequest, Nothing, "A field of the form is missing.";
    /// Neither an `Authorization` header nor a client id in the form.
    CredentialsMissing => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "There is neither an Authorization header nor a valid client_id in the form.";
    /// RFC 6749 §2.3.1: not HTTP Basic with an id and a secret, each form-encoded.
    CredentialsMalformed => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "The Authorization header is not HTTP Basic with a form-encoded client id and secret.";
    /// A client id that no client has.
    CredentialsUnknown => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "There is no client with this client_id.";
    /// The client is disabled.
    CredentialsDisabled => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "The client is disabled.";
    /// RFC 7591 §2: another method than the registered one.
    AuthMethodWrong => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "The client used another authentication method than the registered one.";
    /// None of the client's secrets.
    SecretWrong => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "The client secret is wrong.";
    /// A secret that was replaced, after its overlap.
    SecretExpired => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "The client secret was rotated and is no longer accepted.";
    /// RFC 6749 §2.3.
    SeveralAuthentications => InvalidRequest, Nothing, "Use one way of client authentication only.";
    /// RFC 7009 §2.1, RFC 7662 §2.1.
    TokenMissing => InvalidRequest, Nothing, "The parameter token is missing.";
    /// RFC 7662 §2.1: a client that cannot authenticate may not introspect.
    ConfidentialOnly => InvalidClient, Nothing, NOT_AUTHENTICATED,
        log: "A public client may not introspect tokens.";
    /// RFC 6749 §3.2.
    GrantTypeMissing => InvalidRequest, Nothing, "The parameter grant_type is missing.";
    /// RFC 6749 §5.2.
    GrantTypeUnsupported => UnsupportedGrantType, Nothing, "This grant type is not supported.";
    /// RFC 6749 §5.2.
    GrantTypeNotAllowed => UnauthorizedClient, Nothing, "This application may not use this grant type.";
    /// RFC 6749 §4.1.3.
    CodeMissing => InvalidRequest, Nothing, "The parameter code is missing.";
    /// RFC 7636 §4.1.
    VerifierShape => InvalidRequest, Nothing, "The parameter code_verifier must be 43 to 128 unreserved characters.";
    /// The code is not ours, or was altered.
    CodeInvalid => InvalidGrant, Nothing, NO_CODE,
        log: "The authorization code was not issued here, or was altered.";
    /// Its grant was deleted.
    CodeForgotten => InvalidGrant, Nothing, NO_CODE,
        log: "The grant of the authorization code, or its user, no longer exists.";
    /// Its grant was revoked, or what it depends on has ended.
    CodeEnded => InvalidGrant, Nothing, NO_CODE,
        log: "The grant of the authorization code has ended: it was revoked, its user signed out, or its user or client was disabled or changed.";
    /// Used again without the right verifier and redirect URI.
    CodeReplayUnproven => InvalidGrant, Nothing, NO_CODE,
        log: "The authorization code was used before, and was presented again without the right code_verifier or redirect_uri.";
    /// RFC 6749 §5.2: issued to another client.
    CodeOfOtherClient => InvalidGrant, Nothing, NO_CODE,
        log: "The authorization code was issued to another client.";
    /// Used twice within a second (plus clock skew): a double submit.
    CodeDoubleSubmit => InvalidGrant, Nothing, "The authorization code was used before.",
        log: "The authorization code was used a moment ago; the first use stays valid.";
    /// RFC 6749 §4.1.2: used again later, so what was issued is revoked.
    CodeReplayed => InvalidGrant, RevokeGrant(CodeReplayed), "The authorization code was used before.",
        log: "The authorization code was used before; its grant and all its tokens have been revoked.";
    /// RFC 6749 §4.1.2.
    CodeExpired => InvalidGrant, Nothing, "The authorization code has expired.";
    /// RFC 6749 §4.1.3.
    RedirectUriDiffers => InvalidGrant, BurnCode, "The redirect_uri differs from that of the authorization request.",
        log: "The redirect_uri is missing or differs from that of the authorization request; the code can no longer be used.";
    /// RFC 7636 §4.6.
    VerifierWrong => InvalidGrant, BurnCode, "The code_verifier does not match.",
        log: "The code_verifier is missing or does not match the code_challenge; the code can no longer be used.";
    /// RFC 6749 §6.
    RefreshMissing => InvalidRequest, Nothing, "The parameter refresh_token is missing.";
    /// The token is not ours, or was altered.
    RefreshInvalid => InvalidGrant, Nothing, NO_REFRESH_TOKEN,
        log: "The refresh token was not issued here, or was altered.";
    /// Its grant was deleted.
    RefreshForgotten => InvalidGrant, Nothing, NO_REFRESH_TOKEN,
        log: "The grant of the refresh token, or its user, no longer exists.";
    /// Its grant was revoked, or what it depends on has ended.
    RefreshEnded => InvalidGrant, Nothing, NO_REFRESH_TOKEN,
        log: "The grant of the refresh token has ended: it was revoked, has expired, or its user or client was disabled or changed.";
    /// RFC 6749 §6: issued to another client.
    RefreshOfOtherClient => InvalidGrant, Nothing, NO_REFRESH_TOKEN,
        log: "The refresh token was issued to another client.";
    /// Unused for too long, or too old.
    RefreshExpired => InvalidGrant, Nothing, "The refresh token has expired.";
    /// RFC 9700 §4.14.2: presented again after its rotation.
    RefreshReused => InvalidGrant, RevokeGrant(RefreshReused), "The refresh token was used before.",
        log: "The refresh token was used before; its grant and all its tokens have been revoked.";
    /// The token is newer than the store: an older backup was restored.
    RefreshAhead => InvalidGrant, Nothing, "The refresh token is not known here any more.",
        log: "The refresh token is newer than the store: an older backup was restored.";
    /// RFC 6749 §6.
    ScopeWider => InvalidScope, Nothing, "The parameter scope asks for more than was granted.";
    /// RFC 6750 §2: no token, several, or one in the query.
    BearerMalformed => InvalidRequest, Nothing, "Send one access token, in the Authorization header or the form.";
    /// RFC 6750 §3.1: no token at all, which is answered without an error code.
    BearerMissing => InvalidToken, Nothing, NO_ACCESS_TOKEN,
        log: "The request has no access token with the scheme Bearer; a proxy may have removed the Authorization header.";
    /// RFC 6750 §3.1: not an access token of ours.
    TokenInvalid => InvalidToken, Nothing, NO_ACCESS_TOKEN,
        log: "This is no access token of this server (an ID token is none), it was altered, or the key that signed it has been removed.";
    /// RFC 9068 §4: issued by us, but not to be used here.
    TokenElsewhere => InvalidToken, Nothing, NO_ACCESS_TOKEN,
        log: "The access token is for another audience or from another issuer; request the scope openid.";
    /// It has expired.
    TokenExpired => InvalidToken, Nothing, NO_ACCESS_TOKEN,
        log: "The access token has expired.";
    /// A client's own token, by which nobody is signed in.
    TokenWithoutUser => InvalidToken, Nothing, NO_ACCESS_TOKEN,
        log: "The access token is a client's own (client_credentials) and is about no user.";
    /// It was revoked, or what it depends on has ended.
    TokenEnded => InvalidToken, Nothing, NO_ACCESS_TOKEN,
        log: "The access token or its grant was revoked, its user signed out, or its user or client was deleted, disabled or changed.";
    /// RFC 6750 §3.1.
    ScopeInsufficient => InsufficientScope, Nothing, "The access token does not have the scope openid.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n045_every_sentence_may_stand_in_an_error_description() {
        for refusal in Refusal::ALL {
            let sentence = refusal.sentence();
            let legal = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(
                sentence.bytes().all(legal) && sentence.len() <= 200 && sentence.ends_with('.'),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn every_reason_is_a_sentence_of_its_own() {
        for refusal in Refusal::ALL {
            let reason = refusal.reason();
            assert!(reason.ends_with('.') && !reason.contains(['"', '\n']), "{refusal:?}");
            let same = |other: &&Refusal| other.reason() == reason && other.code() == refusal.code();
            assert_eq!(Refusal::ALL.iter().filter(same).collect::<Vec<_>>(), [refusal]);
        }
    }

    #[test]
    fn only_a_wrong_proof_burns_and_only_a_replay_revokes() {
        let with = |consequence| {
            Refusal::ALL.iter().filter(move |r| r.consequence() == consequence).collect::<Vec<_>>()
        };
        assert_eq!(with(Consequence::BurnCode), [&Refusal::RedirectUriDiffers, &Refusal::VerifierWrong]);
        let replays = with(Consequence::RevokeGrant(RevocationReason::CodeReplayed));
        let reuses = with(Consequence::RevokeGrant(RevocationReason::RefreshReused));
        assert_eq!([&*replays, &*reuses], [[&Refusal::CodeReplayed], [&Refusal::RefreshReused]]);
        for refusal in with(Consequence::BurnCode).into_iter().chain(replays).chain(reuses) {
            assert_eq!(refusal.code(), ErrorCode::InvalidGrant);
        }
    }
}

//! The page of endpoints: every path with its methods and who may call it, and for those in the standards the
//! parameters, limits and errors. Tests compare it with the routes.

use crate::transport::bounds::{HEADER_BYTES, HEADERS, URI_BYTES};
use crate::transport::http::Limits;
use crate::web::form;
use crate::web::route::Caller::{self, Anyone, Client, Monitor, Person, Server};
use protocol::authorize::check::MAX_STATE_BYTES;
use protocol::authorize::parameters::{MAX_NONCE_BYTES, MAX_RESOURCE_BYTES};
use protocol::authorize::request::MAX_CLAIMS_BYTES;
use protocol::error::ErrorCode;
use protocol::id::ClientId;
use protocol::params::{MAX_PARAMETERS, MAX_VALUE_BYTES};
use protocol::{jwt, redirect_uri, scope};
use std::fmt::Write as _;

/// A parameter: its name, its longest value in bytes, and what it means.
type Parameter = (&'static str, usize, &'static str);

/// A path, and what is said about it.
pub struct Endpoint {
    /// Below the issuer.
    pub path: &'static str,
    /// As the header `Allow` names them.
    pub methods: &'static str,
    /// Who may call it.
    pub caller: Caller,
    purpose: &'static str,
    /// The standard, and how to authenticate.
    rules: &'static str,
    parameters: &'static [Parameter],
    /// The longest body of a POST; 0: there is none.
    body: usize,
    errors: &'static [ErrorCode],
}

const CLIENT: &str = "The client authenticates by its registered method: HTTP Basic, `client_id` and `client_secret` in the \
                      form, or, for a public client and where the endpoint allows one, `client_id` alone.";

/// All of them.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        path: "/authorize",
        methods: "GET, POST",
        caller: Person,
        purpose: "begin an authorization request",
        rules: "RFC 6749 §4.1.1, RFC 7636, OpenID Connect Core §3.1.2. With GET, the query has at most 7000 bytes.",
        parameters: &[
            ("client_id", ClientId::MAX_LENGTH, "required"),
            (
                "redirect_uri",
                redirect_uri::MAX_BYTES,
                "required; one of the registered ones, byte for byte, but for a native client's loopback port",
            ),
            ("response_type", MAX_VALUE_BYTES, "required; `code`"),
            (
                "code_challenge",
                43,
                "required unless the client is registered with `--no-pkce`; 43 characters",
            ),
            ("code_challenge_method", MAX_VALUE_BYTES, "`S256`"),
            (
                "scope",
                scope::MAX_BYTES,
                "what the client requests; without it, the scope that the client is registered for",
            ),
            (
                "state",
                MAX_STATE_BYTES,
                "returned unchanged, also by errors; one that is longer is not returned by a redirect if it has over 12 288 bytes percent-encoded",
            ),
            ("nonce", MAX_NONCE_BYTES, "copied into the ID token"),
            ("response_mode", MAX_VALUE_BYTES, "`query` (the default) or `form_post`"),
            ("prompt", MAX_VALUE_BYTES, "`none`, `login`, `consent`, `select_account`, `create`"),
            ("max_age", MAX_VALUE_BYTES, "the oldest acceptable sign-in, in seconds"),
            ("login_hint", MAX_VALUE_BYTES, "prefills the user name"),
            ("id_token_hint", jwt::MAX_LENGTH, "an ID token issued to this client"),
            ("claims", MAX_CLAIMS_BYTES, "a request for individual claims (OpenID Connect Core §5.5)"),
            (
                "resource",
                MAX_RESOURCE_BYTES,
                "the API that the token is for (RFC 8707); `audience` means the same",
            ),
        ],
        body: form::LARGE,
        errors: &[
            ErrorCode::InvalidRequest,
            ErrorCode::UnauthorizedClient,
            ErrorCode::UnsupportedResponseType,
            ErrorCode::InvalidScope,
            ErrorCode::InvalidTarget,
            ErrorCode::RequestNotSupported,
            ErrorCode::RequestUriNotSupported,
            ErrorCode::LoginRequired,
            ErrorCode::ConsentRequired,
            ErrorCode::AccessDenied,
            ErrorCode::UnmetAuthenticationRequirements,
        ],
    },
    Endpoint {
        path: "/token",
        methods: "POST",
        caller: Client,
        purpose: "exchange a code, a refresh token or client credentials for tokens",
        rules: "RFC 6749 §3.2, RFC 7636 §4.5, RFC 8707.",
        parameters: &[
            (
                "grant_type",
                MAX_VALUE_BYTES,
                "required; `authorization_code`, `refresh_token` or `client_credentials`",
            ),
            ("code", MAX_VALUE_BYTES, "with `authorization_code`: the code"),
            ("redirect_uri", MAX_VALUE_BYTES, "with `authorization_code`: that of the authorization request"),
            ("code_verifier", 128, "with `authorization_code`: 43 to 128 characters"),
            ("refresh_token", MAX_VALUE_BYTES, "with `refresh_token`: the token"),
            (
                "scope",
                scope::MAX_BYTES,
                "with `refresh_token` or `client_credentials`: a part of what may be granted; without it, all of that",
            ),
            (
                "resource",
                MAX_RESOURCE_BYTES,
                "the API that the token is for (RFC 8707); `audience` means the same",
            ),
        ],
        body: form::SMALL,
        errors: &[
            ErrorCode::InvalidRequest,
            ErrorCode::InvalidClient,
            ErrorCode::InvalidGrant,
            ErrorCode::UnauthorizedClient,
            ErrorCode::UnsupportedGrantType,
            ErrorCode::InvalidScope,
            ErrorCode::InvalidTarget,
        ],
    },
    Endpoint {
        path: "/introspect",
        methods: "POST",
        caller: Server,
        purpose: "ask whether a token is active, and for whom",
        rules: "RFC 7662. Only for confidential clients, which can ask about their own tokens and about those that \
                name a resource whose server they are.",
        parameters: &[
            ("token", MAX_VALUE_BYTES, "required; an access token or a refresh token"),
            ("token_type_hint", MAX_VALUE_BYTES, "ignored"),
        ],
        body: form::SMALL,
        errors: &[ErrorCode::InvalidRequest, ErrorCode::InvalidClient],
    },
    Endpoint {
        path: "/revoke",
        methods: "POST",
        caller: Client,
        purpose: "end a token",
        rules: "RFC 7009. Answers 200 for any token, known or not.",
        parameters: &[
            (
                "token",
                MAX_VALUE_BYTES,
                "required; a refresh token ends its grant, an access token only itself",
            ),
            ("token_type_hint", MAX_VALUE_BYTES, "ignored"),
        ],
        body: form::SMALL,
        errors: &[ErrorCode::InvalidRequest, ErrorCode::InvalidClient],
    },
    Endpoint {
        path: "/userinfo",
        methods: "GET, POST",
        caller: Client,
        purpose: "claims about the user of an access token with the scope `openid`",
        rules: "OpenID Connect Core §5.3, RFC 6750. The token is in the header `Authorization: Bearer` or in the form of a \
                POST, never in the URL. Without any token the response is 401, with a challenge that has no error code.",
        parameters: &[("access_token", jwt::MAX_LENGTH, "the token, if it is not in the header")],
        body: form::SMALL,
        errors: &[ErrorCode::InvalidRequest, ErrorCode::InvalidToken, ErrorCode::InsufficientScope],
    },
    Endpoint {
        path: "/logout",
        methods: "GET, POST",
        caller: Person,
        purpose: "end the session of this browser",
        rules: "OpenID Connect RP-Initiated Logout 1.0.",
        parameters: &[
            ("id_token_hint", jwt::MAX_LENGTH, "an ID token of the session; it may have expired"),
            (
                "post_logout_redirect_uri",
                MAX_VALUE_BYTES,
                "byte for byte one of the client's registered ones; needs `id_token_hint` or `client_id`",
            ),
            ("state", MAX_VALUE_BYTES, "returned unchanged"),
            (
                "client_id",
                MAX_VALUE_BYTES,
                "the client that requests it; if `id_token_hint` is sent as well, the one in it",
            ),
        ],
        body: form::LARGE,
        errors: &[ErrorCode::InvalidRequest, ErrorCode::AccessDenied],
    },
    page("/", "redirects to the account page"),
    page_with_form("/login", "the sign-in page of a request in progress"),
    page_with_form("/consent", "the consent page of a request in progress"),
    page_with_form("/signup", "the page to create an account, if `signup` is open"),
    page("/account", "the account page"),
    page_with_form("/account/profile", "the form that changes the profile"),
    page_with_form("/account/password", "the form that changes the password"),
    page_with_form("/account/sessions", "the form that ends sessions"),
    page_with_form("/account/apps", "the form that removes an application's access"),
    document("/.well-known/openid-configuration", "metadata (OpenID Connect Discovery §4)"),
    document(
        "/.well-known/oauth-authorization-server",
        "the same metadata (RFC 8414); if the issuer has a path, also with that path appended (§3.1)",
    ),
    page(
        "/.well-known/change-password",
        "redirects to the page where a user changes the password, for password managers; if the issuer has a path, also at \
         the root of the host",
    ),
    document(
        "/.well-known/security.txt",
        "where to report a vulnerability (RFC 9116), if `security_contact` is set; if the issuer has a path, also at the \
         root of the host",
    ),
    document("/jwks", "the public keys (RFC 7517 §5)"),
    health_check("/healthz", "whether the process responds"),
    health_check("/readyz", "whether a request would succeed now"),
];

/// A page without a form.
const fn page(path: &'static str, purpose: &'static str) -> Endpoint {
    Endpoint {
        path,
        methods: "GET",
        caller: Person,
        purpose,
        rules: "",
        parameters: &[],
        body: 0,
        errors: &[],
    }
}

/// A page with a form.
const fn page_with_form(path: &'static str, purpose: &'static str) -> Endpoint {
    Endpoint { methods: "GET, POST", ..page(path, purpose) }
}

/// A public document.
const fn document(path: &'static str, purpose: &'static str) -> Endpoint {
    Endpoint { methods: "GET, HEAD", caller: Anyone, ..page(path, purpose) }
}

const fn health_check(path: &'static str, purpose: &'static str) -> Endpoint {
    Endpoint { caller: Monitor, ..document(path, purpose) }
}

/// The whole page `docs/reference/endpoints.md`.
pub fn markdown() -> String {
    let limits = Limits::default();
    let mut page = String::from(
        "# Endpoints\n\n\
         <!-- Generated from server/src/reference/endpoints.rs, which tests compare with the routes; \
         `cargo run -q -p server --example reference_pages` writes it. -->\n\n\
         All paths are below the issuer. Read the full URLs from the metadata.\n\n\
         | path | methods | called by | purpose |\n|---|---|---|---|\n",
    );
    for Endpoint { path, methods, caller, purpose, .. } in ENDPOINTS {
        let _infallible = writeln!(page, "| `{path}` | {methods} | {} | {purpose} |", name_of(*caller));
    }
    page.push_str(
        "\n| called by | other origins may read the answer |\n|---|---|\n\
         | anyone | every origin may |\n\
         | clients | the origins of the public client that calls, and every origin may read a refusal that came before the \
         client was known ([CORS](../guides/browser-applications.md)) |\n\
         | servers, monitors | none |\n\
         | browsers | none: these are pages, and cannot be framed |\n",
    );
    let _infallible = write!(
        page,
        "\n## Limits of every request\n\n\
         | what | limit | beyond |\n|---|---|---|\n\
         | path and query | {} kB | 414 |\n\
         | header lines | {}, and {} kB together | 431 |\n\
         | body | {} kB, or {} kB where the endpoint says so | 413 |\n\
         | parameters | {MAX_PARAMETERS} | `invalid_request` |\n\
         | a value, decoded | {} kB, or what the endpoint says | `invalid_request` |\n\
         | time for the head, for the body, for the whole request | {} s, {} s, {} s | closed, 408, 503 |\n\n\
         A repeated parameter is `invalid_request`, except that a repeated `resource` is `invalid_target`. A \
         parameter without a value counts as missing, and unknown parameters are ignored (RFC 6749 §3.1). Forms are \
         `application/x-www-form-urlencoded` in UTF-8, and a POST has no query.\n",
        URI_BYTES / 1024,
        HEADERS,
        HEADER_BYTES / 1024,
        form::SMALL / 1024,
        form::LARGE / 1024,
        MAX_VALUE_BYTES / 1024,
        limits.head_time.as_secs(),
        limits.body_time.as_secs(),
        limits.request_time.as_secs(),
    );
    for endpoint in ENDPOINTS.iter().filter(|endpoint| !endpoint.parameters.is_empty()) {
        section(&mut page, endpoint);
    }
    page
}

fn section(page: &mut String, endpoint: &Endpoint) {
    let by_client = matches!(endpoint.path, "/token" | "/introspect" | "/revoke");
    let authentication = if by_client { format!(" {CLIENT}") } else { String::new() };
    let _infallible = write!(
        page,
        "\n## `{}`\n\n{}: {}. {}{authentication} A body has at most {} kB.\n\n\
         | parameter | bytes | |\n|---|---|---|\n",
        endpoint.path,
        endpoint.methods,
        endpoint.purpose,
        endpoint.rules,
        endpoint.body / 1024,
    );
    for (name, bytes, meaning) in endpoint.parameters {
        let _infallible = writeln!(page, "| `{name}` | {bytes} | {meaning} |");
    }
    let links = endpoint.errors.iter().map(|code| format!("[`{0}`](errors.md#{0})", code.as_str()));
    let _infallible = write!(page, "\nErrors: {}.\n", links.collect::<Vec<_>>().join(", "));
}

const fn name_of(caller: Caller) -> &'static str {
    match caller {
        Person => "browsers",
        Client => "clients",
        Server => "servers",
        Anyone => "anyone",
        Monitor => "monitors",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Refusal;
    use protocol::authorize::request::PARAMETERS;

    #[test]
    fn every_route_is_described_and_every_description_has_its_route() {
        let routes = include_str!("../routes.rs").split(".route(\"").skip(1);
        let mut routes: Vec<_> = routes.filter_map(|rest| rest.split('"').next()).collect();
        let mut described: Vec<_> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
        routes.sort_unstable();
        described.sort_unstable();
        assert_eq!(described, routes);
    }

    #[test]
    fn every_parameter_of_the_authorization_endpoint_is_described() {
        let authorize = ENDPOINTS.iter().find(|endpoint| endpoint.path == "/authorize").unwrap();
        // Two names of one parameter.
        let wanted = PARAMETERS.iter().filter(|name| **name != "audience");
        for name in wanted {
            assert!(authorize.parameters.iter().any(|(known, ..)| known == name), "{name}");
        }
        assert_eq!(authorize.parameters.len(), PARAMETERS.len() - 1);
    }

    #[test]
    fn every_code_is_an_error_of_an_endpoint() {
        for refusal in Refusal::ALL {
            let code = refusal.code();
            assert!(ENDPOINTS.iter().any(|endpoint| endpoint.errors.contains(&code)), "{code:?}");
        }
    }
}

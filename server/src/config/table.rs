//! The one table of settings. A row says everything about its key: how it is read and shown, and what it means. The
//! reference page is generated from it.

use super::readers::{read_address, read_algorithms, read_client_ip, read_contacts, read_origin_secrets};
use super::row::{Row, duration_row};
use super::settings::{ClientIp, KeysSetting, LogFormat, RotatedBy};
use super::store::StorageSetting;
use super::text::either;
use keys::LEAST_CEILING;
use protocol::claims::catalog;
use protocol::issuer::Issuer;

/// The row of a key.
pub fn row(key: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.key == key)
}

/// All settings, in the order of the page.
pub static ROWS: [Row; 32] = [
    Row {
        key: "issuer",
        default: None,
        default_words: "`http://localhost:<port>` on a loopback listener; required otherwise",
        doc: "The issuer identifier: the URL by which clients know this server, in every token and in the metadata. `https`, \
              except on loopback hosts; without a slash at the end; may have a path. It is never taken from a request.",
        secret: false,
        read: |draft, text| {
            draft.issuer = Some(Issuer::parse(text).map_err(|why| why.fix().to_owned())?);
            Ok(())
        },
        show: |settings| Some(settings.issuer.to_string()),
    },
    Row {
        key: "listen",
        default: Some("127.0.0.1:8080"),
        default_words: "",
        doc: "Address and port to listen on; port `0` takes a free one. If it isn't set, the variable `PORT` \
              names a port to listen on at all addresses, and `FUNCTIONS_CUSTOMHANDLER_PORT` one on loopback; both \
              need `issuer`.",
        secret: false,
        read: |draft, text| {
            draft.listen = Some(read_address(text, "127.0.0.1:8080 or [::]:8080")?);
            Ok(())
        },
        show: |settings| Some(settings.listen.to_string()),
    },
    Row {
        key: "storage",
        default: Some("sqlite:keyward-data/keyward.db"),
        default_words: "",
        doc: "Where records are kept: `sqlite:PATH`, `dynamodb:TABLE`, or `sqlite::memory:` for tests. A relative \
              path is relative to the working directory. For DynamoDB, region, credentials and endpoint come from the \
              standard AWS variables and files (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_DYNAMODB`, …).",
        secret: false,
        read: |draft, text| {
            draft.storage = Some(StorageSetting::parse(text)?);
            Ok(())
        },
        show: |settings| Some(settings.storage.to_string()),
    },
    Row {
        key: "keys",
        default: Some("local:keyward-data/master.key"),
        default_words: "",
        doc: "What protects private keys: `local:PATH` is a master key file, which the first start creates, readable by its \
              owner only. Back it up: without it the stored keys can't be used. `kms-envelope:KEY` stores keys that AWS KMS \
              encrypted; each process lets KMS decrypt them when it starts. `kms-sign:KEY` keeps the signing keys in AWS KMS, \
              which signs each token. KEY is the id, ARN or alias of a symmetric KMS key. Region and credentials come from \
              the standard AWS variables and files (`AWS_REGION`, `AWS_PROFILE`, `AWS_ENDPOINT_URL_KMS`, …).",
        secret: false,
        read: |draft, text| {
            draft.keys = Some(KeysSetting::parse(text)?);
            Ok(())
        },
        show: |settings| Some(settings.keys.to_string()),
    },
    Row {
        key: "signing_algs",
        default: Some("RS256,ES256"),
        default_words: "",
        doc: "The algorithms that sign tokens: one to three of `RS256`, `PS256`, `ES256`, `EdDSA`. The first signs for \
              clients that name none.",
        secret: false,
        read: |draft, text| {
            draft.signing_algs = read_algorithms(text)?;
            Ok(())
        },
        show: |settings| {
            let names: Vec<&str> = settings.signing_algs.iter().map(|alg| alg.as_str()).collect();
            Some(names.join(","))
        },
    },
    duration_row!(
        "access_token_ttl",
        "10m",
        "1s"..="24h",
        "Lifetime of an access token. APIs that verify tokens locally accept a revoked one until it expires.",
        lifetimes.access_token
    ),
    duration_row!("id_token_ttl", "1h", "1s"..="24h", "Lifetime of an ID token.", lifetimes.id_token),
    duration_row!("code_ttl", "60s", "1s"..="10m", "Lifetime of an authorization code.", lifetimes.code),
    duration_row!(
        "refresh_token_idle_ttl",
        "30d",
        "1s"..="730d",
        "How long an unused refresh token remains valid.",
        lifetimes.refresh_token_idle
    ),
    duration_row!(
        "refresh_token_absolute_ttl",
        "90d",
        "1s"..="730d",
        "How long a grant can be refreshed before the user has to sign in again; at least the idle lifetime.",
        lifetimes.refresh_token_absolute
    ),
    duration_row!(
        "session_idle_ttl",
        "12h",
        "1s"..="365d",
        "How long an unused browser session lasts.",
        lifetimes.session_idle
    ),
    duration_row!(
        "session_absolute_ttl",
        "7d",
        "1s"..="365d",
        "How long a browser session lasts at most; at least the idle lifetime.",
        lifetimes.session_absolute
    ),
    duration_row!(
        "refresh_reuse_grace",
        "30s",
        "0"..="5m",
        "How long after a rotation the former refresh token still gets the same answer, so that lost answers \
         and parallel tabs don't end a grant; a minute longer from another process, whose clock may differ. \
         `0` turns it off.",
        refresh_reuse_grace
    ),
    duration_row!(
        "key_rotation_period",
        "30d",
        "1m"..="365d",
        "How long a key signs. At least `key_publish_lead` and `key_retire_after`, except on a loopback issuer, \
         so that there are never too many keys to publish.",
        key_rotation_period
    ),
    duration_row!(
        "key_publish_lead",
        "24h",
        "0"..="90d",
        "How long a key is published before it signs. At least 2h10m, except on a loopback issuer: gateways \
         cache key sets that long.",
        key_publish_lead
    ),
    duration_row!(
        "key_retire_after",
        "48h",
        "1s"..="90d",
        "How long a key stays published after it stopped signing. At least twice the longest token lifetime, and \
         at least 30m except on a loopback issuer.",
        key_retire_after
    ),
    Row {
        key: "signup",
        default: None,
        default_words: "`open` in `keyward dev`, `closed` otherwise",
        doc: "Whether users may sign up: `open` or `closed`.",
        secret: false,
        read: |draft, text| {
            draft.signup = Some(either(text, "open", "closed")?);
            Ok(())
        },
        show: |settings| Some(if settings.signup { "open" } else { "closed" }.into()),
    },
    Row {
        key: "rate_limits",
        default: Some("on"),
        default_words: "",
        doc: "Whether attempts are counted and limited: `on` or `off`. `off` only with a loopback issuer and listener.",
        secret: false,
        read: |draft, text| {
            draft.rate_limits = either(text, "on", "off")?;
            Ok(())
        },
        show: |settings| Some(if settings.rate_limits { "on" } else { "off" }.into()),
    },
    Row {
        key: "client_ip",
        default: None,
        default_words: "`lambda` in an AWS Lambda function, else `socket`",
        doc: "Where the caller's address is taken from, which limits count by: `socket` is the connection; `lambda` the \
              event of an AWS Lambda function; `header:NAME` is a header that a front end sets, such as `X-Forwarded-For` or `Forwarded` (RFC 7239). Of a list only the \
              last entry counts: the one that the front end next to this server appended. With `origin_secret` it must \
              be a header, and a header needs `origin_secret`.",
        secret: false,
        read: |draft, text| {
            draft.client_ip = Some(read_client_ip(text)?);
            Ok(())
        },
        show: |settings| {
            Some(match &settings.client_ip {
                ClientIp::Socket => "socket".into(),
                ClientIp::Lambda => "lambda".into(),
                ClientIp::Header(name) => format!("header:{name}"),
            })
        },
    },
    Row {
        key: "rotation",
        default: None,
        default_words: "`self` with a master key file, `scheduled` with KMS",
        doc: "What rotates the keys: `self` is the server, whichever process first notices that a rotation is due. `scheduled` \
              is `keyward keys rotate --if-due`, run every few hours by a scheduler that may make keys in KMS; servers then need \
              no permission to make any.",
        secret: false,
        read: |draft, text| {
            draft.rotation = Some(match text {
                "self" => RotatedBy::Server,
                "scheduled" => RotatedBy::Schedule,
                _ => return Err("write `self` or `scheduled`".into()),
            });
            Ok(())
        },
        show: |settings| {
            Some(match settings.rotation {
                RotatedBy::Server => "self".into(),
                RotatedBy::Schedule => "scheduled".into(),
            })
        },
    },
    Row {
        key: "signatures_per_second",
        default: Some("500"),
        default_words: "",
        doc: "With `kms-sign`: the most signatures of tokens that a process requests from KMS in a second, at least 2 (a call \
              that fails is repeated up to twice, which doesn't count). Beyond that, clients take turns, and a token request \
              that has waited for a second gets 503. KMS's own limit is shared by everything in the account and region.",
        secret: false,
        read: |draft, text| {
            let number = text.parse().ok().filter(|number| (LEAST_CEILING..=100_000).contains(number));
            draft.signatures_per_second = number
                .ok_or("write a number from 2 to 100000: an answer with an ID token has two signatures")?;
            Ok(())
        },
        show: |settings| Some(settings.signatures_per_second.to_string()),
    },
    Row {
        key: "origin_secret",
        default: None,
        default_words: "none",
        doc: "The secret that a front end sends in the header `X-Keyward-Origin`; requests without it are refused. \
              At least 32 characters. During a change there may be two, separated by a comma. Needs \
              `client_ip` to name the header with the caller's address.",
        secret: true,
        read: |draft, text| {
            draft.origin_secret = read_origin_secrets(text)?;
            Ok(())
        },
        show: |settings| {
            let secrets: Vec<&str> = settings.origin_secret.iter().map(|secret| &*secret.0).collect();
            (!secrets.is_empty()).then(|| secrets.join(","))
        },
    },
    duration_row!(
        "idle_timeout",
        "75s",
        "1s"..="1h",
        "How long a connection is kept after an answer without another request. It must be longer than the front \
         end keeps one, or the front end sends a request just as Keyward closes the connection, and answers 502. While all \
         connections are in use, idle ones are closed sooner. AWS Lambda ignores it.",
        idle_timeout
    ),
    duration_row!(
        "header_timeout",
        "10s",
        "1s"..="1m",
        "The time for a TLS handshake, and for the head of a request: from its first byte or, for the first request, from the \
         start of the connection. AWS Lambda ignores it.",
        header_timeout
    ),
    Row {
        key: "outbound_ca",
        default: None,
        default_words: "none",
        doc: "A PEM file of certificates that outbound calls trust besides the system's. So far only `keyward doctor` \
              makes such calls.",
        secret: false,
        read: |draft, text| {
            draft.outbound_ca = Some(text.into());
            Ok(())
        },
        show: |settings| settings.outbound_ca.as_ref().map(|path| path.display().to_string()),
    },
    Row {
        key: "outbound_allow_loopback",
        default: Some("false"),
        default_words: "",
        doc: "Whether outbound calls may go to this machine: `true` or `false`. For test relying parties. It has no \
              effect so far, since the server makes no such calls.",
        secret: false,
        read: |draft, text| {
            draft.outbound_allow_loopback = either(text, "true", "false")?;
            Ok(())
        },
        show: |settings| Some(settings.outbound_allow_loopback.to_string()),
    },
    Row {
        key: "metrics_listen",
        default: None,
        default_words: "none",
        doc: "Address and port of a listener for [metrics](metrics.md), such as `127.0.0.1:9090`. It has no authentication: keep \
              it away from the internet. AWS Lambda ignores it.",
        secret: false,
        read: |draft, text| {
            draft.metrics_listen = Some(read_address(text, "127.0.0.1:9090")?);
            Ok(())
        },
        show: |settings| settings.metrics_listen.map(|address| address.to_string()),
    },
    Row {
        key: "security_contact",
        default: None,
        default_words: "none",
        doc: "Where to report a vulnerability of this server: one or more of `mailto:…`, `https://…`, `tel:…`, separated by \
              commas. With `security_expires` it is served as `/.well-known/security.txt` (RFC 9116).",
        secret: false,
        read: |draft, text| {
            draft.security_contact = read_contacts(text)?;
            Ok(())
        },
        show: |settings| (!settings.security_contact.is_empty()).then(|| settings.security_contact.join(",")),
    },
    Row {
        key: "security_expires",
        default: None,
        default_words: "none",
        doc: "Until when `security_contact` can be relied on, such as `2027-06-30T00:00:00Z`; RFC 9116 recommends a \
              date less than a year ahead. `keyward doctor` says when it has passed.",
        secret: false,
        read: |draft, text| {
            let at = text.parse().map_err(|_| "write an instant such as 2027-06-30T00:00:00Z")?;
            draft.security_expires = Some(at);
            Ok(())
        },
        show: |settings| settings.security_expires.map(|at| at.to_string()),
    },
    Row {
        key: "groups_claim",
        default: Some("groups"),
        default_words: "",
        doc: "The name of the claim with the groups that a user is in, which the scope `groups` gives.",
        secret: false,
        read: |draft, text| {
            catalog::check_groups_claim(text)?;
            text.clone_into(&mut draft.groups_claim);
            Ok(())
        },
        show: |settings| Some(settings.claims.groups().into()),
    },
    Row {
        key: "claims",
        default: None,
        default_words: "none",
        doc: "Claims of your own about users: a table with the scope that gives each, or in the environment the same as a \
              JSON object. With `from = \"groups\"` the values are the user's groups, or what `map` makes of them: see \
              [Groups and claims](../guides/groups-and-claims.md).",
        secret: false,
        read: |draft, text| {
            draft.claims = catalog::declarations(text)?;
            Ok(())
        },
        show: |settings| catalog::show(&settings.claims),
    },
    Row {
        key: "log_format",
        default: None,
        default_words: "`text` on a terminal, else `json`",
        doc: "The format of the log on standard error: `text` or `json`. `RUST_LOG` selects what is logged.",
        secret: false,
        read: |draft, text| {
            let text_form = either(text, "text", "json")?;
            draft.log_format = Some(if text_form { LogFormat::Text } else { LogFormat::Json });
            Ok(())
        },
        show: |settings| {
            settings.log_format.map(|format| match format {
                LogFormat::Text => "text".into(),
                LogFormat::Json => "json".into(),
            })
        },
    },
];

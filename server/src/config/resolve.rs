//! Second stage: from texts to [`Settings`]. The rows are read one by one, then the rules that span several keys are
//! checked.

use super::bad_setting::{BadSetting, Origin};
use super::draft::Draft;
use super::raw::Raw;
use super::settings::{ClientIp, KeysSetting, RotatedBy, Settings};
use super::table::{self, ROWS};
use super::text::show_duration;
use keys::STALE_LIMIT;
use protocol::claims::Catalog;
use protocol::issuer::Issuer;
use protocol::lifetimes::Lifetimes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Gateways cache a key set for up to two hours; until then they reject what a key signs that is newer.
pub const LEAST_PUBLISH_LEAD: Duration = Duration::from_secs(2 * 3600 + 600);

/// How the process is reached, as far as the settings don't say it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings {
    /// Whether the listener speaks TLS, which makes the default issuer `https`.
    pub tls: bool,
    /// The address that was bound, which has the port if `listen` asked for any free one.
    pub bound: Option<SocketAddr>,
    /// Whether the process is an AWS Lambda function, which listens nowhere.
    pub function: bool,
}

/// Reads all rows and checks them as a whole.
pub fn resolve(raw: &Raw, surroundings: Surroundings) -> Result<Settings, BadSetting> {
    let draft = read_rows(raw)?;
    let listen = surroundings.bound.map_or_else(|| listen_address(raw), Ok)?;
    let (issuer, issuer_is_default) = match draft.issuer.clone() {
        Some(issuer) => (issuer, false),
        None if surroundings.function => {
            let fix = "required in a function: give the URL that clients will use, which is the function's or its front end's";
            return Err(raw.complaint("issuer", fix));
        }
        None => (default_issuer(raw, listen, surroundings.tls)?, true),
    };
    // Rows with a default are always read, so these are never absent.
    let missing = |key| raw.complaint(key, "it has no value");
    let keys = draft.keys.ok_or_else(|| missing("keys"))?;
    let by_default =
        if matches!(keys, KeysSetting::Local(_)) { RotatedBy::Server } else { RotatedBy::Schedule };
    let settings = Settings {
        issuer,
        issuer_is_default,
        listen,
        storage: draft.storage.ok_or_else(|| missing("storage"))?,
        keys,
        signing_algs: draft.signing_algs,
        lifetimes: draft.lifetimes,
        refresh_reuse_grace: draft.refresh_reuse_grace,
        key_rotation_period: draft.key_rotation_period,
        key_publish_lead: draft.key_publish_lead,
        key_retire_after: draft.key_retire_after,
        signup: draft.signup.unwrap_or(false),
        rate_limits: draft.rate_limits,
        client_ip: draft.client_ip.unwrap_or(if surroundings.function {
            ClientIp::Lambda
        } else {
            ClientIp::Socket
        }),
        rotation: draft.rotation.unwrap_or(by_default),
        signatures_per_second: draft.signatures_per_second,
        origin_secret: draft.origin_secret,
        idle_timeout: draft.idle_timeout,
        header_timeout: draft.header_timeout,
        outbound_ca: draft.outbound_ca,
        outbound_allow_loopback: draft.outbound_allow_loopback,
        metrics_listen: draft.metrics_listen,
        security_contact: draft.security_contact,
        security_expires: draft.security_expires,
        claims: Catalog::new(&draft.groups_claim, draft.claims)
            .map_err(|fix| raw.complaint("claims", fix))?
            .into(),
        log_format: draft.log_format,
    };
    check_lifetimes(raw, &settings)?;
    check_keys(raw, &settings)?;
    check_front(raw, &settings)?;
    check_client_ip(raw, &settings, surroundings)?;
    check_security(raw, &settings)?;
    Ok(settings)
}

fn read_rows(raw: &Raw) -> Result<Draft, BadSetting> {
    let mut draft = Draft::default();
    for row in &ROWS {
        let set = raw.get(row.key).map(|value| value.text.as_str());
        if let Some(text) = set.or(row.default) {
            (row.read)(&mut draft, text).map_err(|fix| raw.complaint(row.key, fix))?;
        }
    }
    Ok(draft)
}

/// The address to listen on, before anything is bound.
pub fn listen_address(raw: &Raw) -> Result<SocketAddr, BadSetting> {
    let set = raw.get("listen").map(|value| value.text.as_str());
    if let (None, Some((variable, port))) = (set, &raw.platform_port) {
        let number = port.parse().map_err(|_| BadSetting {
            key: "listen".into(),
            value: Some(port.clone()),
            origin: Origin::Environment((*variable).into()),
            fix: "the platform's variable must hold a port number".into(),
        })?;
        // A custom handler is called by a host process on the same machine, a container from outside.
        let any = *variable == "PORT";
        let address = if any { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        return Ok(SocketAddr::new(IpAddr::V4(address), number));
    }
    let mut draft = Draft::default();
    let row = table::row("listen").ok_or_else(|| raw.complaint("listen", "it has no value"))?;
    (row.read)(&mut draft, set.or(row.default).unwrap_or_default())
        .map_err(|fix| raw.complaint("listen", fix))?;
    draft.listen.ok_or_else(|| raw.complaint("listen", "it has no value"))
}

fn default_issuer(raw: &Raw, listen: SocketAddr, tls: bool) -> Result<Issuer, BadSetting> {
    let from_platform = raw.get("listen").is_none() && raw.platform_port.is_some();
    if !listen.ip().is_loopback() || from_platform {
        return Err(raw.complaint(
            "issuer",
            format!(
                "required when others can reach {listen}: set `issuer` or KEYWARD_ISSUER to the URL that clients will use, such as https://auth.example.com"
            ),
        ));
    }
    let scheme = if tls { "https" } else { "http" };
    let text = match listen.port() {
        // Not bound yet: the port is unknown. A scheme's own port is left out (RFC 3986 §6.2.3).
        0 => format!("{scheme}://localhost"),
        80 if !tls => format!("{scheme}://localhost"),
        443 if tls => format!("{scheme}://localhost"),
        port => format!("{scheme}://localhost:{port}"),
    };
    Issuer::parse(&text).map_err(|why| raw.complaint("issuer", why.fix()))
}

fn check_lifetimes(raw: &Raw, settings: &Settings) -> Result<(), BadSetting> {
    let Lifetimes { refresh_token_idle, refresh_token_absolute, session_idle, session_absolute, .. } =
        settings.lifetimes;
    for (key, idle_key, absolute, idle) in [
        ("refresh_token_absolute_ttl", "refresh_token_idle_ttl", refresh_token_absolute, refresh_token_idle),
        ("session_absolute_ttl", "session_idle_ttl", session_absolute, session_idle),
    ] {
        if absolute < idle {
            let fix = format!("must be at least {idle_key} ({})", show_duration(idle));
            return Err(effective_complaint(raw, settings, key, fix));
        }
    }
    Ok(())
}

fn check_keys(raw: &Raw, settings: &Settings) -> Result<(), BadSetting> {
    let complain = |key, fix| Err(effective_complaint(raw, settings, key, fix));
    if matches!(settings.keys, KeysSetting::Local(_)) && settings.rotation == RotatedBy::Schedule {
        return complain("rotation", "it is for keys in KMS; with a master key file write `self`".into());
    }
    let longest = settings.lifetimes.access_token.max(settings.lifetimes.id_token);
    // A retired key may still sign: for half of its retirement while its successor can't be unwrapped, and in a
    // process that doesn't know the successor because the store is away.
    let signs_on = if settings.issuer.is_loopback() { longest } else { longest.max(STALE_LIMIT) };
    if settings.key_retire_after < 2 * signs_on {
        let fix = format!(
            "must be at least {}, twice the longest token lifetime and never under 30m except on a loopback \
             issuer, or tokens outlive the key that verifies them",
            show_duration(2 * signs_on)
        );
        return complain("key_retire_after", fix);
    }
    if settings.issuer.is_loopback() {
        return Ok(());
    }
    if settings.key_publish_lead < LEAST_PUBLISH_LEAD {
        let fix = "must be at least 2h10m: gateways cache key sets that long and would reject new tokens";
        return complain("key_publish_lead", fix.into());
    }
    let least = settings.key_publish_lead.max(settings.key_retire_after);
    if settings.key_rotation_period < least {
        let fix = format!(
            "must be at least {}, the longer of key_publish_lead and key_retire_after",
            show_duration(least)
        );
        return complain("key_rotation_period", fix);
    }
    Ok(())
}

fn check_front(raw: &Raw, settings: &Settings) -> Result<(), BadSetting> {
    let is_local = settings.issuer.is_loopback() && settings.listen.ip().is_loopback();
    if !settings.rate_limits && !is_local {
        let fix = "`off` is for tests with a loopback issuer on a loopback listener: write `on`";
        return Err(raw.complaint("rate_limits", fix));
    }
    if matches!(settings.client_ip, ClientIp::Header(_)) && settings.origin_secret.is_empty() {
        let fix = "anybody could send this header: set `origin_secret` too, and have the front end send it";
        return Err(raw.complaint("client_ip", fix));
    }
    if matches!(&settings.client_ip, ClientIp::Header(name) if name == "x-keyward-origin") {
        let fix = "this header carries `origin_secret`: name the one in which the front end sends the caller's address";
        return Err(raw.complaint("client_ip", fix));
    }
    if !matches!(settings.client_ip, ClientIp::Header(_)) && !settings.origin_secret.is_empty() {
        let fix = "every call comes from the front end that sends `origin_secret`, so all callers would share one \
                   limit: write header:NAME with the header in which it sends the caller's address, such as \
                   header:X-Forwarded-For; without a front end, remove `origin_secret`";
        return Err(effective_complaint(raw, settings, "client_ip", fix.into()));
    }
    Ok(())
}

/// An address can only be where the transport puts it. Commands, which have no transport, take both.
fn check_client_ip(raw: &Raw, settings: &Settings, surroundings: Surroundings) -> Result<(), BadSetting> {
    let fix = match settings.client_ip {
        ClientIp::Socket if surroundings.function => {
            "a function has no connections: write `lambda`, or leave it out"
        }
        ClientIp::Lambda if surroundings.bound.is_some() => {
            "only an AWS Lambda function has such events: write `socket`, or leave it out"
        }
        _ => return Ok(()),
    };
    Err(raw.complaint("client_ip", fix))
}

/// RFC 9116 §2.5.3, §2.5.5: both are required.
fn check_security(raw: &Raw, settings: &Settings) -> Result<(), BadSetting> {
    match (settings.security_contact.is_empty(), settings.security_expires) {
        (false, None) => Err(raw.complaint("security_expires", "required with `security_contact`")),
        (true, Some(_)) => Err(raw.complaint("security_contact", "required with `security_expires`")),
        _ => Ok(()),
    }
}

/// A complaint about two keys that disagree. It shows the value in force even if that is the default.
fn effective_complaint(raw: &Raw, settings: &Settings, key: &str, fix: String) -> BadSetting {
    let shown = table::row(key).and_then(|row| row.shown(settings));
    BadSetting { value: shown, ..raw.complaint(key, fix) }
}

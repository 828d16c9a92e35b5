//! Our three cookies: the session, the binding that ties forms to a browser, and the accounts that signed in from this
//! browser.
//!
//! All are host-only, HttpOnly and Lax. On https their names begin with `__Host-`, so that no sibling host can set them
//! (RFC 6265bis §4.1.3.2); a plain http issuer exists on loopback only and can't use that prefix. The names contain a hash
//! of the issuer, so that issuers on one host don't overwrite each other's cookies.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use keys::entropy::{self, Entropy};
use keys::seal::SealKind;
use keys::{KeysError, Snapshot};
use protocol::base64url;
use protocol::device::Devices;
use protocol::id::{SessionId, UserId};
use protocol::issuer::Issuer;
use protocol::lifetimes;
use protocol::secret::Secret;
use protocol::session::SessionCookie;
use protocol::time::Timestamp;
use std::fmt::Write as _;
use std::time::Duration;

/// Names and attributes of the cookies.
#[derive(Clone, Debug)]
pub struct Cookies {
    session: String,
    binding: String,
    devices: String,
    attributes: &'static str,
    session_lifetime: Duration,
}

/// What ties a form to a browser: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Binding([u8; 16]);

impl Binding {
    /// The bits, to be hashed into a form's token.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Cookies {
    /// For one issuer; a session lasts `session_lifetime` at most.
    pub fn new(issuer: &Issuer, session_lifetime: Duration) -> Self {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, issuer.as_str().as_bytes());
        let mut mark = String::with_capacity(8);
        for byte in hash.as_ref().iter().take(4) {
            let _infallible = write!(mark, "{byte:02x}");
        }
        let (prefix, attributes) = match issuer.is_https() {
            true => ("__Host-", "; Path=/; Secure; HttpOnly; SameSite=Lax"),
            false => ("", "; Path=/; HttpOnly; SameSite=Lax"),
        };
        Self {
            session: format!("{prefix}kw-s-{mark}"),
            binding: format!("{prefix}kw-b-{mark}"),
            devices: format!("{prefix}kw-d-{mark}"),
            attributes,
            session_lifetime,
        }
    }

    /// Checks that each of our cookies can be opened, if it is one.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn check(&self, headers: &HeaderMap, ring: &Snapshot) -> Result<(), KeysError> {
        for (name, kind) in [(&self.session, SealKind::Session), (&self.devices, SealKind::Device)] {
            if let Some(sealed) = value(headers, name).and_then(base64url::decode) {
                ring.open(kind, &sealed)?;
            }
        }
        Ok(())
    }

    /// The session that the browser's cookie names, if the cookie is one of ours. Whether the session is alive, only the
    /// store knows.
    pub fn session(&self, headers: &HeaderMap, ring: &Snapshot) -> Option<SessionCookie> {
        let sealed = base64url::decode(value(headers, &self.session)?)?;
        let opened = ring.seals().open(SealKind::Session, &sealed)?.plaintext;
        let (user, rest) = opened.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (secret, rest) = rest.split_first_chunk::<32>()?;
        let last_used = <[u8; 8]>::try_from(rest).ok()?;
        Some(SessionCookie {
            user: UserId::from_bytes(*user),
            session: SessionId::from_bytes(*session),
            secret: Secret::from_bytes(*secret),
            last_used_at: Timestamp::from_millis(u64::from_be_bytes(last_used)),
        })
    }

    /// Sets the session cookie, last used now.
    pub fn set_session(
        &self,
        cookie: &SessionCookie,
        ring: &Snapshot,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> HeaderValue {
        let plaintext = zeroize::Zeroizing::new(
            [
                cookie.user.as_bytes().as_slice(),
                cookie.session.as_bytes(),
                cookie.secret.expose(),
                &now.millis().to_be_bytes(),
            ]
            .concat(),
        );
        let sealed = base64url::encode(&ring.seals().seal(SealKind::Session, &plaintext, entropy, now));
        let age = self.session_lifetime.as_secs();
        header(format!("{}={sealed}{}; Max-Age={age}", self.session, self.attributes))
    }

    /// Removes the session cookie.
    pub fn clear_session(&self) -> HeaderValue {
        header(format!("{}={}; Max-Age=0", self.session, self.attributes))
    }

    /// The accounts that signed in from this browser, expired ones among them; none if the cookie isn't ours.
    pub fn devices(&self, headers: &HeaderMap, ring: &Snapshot) -> Devices {
        let sealed = value(headers, &self.devices).and_then(base64url::decode);
        let opened = sealed.and_then(|sealed| ring.seals().open(SealKind::Device, &sealed));
        opened.and_then(|opened| Devices::parse(&opened.plaintext)).unwrap_or_default()
    }

    /// Sets the cookie by which accounts know this browser. It stays when the user signs out.
    pub fn set_devices(
        &self,
        devices: &Devices,
        ring: &Snapshot,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> HeaderValue {
        let sealed = ring.seals().seal(SealKind::Device, &devices.to_bytes(), entropy, now);
        let (text, age) = (base64url::encode(&sealed), lifetimes::DEVICE.as_secs());
        header(format!("{}={text}{}; Max-Age={age}", self.devices, self.attributes))
    }

    /// The binding in the browser's cookie.
    pub fn binding(&self, headers: &HeaderMap) -> Option<Binding> {
        base64url::decode_array(value(headers, &self.binding)?).map(Binding)
    }

    /// The binding in the browser's cookie, or a new one with the header that sets it.
    pub fn binding_or_new(
        &self,
        headers: &HeaderMap,
        entropy: &dyn Entropy,
    ) -> (Binding, Option<HeaderValue>) {
        if let Some(binding) = self.binding(headers) {
            return (binding, None);
        }
        let binding = Binding(entropy::bytes(entropy));
        let text = base64url::encode(&binding.0);
        (binding, Some(header(format!("{}={text}{}", self.binding, self.attributes))))
    }
}

/// Always a valid header value: our cookies are base64url and constants.
fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// The value of a cookie (RFC 6265 §5.4). Of several with one name it is the first, since browsers send the most specific
/// first.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    // As bytes, because other programs on this host may have set cookies that aren't text.
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    std::str::from_utf8(values.next()?).ok()
}

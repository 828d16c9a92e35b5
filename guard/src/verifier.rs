//! The checks of a token, in order: what costs nothing first, then the signature, then what the signature vouches for.

use crate::cache::{Cache, MIN_SECRET, SharedCache};
use crate::clock::{Clock, SystemClock, now};
use crate::introspection::Introspector;
use crate::issuer::Issuer;
use crate::keys::{Keys, NoKey};
use crate::keyset::KeySet;
use crate::misconfigured::Misconfigured;
use crate::rejection::{Reason, Rejection};
use crate::require::Require;
use crate::shape::Shape;
use crate::signature::PublicKey;
use crate::token::Token;
use http::Method;
use protocol::jwk::Algorithm;
use protocol::jwt::{Compact, Header, MAX_LENGTH, NumericDate};
use protocol::time::Timestamp;
use serde::Deserialize as _;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How far the issuer's clock may differ from ours.
const LEEWAY: Duration = Duration::from_secs(30);

/// Verifies access tokens. Cheap to clone; one per process.
///
/// ```no_run
/// # use keyward_guard::{Issuer, Rejection, Verifier};
/// # async fn example(token: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = Issuer::new("https://login.example.com").audience("https://orders.example.com");
/// let verifier = Verifier::new(issuer)?;
/// verifier.warm().await?;
/// let token = verifier.verify(token).await?;
/// println!("{} may read: {}", token.subject(), token.has_scope("orders:read"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Verifier(Arc<Inner>);

struct Inner {
    issuers: Vec<Trusted>,
    leeway: Duration,
    max_token_bytes: usize,
    clock: Arc<dyn Clock>,
}

/// An issuer at work.
struct Trusted {
    name: String,
    shape: Shape,
    needs_at_jwt: bool,
    audiences: Vec<String>,
    algorithms: Vec<Algorithm>,
    keys: Arc<Keys>,
    introspector: Option<Introspector>,
}

/// Settings of a [`Verifier`].
pub struct Builder {
    issuers: Vec<Issuer>,
    leeway: Duration,
    max_token_bytes: usize,
    clock: Arc<dyn Clock>,
    cache: Option<(Arc<dyn Cache>, Vec<u8>)>,
}

impl Builder {
    /// Accepts tokens of this issuer, too.
    #[must_use]
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// How far the issuers' clocks may differ from ours; 30 s by default.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// The longest token that is read; 8 kB by default, and never more.
    #[must_use]
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Shares keys and introspections with other processes that have the same secret of at least 32 bytes.
    #[must_use]
    pub fn cache(mut self, cache: impl Cache, secret: &[u8]) -> Self {
        self.cache = Some((Arc::new(cache), secret.to_vec()));
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub fn build(self) -> Result<Verifier, Misconfigured> {
        if self.issuers.is_empty() {
            return Err(Misconfigured::NoIssuer);
        }
        if self.cache.as_ref().is_some_and(|(_, secret)| secret.len() < MIN_SECRET) {
            return Err(Misconfigured::CacheSecret);
        }
        let shared =
            |(cache, secret): (_, Vec<u8>)| SharedCache::new(cache, Arc::clone(&self.clock), &secret);
        let cache = self.cache.map(shared).map(Arc::new);
        let mut issuers: Vec<Trusted> = Vec::new();
        for issuer in self.issuers {
            if issuers.iter().any(|other| other.name == issuer.name) {
                return Err(Misconfigured::Twice(issuer.name));
            }
            issuers.push(Trusted::new(issuer, &self.clock, cache.as_ref())?);
        }
        let Self { leeway, max_token_bytes, clock, .. } = self;
        Ok(Verifier(Arc::new(Inner { issuers, leeway, max_token_bytes, clock })))
    }
}

impl Trusted {
    fn new(
        issuer: Issuer,
        clock: &Arc<dyn Clock>,
        cache: Option<&Arc<SharedCache>>,
    ) -> Result<Self, Misconfigured> {
        let name = || issuer.name.clone();
        let (reach, transport) = (issuer.reach(), issuer.transport());
        if let Some(url) = issuer.urls().find(|url| !reach.allows_url(url)) {
            return Err(Misconfigured::Url(url.to_owned()));
        }
        if issuer.audiences.is_empty() {
            return Err(Misconfigured::NoAudience(name()));
        }
        if issuer.algorithms.is_empty() {
            return Err(Misconfigured::NoAlgorithm(name()));
        }
        let parse = |text: &String| {
            KeySet::parse(text.as_bytes(), &issuer.algorithms).ok_or_else(|| Misconfigured::Keys(name()))
        };
        let embedded = issuer.embedded.as_ref().map(parse).transpose()?;
        if transport.is_none() && (embedded.is_none() || issuer.introspection.is_some()) {
            return Err(Misconfigured::NoTransport(name()));
        }
        let introspector = issuer.introspection.zip(transport.clone());
        let keys = Keys::new(
            issuer.name.clone(),
            issuer.source,
            issuer.algorithms.clone(),
            (reach, transport),
            Arc::clone(clock),
            embedded,
            cache.cloned(),
        );
        Ok(Self {
            name: issuer.name,
            shape: issuer.shape,
            needs_at_jwt: issuer.shape.needs_at_jwt() && !issuer.is_any_jwt,
            audiences: issuer.audiences,
            algorithms: issuer.algorithms,
            keys,
            introspector: introspector
                .map(|(how, fetch)| Introspector::new(how, fetch, Arc::clone(clock), cache.cloned())),
        })
    }
}

impl Verifier {
    /// For one issuer.
    ///
    /// # Errors
    /// What is wrong with its settings.
    pub fn new(issuer: Issuer) -> Result<Self, Misconfigured> {
        Self::builder().issuer(issuer).build()
    }

    /// For several issuers, or with other settings.
    pub fn builder() -> Builder {
        let clock = Arc::new(SystemClock);
        Builder { issuers: Vec::new(), leeway: LEEWAY, max_token_bytes: MAX_LENGTH, clock, cache: None }
    }

    /// Fetches the keys of all issuers, so that no request has to wait for them. An API may start without: it then answers
    /// 503 until its issuer can be reached.
    ///
    /// # Errors
    /// [`Rejection::Unavailable`] if an issuer's keys can't be fetched; the cause is in the log.
    pub async fn warm(&self) -> Result<(), Rejection> {
        let cold = || self.0.issuers.iter().filter(|issuer| !issuer.keys.is_warm());
        for issuer in cold() {
            issuer.keys.refresh(None).await;
        }
        cold().next().map_or(Ok(()), |_| Err(Rejection::Unavailable))
    }

    /// Verifies a token. It waits only while the issuer's keys are fetched, or if the issuer is asked about each token.
    ///
    /// # Errors
    /// Why the token is refused.
    pub async fn verify(&self, token: &str) -> Result<Token, Rejection> {
        let unproven = self.parse(token)?;
        let key = unproven.issuer.keys.find(unproven.kid(), unproven.compact.header.alg).await;
        let issuer = unproven.issuer;
        let verified = self.prove(unproven, key)?;
        if let Some(introspector) = &issuer.introspector {
            let expiry = verified.date("exp").map_or(Timestamp::EPOCH, NumericDate::timestamp);
            introspector.check(token, expiry).await?;
        }
        Ok(verified)
    }

    /// Verifies a token with the keys that are in memory, without a request and without waiting.
    ///
    /// # Errors
    /// Why the token is refused. It is [`Rejection::Unavailable`] if there are no keys or if the issuer has to be asked.
    pub fn verify_offline(&self, token: &str) -> Result<Token, Rejection> {
        let unproven = self.parse(token)?;
        if unproven.issuer.introspector.is_some() {
            return Err(Rejection::Unavailable);
        }
        let key = unproven.issuer.keys.known(unproven.kid(), unproven.compact.header.alg);
        self.prove(unproven, key)
    }

    /// Whether a token is enough for a request by this method.
    ///
    /// # Errors
    /// What is missing.
    pub fn authorize(&self, token: &Token, method: &Method, require: &Require) -> Result<(), Rejection> {
        require.check(token, method, self.0.clock.now())
    }

    /// What can be refused without a key.
    fn parse<'a>(&'a self, token: &'a str) -> Result<Unproven<'a>, Rejection> {
        if token.len() > self.0.max_token_bytes.min(MAX_LENGTH) {
            return Err(Rejection::Invalid(Reason::TooLong));
        }
        let compact = Compact::parse(token).ok_or(Rejection::Invalid(Reason::NoJwt))?;
        let claims = compact.members().ok_or(Rejection::Invalid(Reason::NoClaims))?;
        let claims = Token::new(claims, Shape::default());
        let issuer = self.0.issuers.iter().find(|issuer| claims.text("iss") == Some(&issuer.name));
        let issuer = issuer.ok_or(Rejection::Invalid(Reason::Issuer))?;
        if !issuer.algorithms.contains(&compact.header.alg) {
            return Err(Rejection::Invalid(Reason::Algorithm));
        }
        if !is_access_token(&compact.header, issuer.needs_at_jwt) {
            return Err(Rejection::Invalid(Reason::Kind));
        }
        if compact.header.kid.is_none() {
            return Err(Rejection::Invalid(Reason::NoKey));
        }
        Ok(Unproven { compact, claims, issuer })
    }

    fn prove(&self, unproven: Unproven<'_>, key: Result<Arc<PublicKey>, NoKey>) -> Result<Token, Rejection> {
        let key = key.map_err(|none| match none {
            NoKey::Unknown => Rejection::Invalid(Reason::UnknownKey),
            NoKey::Unavailable => Rejection::Unavailable,
        })?;
        if !key.verify(&unproven.compact) {
            return Err(Rejection::Invalid(Reason::Signature));
        }
        let Unproven { claims, issuer, .. } = unproven;
        let token = claims.shaped(issuer.shape);
        self.check_times(&token).map_err(Rejection::Invalid)?;
        check_claims(&token, &issuer.audiences).map_err(Rejection::Invalid)?;
        Ok(token)
    }

    /// RFC 7519 §4.1.4 to §4.1.6.
    fn check_times(&self, token: &Token) -> Result<(), Reason> {
        let date = |name: &str| {
            let date = token.claim(name).map(NumericDate::deserialize).transpose();
            date.map(|date| date.map(NumericDate::timestamp)).map_err(|_| Reason::Dates)
        };
        let now = now(&*self.0.clock);
        let expiry = date("exp")?.ok_or(Reason::Dates)?;
        if expiry.plus(self.0.leeway).has_passed(now) {
            return Err(Reason::Expired);
        }
        for start in ["nbf", "iat"] {
            if date(start)?.is_some_and(|start| start > now.plus(self.0.leeway)) {
                return Err(Reason::TooEarly);
            }
        }
        Ok(())
    }
}

/// A token whose signature was not verified yet, so nothing in it is true.
struct Unproven<'a> {
    compact: Compact<'a>,
    claims: Token,
    issuer: &'a Trusted,
}

impl Unproven<'_> {
    /// The key that it names.
    fn kid(&self) -> &str {
        self.compact.header.kid.as_deref().unwrap_or_default()
    }
}

/// RFC 8725 §3.11: by its type, no other kind of JWT is taken for an access token.
fn is_access_token(header: &Header, needs_at_jwt: bool) -> bool {
    header.is_typ("at+jwt") || (!needs_at_jwt && (header.typ.is_none() || header.is_typ("JWT")))
}

fn check_claims(token: &Token, audiences: &[String]) -> Result<(), Reason> {
    let shape = token.shape();
    // OIDC Core §3.1.3.6: these hashes are in ID tokens only. `token_use` is Cognito's.
    let is_id_token = ["at_hash", "c_hash"].iter().any(|name| token.claim(name).is_some());
    let use_is_right = token.claim("token_use").map_or(!shape.needs_token_use(), |it| it == "access");
    if is_id_token || !use_is_right {
        return Err(Reason::Kind);
    }
    // RFC 7800 §3.1: only the holder of that key may use the token, and a bearer has not shown it.
    if token.claim("cnf").is_some() {
        return Err(Reason::Bound);
    }
    // RFC 9068 §4: the audience has to be this API.
    let claim = shape.audience_without_aud().filter(|_| token.claim("aud").is_none()).unwrap_or("aud");
    if !audiences.iter().any(|audience| token.lists(claim, audience)) {
        return Err(Reason::Audience);
    }
    if token.subject().is_empty() || token.client().is_empty() { Err(Reason::Incomplete) } else { Ok(()) }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.issuers.iter().map(|issuer| &issuer.name)).finish()
    }
}

//! The keys of an issuer, from its JWK Set (RFC 7517 §5).

use crate::signature::PublicKey;
use protocol::json;
use protocol::jwk::{Algorithm, KeyMaterial};
use serde_json::{Map, Value};
use std::sync::Arc;

/// More keys than any issuer publishes; a longer set is refused.
const MAX_KEYS: usize = 100;

/// The usable keys.
#[derive(Clone, Debug)]
pub(crate) struct KeySet(Vec<Named>);

#[derive(Clone, Debug)]
struct Named {
    kid: String,
    alg: Algorithm,
    key: Arc<PublicKey>,
}

impl KeySet {
    /// Parses a set, and keeps the keys that verify signatures by one of `allowed`. RFC 7517 §5: keys of other kinds are
    /// ignored. `None` if no key is left.
    pub(crate) fn parse(text: &[u8], allowed: &[Algorithm]) -> Option<Self> {
        let set = json::object(text, crate::fetch::MAX_DOCUMENT)?;
        let keys = set.get("keys")?.as_array().filter(|keys| keys.len() <= MAX_KEYS)?;
        let usable: Vec<Named> =
            keys.iter().filter_map(|key| Named::parse(key.as_object()?, allowed)).collect();
        (!usable.is_empty()).then_some(Self(usable))
    }

    /// The key with this id, for this algorithm.
    pub(crate) fn find(&self, kid: &str, alg: Algorithm) -> Option<Arc<PublicKey>> {
        let found = self.0.iter().find(|named| named.kid == kid && named.alg == alg)?;
        Some(Arc::clone(&found.key))
    }
}

impl Named {
    fn parse(key: &Map<String, Value>, allowed: &[Algorithm]) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        // RFC 7517 §4.2, §4.3: a key that is for something else is not for signatures.
        let verifies = |operations: &Value| {
            operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
        };
        if key.get("use").is_some_and(|usage| usage != "sig")
            || key.get("key_ops").is_some_and(|all| !verifies(all))
        {
            return None;
        }
        let material: KeyMaterial = serde_json::from_value(Value::Object(key.clone())).ok()?;
        let alg = match key.get("alg") {
            Some(named) => Algorithm::parse(named.as_str()?).filter(|alg| allowed.contains(alg))?,
            // Entra ID names none. One key gets one algorithm, by the API's choice and not by a token's.
            None => *candidates(&material).iter().find(|alg| allowed.contains(alg))?,
        };
        let key = Arc::new(PublicKey::new(alg, &material)?);
        Some(Self { kid: text("kid")?.to_owned(), alg, key })
    }
}

/// The algorithms of a kind of key, the most common first.
fn candidates(material: &KeyMaterial) -> &'static [Algorithm] {
    match material {
        KeyMaterial::Rsa { .. } => &[Algorithm::RS256, Algorithm::PS256],
        KeyMaterial::Ec { .. } => &[Algorithm::ES256],
        KeyMaterial::Okp { .. } => &[Algorithm::EdDSA],
    }
}

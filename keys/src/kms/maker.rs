//! What a rotation does with KMS: it makes keys, and never sees a private one.

use super::calls::{MadePair, Making};
use super::meter::Meter;
use super::wrapped::{Draft, Purpose, Wrapped};
use crate::custody::Maker;
use crate::der;
use crate::entropy::Entropy;
use crate::error::{SignError, SignErrorKind};
use crate::form::{Form, key_id};
use crate::plan::NewKey;
use crate::ring::RingMaster;
use crate::unused;
use async_trait::async_trait;
use aws_sdk_kms::types::{DataKeyPairSpec, KeySpec};
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use std::sync::Arc;
use storage::aws::Environment;
use zeroize::Zeroizing;

/// The tags of signing keys that stay in KMS; policies name them. That of the wrapping key, with its id, tells the keys of
/// one deployment from those of another in the same account.
const REALM_TAG: &str = "keyward-realm";
const PURPOSE_TAG: (&str, &str) = ("keyward-purpose", "signing-key");
const WRAPPING_KEY_TAG: &str = "keyward-wrapping-key";

/// Where the private halves of new signing keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// In the ring, encrypted by KMS.
    Envelope,
    /// In KMS.
    Sign,
}

/// Makes keys with KMS.
pub struct KmsMaker {
    calls: Making,
    mode: Mode,
    realm: Realm,
    entropy: Arc<dyn Entropy>,
}

impl KmsMaker {
    /// For the symmetric key that wraps: its id, ARN or alias.
    pub fn new(
        environment: impl Into<Environment>,
        key: &str,
        mode: Mode,
        realm: Realm,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { calls: Making::new(environment.into(), key), mode, realm, entropy }
    }

    /// The same, with its calls noted.
    #[must_use]
    pub fn measured(mut self, meter: Arc<dyn Meter>) -> Self {
        self.calls.meter = Some(meter);
        self
    }

    fn draft(&self, purpose: Purpose) -> Draft {
        Draft::new(&self.realm, purpose, &*self.entropy)
    }

    /// The key that wraps: the ring's, which the setting may no longer lead to.
    fn key<'a>(&'a self, wrapping_key: Option<&'a str>) -> &'a str {
        wrapping_key.unwrap_or_else(|| self.calls.setting())
    }

    /// The id of a key. What a ring names is an ARN; an alias is resolved by a call.
    async fn id_of(&self, key: &str) -> Result<String, SignError> {
        let arn = if key_id(key).is_some() { key.to_owned() } else { self.first_wrapping_key().await? };
        Ok(key_id(&arn).unwrap_or(&arn).to_owned())
    }

    async fn new_pair(&self, wrapping_key: &str, alg: Algorithm) -> Result<(Vec<u8>, Wrapped), SignError> {
        if self.mode == Mode::Sign {
            let wrapped_by = self.id_of(wrapping_key).await?;
            let tags =
                [(REALM_TAG, self.realm.as_str()), PURPOSE_TAG, (WRAPPING_KEY_TAG, wrapped_by.as_str())];
            let lost = || unused::log_lost(&wrapped_by);
            let arn = self.calls.create_key(key_spec(alg), &tags, lost).await?;
            tracing::info!(key = arn, "KMS created a signing key");
            let public = self.calls.new_public_key(&arn).await.inspect_err(|_| unused::log(&arn))?;
            return Ok((public, Wrapped::Kept(arn)));
        }
        let draft = self.draft(Purpose::SigningKey);
        let made = self.calls.key_pair(wrapping_key, pair_spec(alg), draft.context.clone()).await?;
        let MadePair { blob, public } = made;
        Ok((public, Wrapped::Whole(draft.blob(blob))))
    }
}

#[async_trait]
impl Maker for KmsMaker {
    /// The ARN, which only an answer of KMS tells; the data key that comes with it is not used.
    async fn first_wrapping_key(&self) -> Result<String, SignError> {
        Ok(self.calls.data_key(self.calls.setting(), self.draft(Purpose::Master).context).await?.key)
    }

    async fn resolve(&self, ring: Option<&str>) -> Result<Option<String>, SignError> {
        match ring.filter(|arn| *arn == self.calls.setting()) {
            Some(same) => Ok(Some(same.to_owned())),
            None => self.first_wrapping_key().await.map(Some),
        }
    }

    fn setting(&self) -> String {
        format!("{}:{}", self.form().name(), self.calls.setting())
    }

    async fn new_signing_key(&self, wrapping_key: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError> {
        let (public, wrapped) = self.new_pair(self.key(wrapping_key), alg).await?;
        let unreadable = || SignError::bare(SignErrorKind::Corrupt, "reading a public key of KMS");
        let material = der::public_material(alg, &public).ok_or_else(unreadable)?;
        Ok(NewKey { material, wrapped: wrapped.to_text() })
    }

    /// A scheduled master is derived from the same secret as the one before, so that a process has one secret decrypted
    /// however often the masters rotate.
    async fn new_master(
        &self,
        wrapping_key: Option<&str>,
        _: u16,
        former: Option<&RingMaster>,
    ) -> Result<String, SignError> {
        if let Some(former) = former
            && let Ok(Wrapped::Whole(_)) = Wrapped::parse(&former.wrapped)
        {
            return Ok(former.wrapped.clone());
        }
        let draft = self.draft(Purpose::Master);
        let secret = self.calls.data_key(self.key(wrapping_key), draft.context.clone()).await?;
        Ok(Wrapped::Whole(draft.blob(secret.blob)).to_text())
    }

    async fn wrap_signing_key(&self, to: &str, _: &str, pkcs8: &[u8]) -> Result<String, SignError> {
        let draft = self.draft(Purpose::SigningKey);
        let blob = self.calls.encrypt(to, pkcs8, draft.context.clone()).await?;
        Ok(Wrapped::Whole(draft.blob(blob)).to_text())
    }

    /// All in one blob, so that a process has them decrypted by one call.
    async fn wrap_masters(
        &self,
        to: &str,
        masters: &[(u16, Zeroizing<[u8; 32]>)],
    ) -> Result<Vec<String>, SignError> {
        let mut all = Zeroizing::new(Vec::with_capacity(masters.len() * 32));
        for (_, key) in masters {
            all.extend_from_slice(key.as_ref());
        }
        let draft = self.draft(Purpose::Master);
        let bytes = self.calls.encrypt(to, &all, draft.context.clone()).await?;
        let blob = draft.blob(bytes);
        Ok((0..masters.len()).map(|place| Wrapped::Part(blob.clone(), place).to_text()).collect())
    }

    fn form(&self) -> Form {
        match self.mode {
            Mode::Envelope => Form::Encrypted,
            Mode::Sign => Form::Kept,
        }
    }
}

const fn pair_spec(alg: Algorithm) -> DataKeyPairSpec {
    match alg {
        Algorithm::RS256 | Algorithm::PS256 => DataKeyPairSpec::Rsa2048,
        Algorithm::ES256 => DataKeyPairSpec::EccNistP256,
        Algorithm::EdDSA => DataKeyPairSpec::EccNistEdwards25519,
    }
}

const fn key_spec(alg: Algorithm) -> KeySpec {
    match alg {
        Algorithm::RS256 | Algorithm::PS256 => KeySpec::Rsa2048,
        Algorithm::ES256 => KeySpec::EccNistP256,
        Algorithm::EdDSA => KeySpec::EccNistEdwards25519,
    }
}

//! The calls of KMS, in two clients: what a rotation may call, and what a process that signs may call.

use super::fault::{Call, failed, outcome, unexpected};
use super::meter::Meter;
use super::once::{Once, may_exist};
use crate::error::{SignError, SignErrorKind};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::http::HttpResponse;
use aws_sdk_kms::config::{Builder, Config, StalledStreamProtectionConfig};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeyPairSpec, KeySpec, KeyUsageType, MessageType, SigningAlgorithmSpec, Tag};
use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use storage::aws::{self, Environment};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

/// The mean pause before the second try.
const FIRST_BACKOFF: Duration = Duration::from_millis(25);

/// The pause before a new key is looked for again, and how often it is: for 8 s.
const NEW_KEY_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 250 });
const NEW_KEY_LOOKS: u32 = 6;

/// What a blob is encrypted for; it decrypts only with the same.
pub(super) type Context = HashMap<String, String>;

/// The calls of a rotation.
pub(super) struct Making {
    client: Lazy,
    /// The wrapping key, as the setting names it.
    key: String,
    pub(super) meter: Option<Arc<dyn Meter>>,
}

/// The calls of a process that signs.
#[derive(Clone)]
pub(super) struct Using {
    client: Lazy,
    key: String,
    pub(super) meter: Option<Arc<dyn Meter>>,
}

/// A secret as KMS encrypted it, and the ARN of the key that did.
pub(super) struct Encrypted {
    pub(super) blob: Vec<u8>,
    pub(super) key: String,
}

/// A key pair as KMS made it: the private half encrypted, the public one as a `SubjectPublicKeyInfo`.
pub(super) struct MadePair {
    pub(super) blob: Vec<u8>,
    pub(super) public: Vec<u8>,
}

impl Making {
    pub(super) fn new(environment: Environment, key: &str) -> Self {
        // Nobody waits for a rotation, and an RSA key takes a while.
        Self { client: Lazy::new(environment, [5_000, 30_000, 100_000]), key: key.to_owned(), meter: None }
    }

    /// The wrapping key, as the setting names it.
    pub(super) fn setting(&self) -> &str {
        &self.key
    }

    /// `GenerateDataKeyWithoutPlaintext`, with 32 bytes.
    pub(super) async fn data_key(&self, key: &str, context: Context) -> Result<Encrypted, SignError> {
        let call = self.client.get().await?.generate_data_key_without_plaintext().key_id(key);
        let call = call.number_of_bytes(32).set_encryption_context(Some(context));
        let begun = Begun::now(&self.meter, Call::GenerateDataKey, key);
        let made = begun.end(call.send().await)?;
        let nameless = || unexpected(Call::GenerateDataKey, "the answer names no key");
        Ok(Encrypted {
            blob: present(made.ciphertext_blob, Call::GenerateDataKey)?,
            key: made.key_id.filter(|arn| arn.starts_with("arn:")).ok_or_else(nameless)?,
        })
    }

    /// `GenerateDataKeyPairWithoutPlaintext`.
    pub(super) async fn key_pair(
        &self,
        key: &str,
        spec: DataKeyPairSpec,
        context: Context,
    ) -> Result<MadePair, SignError> {
        let call = self.client.get().await?.generate_data_key_pair_without_plaintext().key_id(key);
        let call = call.key_pair_spec(spec).set_encryption_context(Some(context));
        let begun = Begun::now(&self.meter, Call::GenerateKeyPair, key);
        let made = begun.end(call.send().await)?;
        Ok(MadePair {
            blob: present(made.private_key_ciphertext_blob, Call::GenerateKeyPair)?,
            public: present(made.public_key, Call::GenerateKeyPair)?,
        })
    }

    /// `Encrypt`, only when keys are moved here.
    pub(super) async fn encrypt(
        &self,
        key: &str,
        secret: &[u8],
        context: Context,
    ) -> Result<Vec<u8>, SignError> {
        let call = self.client.get().await?.encrypt().key_id(key).plaintext(Blob::new(secret));
        let call = call.set_encryption_context(Some(context));
        let begun = Begun::now(&self.meter, Call::Encrypt, key);
        present(begun.end(call.send().await)?.ciphertext_blob, Call::Encrypt)
    }

    /// `CreateKey`: an asymmetric key that signs. Returns its ARN. Calls `lost` if the key may have been made although this
    /// fails.
    pub(super) async fn create_key(
        &self,
        spec: KeySpec,
        tags: &[(&str, &str)],
        lost: impl FnOnce(),
    ) -> Result<String, SignError> {
        let mut call =
            self.client.get().await?.create_key().key_spec(spec).key_usage(KeyUsageType::SignVerify);
        for (name, value) in tags {
            let tag = Tag::builder().tag_key(*name).tag_value(*value).build();
            call = call.tags(tag.map_err(|error| unexpected(Call::CreateKey, error))?);
        }
        let call = call.description("Keyward signs tokens with it").customize();
        let call = call.config_override(Config::builder().retry_classifier(Once));
        let begun = Begun::now(&self.meter, Call::CreateKey, "of a new signing key");
        let answer = call.send().await;
        if answer.as_ref().is_err_and(may_exist) {
            lost();
        }
        let made = begun.end(answer)?;
        let arn = made.key_metadata.and_then(|key| key.arn);
        arn.ok_or_else(|| unexpected(Call::CreateKey, "the answer names no key"))
    }

    /// `GetPublicKey` of a key that was made just now, as a `SubjectPublicKeyInfo`. KMS may not find such a key at first.
    pub(super) async fn new_public_key(&self, arn: &str) -> Result<Vec<u8>, SignError> {
        let call = self.client.get().await?.get_public_key().key_id(arn);
        let mut pauses = (0..NEW_KEY_LOOKS - 1).map(|look| NEW_KEY_PAUSE * 2_u32.pow(look));
        let begun = Begun::now(&self.meter, Call::GetPublicKey, arn);
        let answer = loop {
            let answer = call.clone().send().await;
            let is_missing = answer.as_ref().is_err_and(|error| error.code() == Some("NotFoundException"));
            match pauses.next().filter(|_| is_missing) {
                Some(pause) => sleep(pause).await,
                None => break answer,
            }
        };
        present(begun.end(answer)?.public_key, Call::GetPublicKey)
    }
}

impl Using {
    pub(super) fn new(environment: Environment, key: &str) -> Self {
        // A request waits, and so does a start on Lambda, which has ten seconds.
        Self { client: Lazy::new(environment, [1_000, 1_500, 4_000]), key: key.to_owned(), meter: None }
    }

    /// `Decrypt`, by our key only: a blob of another key is an error, whoever put it there.
    pub(super) async fn decrypt(
        &self,
        blob: &[u8],
        context: Context,
        wrapping_key: Option<&str>,
    ) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let call = self.client.get().await?.decrypt().key_id(&self.key).ciphertext_blob(Blob::new(blob));
        let call = call.set_encryption_context(Some(context));
        let kind = Call::Decrypt { wrapping_key };
        let begun = Begun::now(&self.meter, kind, &self.key);
        present(begun.end(call.send().await)?.plaintext, kind).map(Zeroizing::new)
    }

    /// `Sign`.
    pub(super) async fn sign(
        &self,
        arn: &str,
        alg: SigningAlgorithmSpec,
        kind: MessageType,
        message: &[u8],
    ) -> Result<Vec<u8>, SignError> {
        let call = self.client.get().await?.sign().key_id(arn).signing_algorithm(alg).message_type(kind);
        let call = call.message(Blob::new(message));
        let begun = Begun::now(&self.meter, Call::Sign, arn);
        present(begun.end(call.send().await)?.signature, Call::Sign)
    }
}

type Answer<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// A call with a key that is measured. Its answer is awaited by the caller: the SDK's futures take kilobytes, which would
/// be copied into a future of ours.
struct Begun<'a> {
    meter: Option<&'a dyn Meter>,
    call: Call<'a>,
    key: &'a str,
    at: Instant,
}

impl<'a> Begun<'a> {
    fn now(meter: &'a Option<Arc<dyn Meter>>, call: Call<'a>, key: &'a str) -> Self {
        Self { meter: meter.as_deref(), call, key, at: Instant::now() }
    }

    fn end<T, E: ProvideErrorMetadata + Error + 'static>(self, answer: Answer<T, E>) -> Result<T, SignError> {
        if let Some(meter) = self.meter {
            meter.note(self.call.name(), self.at.elapsed(), outcome(&answer));
        }
        answer.map_err(failed(self.call, self.key))
    }
}

fn present(blob: Option<Blob>, call: Call<'_>) -> Result<Vec<u8>, SignError> {
    blob.map(Blob::into_inner).ok_or_else(|| unexpected(call, "the answer is incomplete"))
}

/// A client that is made when it is first used: what only reads or removes keys works without AWS.
#[derive(Clone)]
pub(super) struct Lazy {
    environment: Environment,
    deadlines: [u64; 3],
    client: Arc<OnceCell<Client>>,
}

impl Lazy {
    /// The deadlines are those of [`aws::deadlines`].
    pub(super) fn new(environment: Environment, deadlines: [u64; 3]) -> Self {
        Self { environment, deadlines, client: Arc::default() }
    }

    pub(super) async fn get(&self) -> Result<&Client, SignError> {
        // Loading settings takes kilobytes of a future, which every call would have to carry.
        self.client.get_or_try_init(|| Box::pin(self.make())).await
    }

    /// # Errors
    /// What is missing. Credentials may come later, from the service that issues them.
    async fn make(&self) -> Result<Client, SignError> {
        let missing = |kind| move |why: String| SignError::new(kind, "connecting to KMS", why);
        let environment = self.environment.load().await.map_err(missing(SignErrorKind::Denied))?;
        aws::check_credentials(environment).await.map_err(missing(SignErrorKind::Unavailable))?;
        let settings = Builder::from(environment)
            .timeout_config(aws::deadlines(self.deadlines))
            .retry_config(aws::retries(FIRST_BACKOFF))
            // Answers are small, and each has a deadline.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        Ok(Client::from_conf(settings.build()))
    }
}

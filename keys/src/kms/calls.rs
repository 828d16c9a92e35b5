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
        let call = call.number_of_bytes(32).set_encryption_context(Some(context)).send();
        let made = self.measured(Call::GenerateDataKey, key, call).await?;
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
        let call = call.key_pair_spec(spec).set_encryption_context(Some(context)).send();
        let made = self.measured(Call::GenerateKeyPair, key, call).await?;
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
        let call = call.set_encryption_context(Some(context)).send();
        present(self.measured(Call::Encrypt, key, call).await?.ciphertext_blob, Call::Encrypt)
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
        let answer = call.config_override(Config::builder().retry_classifier(Once)).send();
        let answer = async {
            answer.await.inspect_err(|error| {
                if may_exist(error) {
                    lost()
                }
            })
        };
        let made = self.measured(Call::CreateKey, "of a new signing key", answer).await?;
        let arn = made.key_metadata.and_then(|key| key.arn);
        arn.ok_or_else(|| unexpected(Call::CreateKey, "the answer names no key"))
    }

    /// `GetPublicKey` of a key that was made just now, as a `SubjectPublicKeyInfo`. KMS may not find such a key at first.
    pub(super) async fn new_public_key(&self, arn: &str) -> Result<Vec<u8>, SignError> {
        let call = self.client.get().await?.get_public_key().key_id(arn);
        let looks = async {
            let mut pauses = (0..NEW_KEY_LOOKS - 1).map(|look| NEW_KEY_PAUSE * 2_u32.pow(look));
            loop {
                let answer = call.clone().send().await;
                let is_missing =
                    answer.as_ref().is_err_and(|error| error.code() == Some("NotFoundException"));
                match pauses.next().filter(|_| is_missing) {
                    Some(pause) => sleep(pause).await,
                    None => return answer,
                }
            }
        };
        present(self.measured(Call::GetPublicKey, arn, looks).await?.public_key, Call::GetPublicKey)
    }

    async fn measured<T, E: ProvideErrorMetadata + Error + 'static>(
        &self,
        call: Call<'_>,
        key: &str,
        answer: impl Future<Output = Answer<T, E>>,
    ) -> Result<T, SignError> {
        measured(self.meter.as_deref(), call, key, answer).await
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
        let answer = call.set_encryption_context(Some(context)).send();
        let call = Call::Decrypt { wrapping_key };
        let decrypted = measured(self.meter.as_deref(), call, &self.key, answer).await?;
        present(decrypted.plaintext, call).map(Zeroizing::new)
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
        let answer = call.message(Blob::new(message)).send();
        let signed = measured(self.meter.as_deref(), Call::Sign, arn, answer).await?;
        present(signed.signature, Call::Sign)
    }
}

type Answer<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// The answer of a call with a key, which is measured.
async fn measured<T, E: ProvideErrorMetadata + Error + 'static>(
    meter: Option<&dyn Meter>,
    call: Call<'_>,
    key: &str,
    answer: impl Future<Output = Answer<T, E>>,
) -> Result<T, SignError> {
    let began = Instant::now();
    let answer = answer.await;
    if let Some(meter) = meter {
        meter.note(call.name(), began.elapsed(), outcome(&answer));
    }
    answer.map_err(failed(call, key))
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

//! A custody that shows each call to an observer, for tests: to count calls, or to make them fail or wait, which no real
//! custody does on demand.

use super::custody::{Custody, Maker, Opener, TokenSigner};
use super::error::SignError;
use super::form::Form;
use super::plan::NewKey;
use super::ring::{RingKey, RingMaster};
use async_trait::async_trait;
use protocol::jwk::Algorithm;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Is shown calls of a custody, each before it is made.
#[async_trait]
pub trait Observer: Send + Sync + 'static {
    /// A signing key is going to be made.
    async fn before_new_key(&self) {}

    /// A signing key is going to be unwrapped; an error is returned instead.
    async fn before_signer(&self, _: &RingKey) -> Result<(), SignError> {
        Ok(())
    }

    /// This many masters are going to be unwrapped; an error is returned instead of each.
    async fn before_masters(&self, _: usize) -> Result<(), SignError> {
        Ok(())
    }

    /// What is used in place of a signer.
    fn replace(&self, signer: Arc<dyn TokenSigner>) -> Arc<dyn TokenSigner> {
        signer
    }
}

/// The custody with its calls shown to the observer.
pub fn observed<O: Observer>(custody: Custody, observer: &Arc<O>) -> Custody {
    let Custody { opener, maker } = custody;
    let show = |custody| Arc::new(Tap { custody, observer: Arc::clone(observer) }) as Arc<dyn Maker>;
    let opener = Arc::new(Tap { custody: opener, observer: Arc::clone(observer) });
    Custody { opener, maker: maker.map(show) }
}

struct Tap<C: ?Sized, O> {
    custody: Arc<C>,
    observer: Arc<O>,
}

#[async_trait]
impl<O: Observer> Maker for Tap<dyn Maker, O> {
    async fn first_wrapping_key(&self) -> Result<String, SignError> {
        self.custody.first_wrapping_key().await
    }

    async fn resolve(&self, ring: Option<&str>) -> Result<Option<String>, SignError> {
        self.custody.resolve(ring).await
    }

    fn setting(&self) -> String {
        self.custody.setting()
    }

    async fn new_signing_key(&self, wrapping_key: Option<&str>, alg: Algorithm) -> Result<NewKey, SignError> {
        self.observer.before_new_key().await;
        self.custody.new_signing_key(wrapping_key, alg).await
    }

    async fn new_master(
        &self,
        wrapping_key: Option<&str>,
        id: u16,
        former: Option<&RingMaster>,
    ) -> Result<String, SignError> {
        self.custody.new_master(wrapping_key, id, former).await
    }

    async fn wrap_signing_key(&self, to: &str, kid: &str, pkcs8: &[u8]) -> Result<String, SignError> {
        self.custody.wrap_signing_key(to, kid, pkcs8).await
    }

    async fn wrap_masters(
        &self,
        to: &str,
        masters: &[(u16, Zeroizing<[u8; 32]>)],
    ) -> Result<Vec<String>, SignError> {
        self.custody.wrap_masters(to, masters).await
    }

    fn form(&self) -> Form {
        self.custody.form()
    }
}

#[async_trait]
impl<O: Observer> Opener for Tap<dyn Opener, O> {
    async fn check_existing(&self, wrapping_key: Option<&str>) -> Result<(), PathBuf> {
        self.custody.check_existing(wrapping_key).await
    }

    async fn signer(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Arc<dyn TokenSigner>, SignError> {
        self.observer.before_signer(key).await?;
        Ok(self.observer.replace(self.custody.signer(wrapping_key, key).await?))
    }

    async fn masters(
        &self,
        wrapping_key: Option<&str>,
        masters: &[&RingMaster],
    ) -> Vec<Result<Zeroizing<[u8; 32]>, SignError>> {
        match self.observer.before_masters(masters.len()).await {
            Ok(()) => self.custody.masters(wrapping_key, masters).await,
            Err(error) => masters.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn export(
        &self,
        wrapping_key: Option<&str>,
        key: &RingKey,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, SignError> {
        self.custody.export(wrapping_key, key).await
    }
}

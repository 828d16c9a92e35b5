//! Local custody: private keys and masters sealed in the ring by a master key that lies in a file beside the
//! database, readable by the owner only. Whoever has both has the keys; whoever has one of them has nothing.

use super::custody::{Custody, TokenSigner};
use super::error::{SignError, SignErrorKind};
use super::plan::NewKey;
use super::ring::{RingKey, RingMaster};
use super::signer::{MemorySigner, PrivateKey};
use crate::entropy::{self, Entropy};
use async_trait::async_trait;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use protocol::base64url;
use protocol::id::Realm;
use protocol::jwk::Algorithm;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// The one layout of wrapped keys: this byte, nonce, ciphertext with tag; base64url.
const FORMAT: u8 = 1;
/// Part of the associated data: what is wrapped as the one never unwraps as the other.
const SIGNING_KEY: &str = "signing key";
const MASTER: &str = "master";

/// Keys sealed by a file.
pub struct LocalCustody {
    path: PathBuf,
    realm: Realm,
    entropy: Arc<dyn Entropy>,
    root: OnceLock<LessSafeKey>,
}

impl LocalCustody {
    /// For the master key file at `path`. Touches nothing: the file is read when a ring is opened, and made
    /// when the first ring is.
    pub fn new(path: impl Into<PathBuf>, realm: Realm, entropy: Arc<dyn Entropy>) -> Self {
        Self { path: path.into(), realm, entropy, root: OnceLock::new() }
    }

    /// The key of the file that is there.
    fn existing(&self) -> Result<&LessSafeKey, SignError> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        let key = read(&self.path).map_err(unavailable("reading the master key file"))?;
        Ok(self.root.get_or_init(|| key))
    }

    /// The key of the file, which is made if it isn't there.
    fn existing_or_new(&self) -> Result<&LessSafeKey, SignError> {
        if self.root.get().is_none() {
            // The draft's name is random so that another's unfinished file is never in the way.
            let draft = base64url::encode(&entropy::bytes::<12>(&*self.entropy));
            let made = create(&self.path, &draft, &Zeroizing::new(entropy::bytes(&*self.entropy)));
            made.map_err(unavailable("making the master key file"))?;
        }
        self.existing()
    }

    fn wrap(&self, purpose: &str, id: &str, secret: &[u8]) -> Result<String, SignError> {
        let failed = |_| SignError::bare(SignErrorKind::Corrupt, "wrapping a key");
        let nonce: [u8; NONCE_LEN] = entropy::bytes(&*self.entropy);
        let mut text = Zeroizing::new(Vec::with_capacity(secret.len() + AES_256_GCM_SIV.tag_len()));
        text.extend_from_slice(secret);
        let unique = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(self.aad(purpose, id));
        self.existing_or_new()?.seal_in_place_append_tag(unique, aad, &mut *text).map_err(failed)?;
        Ok(base64url::encode(&[[FORMAT].as_slice(), &nonce, &text].concat()))
    }

    fn unwrap(&self, purpose: &str, id: &str, wrapped: &str) -> Result<Zeroizing<Vec<u8>>, SignError> {
        let failed =
            || SignError::bare(SignErrorKind::Corrupt, "a key does not open with this master key file");
        let bytes = base64url::decode(wrapped).ok_or_else(failed)?;
        let sealed = bytes.strip_prefix(&[FORMAT]).ok_or_else(failed)?;
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(failed)?;
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let (nonce, aad) = (Nonce::assume_unique_for_key(*nonce), Aad::from(self.aad(purpose, id)));
        let length = self.existing()?.open_in_place(nonce, aad, &mut text).map_err(|_| failed())?.len();
        text.truncate(length);
        Ok(text)
    }

    fn aad(&self, purpose: &str, id: &str) -> Vec<u8> {
        format!("keyward local\0{}\0{purpose}\0{id}\0", self.realm.as_str()).into_bytes()
    }
}

#[async_trait]
impl Custody for LocalCustody {
    fn can_generate(&self) -> bool {
        true
    }

    async fn check_existing(&self) -> Result<(), PathBuf> {
        match self.root.get().is_some() || self.path.exists() {
            true => Ok(()),
            false => Err(self.path.clone()),
        }
    }

    async fn new_signing_key(&self, alg: Algorithm) -> Result<NewKey, SignError> {
        let made = tokio::task::spawn_blocking(move || {
            let key = PrivateKey::generate(alg)?;
            Ok((key.material()?, key.to_pkcs8()?))
        });
        let (material, pkcs8) = made.await.map_err(unavailable("making a key"))??;
        let wrapped = self.wrap(SIGNING_KEY, &material.thumbprint(), &pkcs8)?;
        Ok(NewKey { material, wrapped })
    }

    async fn new_master(&self, id: u16) -> Result<String, SignError> {
        let key = Zeroizing::new(entropy::bytes::<32>(&*self.entropy));
        self.wrap(MASTER, &id.to_string(), key.as_ref())
    }

    async fn signer(&self, key: &RingKey) -> Result<Arc<dyn TokenSigner>, SignError> {
        let pkcs8 = self.unwrap(SIGNING_KEY, &key.kid, &key.wrapped)?;
        Ok(Arc::new(MemorySigner::new(key, &pkcs8)?))
    }

    async fn master(&self, master: &RingMaster) -> Result<Zeroizing<[u8; 32]>, SignError> {
        let key = self.unwrap(MASTER, &master.id.to_string(), &master.wrapped)?;
        let key = <[u8; 32]>::try_from(key.as_slice());
        key.map(Zeroizing::new)
            .map_err(|_| SignError::bare(SignErrorKind::Corrupt, "a master has a wrong length"))
    }
}

fn unavailable<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    step: &'static str,
) -> impl Fn(E) -> SignError {
    move |error| SignError::new(SignErrorKind::Unavailable, step, error)
}

fn read(path: &Path) -> io::Result<LessSafeKey> {
    warn_if_open(path);
    let text = Zeroizing::new(fs::read_to_string(path)?);
    let malformed = || {
        let what = format!("{} must hold 32 bytes as 43 base64url characters", path.display());
        io::Error::new(io::ErrorKind::InvalidData, what)
    };
    let key = Zeroizing::new(base64url::decode_array::<32>(text.trim_end()).ok_or_else(malformed)?);
    let key = UnboundKey::new(&AES_256_GCM_SIV, key.as_ref()).map_err(|_| malformed())?;
    Ok(LessSafeKey::new(key))
}

/// Makes the file with its content in one step: written under another name and linked, which fails if the name
/// is taken. So no process ever sees half a key, and of two that start at once both use the winner's.
fn create(path: &Path, draft: &str, key: &Zeroizing<[u8; 32]>) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{draft}.new"));
    let draft = path.with_file_name(name);
    let written = write_draft(&draft, key).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Ok(()) => sync_folder(path),
        failed => failed,
    });
    let _ = fs::remove_file(&draft);
    written
}

/// Nobody else's business, as the folder of a SQLite store.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut folder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

/// The ring that the key opens is about to be written: a crash must not keep that and lose this.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) && !parent.as_os_str().is_empty() => fs::File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn write_draft(draft: &Path, key: &Zeroizing<[u8; 32]>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    let text = Zeroizing::new(base64url::encode(key.as_ref()));
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Others' eyes on the file are worth a warning, not a refusal: mounted secrets are often readable by a group.
fn warn_if_open(path: &Path) {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(path = %path.display(), "the master key file is readable by others; chmod 600 it");
        }
    }
}

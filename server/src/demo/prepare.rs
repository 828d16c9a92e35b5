//! The demo's user and clients. Their secrets are derived from the store's first sealing master: they are the same at
//! every start, differ between stores, and are not stored.

use crate::admin::metadata::Registration;
use crate::admin::users::NewUser;
use crate::admin::{Admin, AdminError};
use crate::app::App;
use keys::seal::Purpose;
use protocol::armor;
use protocol::client::Client;
use protocol::id::ClientId;
use protocol::issuer::Issuer;
use serde_json::json;
use storage::{Commit, Stamp};
use zeroize::Zeroizing;

const USERNAME: &str = "demo";
const APPLICATION: &str = "demo-app";
const MACHINE: &str = "demo-machine";

/// A client with its secret in the clear.
#[derive(Clone)]
pub struct DemoClient {
    /// Its id.
    pub id: &'static str,
    /// Its secret.
    pub secret: String,
}

/// The demo, ready to use.
#[derive(Clone)]
pub struct Demo {
    issuer: Issuer,
    password: String,
    application: DemoClient,
    machine: DemoClient,
}

impl Demo {
    /// Makes what doesn't exist yet.
    ///
    /// # Errors
    /// [`AdminError::Store`], or [`AdminError::Password`] if the pool is busy.
    pub async fn prepare(app: &App) -> Result<Self, AdminError> {
        let demo = Self {
            issuer: app.settings.issuer.clone(),
            password: password_of(&derive(app, "user")?),
            application: DemoClient { id: APPLICATION, secret: secret_of(&derive(app, APPLICATION)?) },
            machine: DemoClient { id: MACHINE, secret: secret_of(&derive(app, MACHINE)?) },
        };
        let admin = Admin::of_server(app, Stamp { at: app.clock.now(), request: app.request_id() });
        demo.make_user(&admin, app).await?;
        ensure(&admin, app, &demo.application, &demo.application_metadata()).await?;
        ensure(&admin, app, &demo.machine, &machine_metadata()).await?;
        Ok(demo)
    }

    /// The start page.
    pub fn url(&self) -> String {
        self.issuer.url("/demo")
    }

    /// The redirect URI of the demo application.
    pub fn callback(&self) -> String {
        self.issuer.url("/demo/callback")
    }

    /// The demo user's name.
    pub const fn username(&self) -> &'static str {
        USERNAME
    }

    /// The demo user's password, unless it was changed.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The demo application.
    pub const fn application(&self) -> &DemoClient {
        &self.application
    }

    /// The machine client.
    pub const fn machine(&self) -> &DemoClient {
        &self.machine
    }

    /// A command line that gets a token.
    pub fn curl(&self) -> String {
        let DemoClient { id, secret } = &self.machine;
        format!("curl -u {id}:{secret} -d grant_type=client_credentials {}", self.issuer.url("/token"))
    }

    async fn make_user(&self, admin: &Admin, app: &App) -> Result<(), AdminError> {
        if admin.user(USERNAME).await.is_ok() {
            return Ok(());
        }
        let claims =
            json!({ "name": "Demo User", "given_name": "Demo", "family_name": "User", "locale": "en" });
        let new = NewUser {
            username: USERNAME.into(),
            email: Some("demo@example.com".into()),
            email_verified: false,
            claims: claims.as_object().cloned().unwrap_or_default(),
            ..NewUser::default()
        };
        let password = Zeroizing::new(self.password.clone());
        admin.create_user(new, Some((&app.passwords, password))).await.map(drop)
    }

    fn application_metadata(&self) -> Registration {
        Registration {
            client_id: Some(APPLICATION.into()),
            client_name: Some("Demo application".into()),
            redirect_uris: vec![self.callback()],
            scope: Some("openid profile email".into()),
            ..Registration::default()
        }
    }
}

fn machine_metadata() -> Registration {
    Registration {
        client_id: Some(MACHINE.into()),
        client_name: Some("Demo machine".into()),
        scope: Some("demo:read demo:write".into()),
        ..Registration::default()
    }
}

/// Keeps a client that is up to date, or replaces it: the port may have changed, and the redirect URI with it.
async fn ensure(
    admin: &Admin,
    app: &App,
    wanted: &DemoClient,
    metadata: &Registration,
) -> Result<(), AdminError> {
    let client = admin.client_of(metadata, &app.settings, Some(&wanted.secret), None)?;
    let there = match ClientId::parse(wanted.id) {
        Some(id) => app.store.client(&id).await?,
        None => None,
    };
    match there {
        Some(there) if is_same(&there, &client) => return Ok(()),
        Some(there) => drop(app.store.delete_client(&there, admin.call).await?),
        None => {}
    }
    match app.store.create_client(&client, admin.call).await? {
        Commit::Done | Commit::Lost(_) => Ok(()),
    }
}

fn is_same(there: &Client, wanted: &Client) -> bool {
    let secrets = |client: &Client| client.secrets.iter().map(|secret| secret.digest).collect::<Vec<_>>();
    there.redirect_uris == wanted.redirect_uris
        && there.scope == wanted.scope
        && secrets(there) == secrets(wanted)
        && !there.disabled
}

fn derive(app: &App, name: &str) -> Result<[u8; 32], AdminError> {
    let ring = app.keys.current();
    let first = ring.ring().masters.first().map_or(0, |master| master.id);
    let derived = ring.seals().derive(first, Purpose::Demo, &[name.as_bytes()]);
    derived.ok_or_else(|| AdminError::Refused("the key ring has no sealing master".into()))
}

fn secret_of(bytes: &[u8; 32]) -> String {
    armor::wrap(armor::CLIENT_SECRET, bytes)
}

/// Twelve letters and digits that can't be confused, in groups: 60 bits that are easy to type.
fn password_of(bytes: &[u8; 32]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).map_or('a', |letter| char::from(*letter));
    let letters: Vec<char> = bytes.iter().take(12).map(letter).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

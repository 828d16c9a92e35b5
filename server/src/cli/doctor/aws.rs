//! `keyward doctor --aws`: what to see first on a real account. It changes nothing that is there, and removes at the end
//! what it creates.

use super::check::{Check, Difference};
use super::flow::{Flow, REDIRECT_URI};
use super::outage::{self, KmsKey};
use super::visitor::Visitor;
use super::{documents, race};
use crate::admin::AdminError;
use crate::admin::metadata::Registration;
use crate::admin::users::NewUser;
use crate::assembly;
use crate::cli::output::{Failed, Outcome, note};
use crate::cli::reach::Server;
use crate::cli::serve::{STOPS_ON_TERMINAL, stop_signal};
use crate::config::{OriginSecret, Settings};
use crate::web::caller::DOCTOR;
use keys::Ring;
use keys::entropy::{self, SystemEntropy};
use keys::kms::KmsSwitch;
use protocol::base64url;
use protocol::client::AuthMethod;
use std::sync::Arc;
use std::time::Duration;
use storage::Store;
use zeroize::Zeroizing;

/// As long as Lambda may take to start an environment.
const PATIENCE: Duration = Duration::from_secs(20);

/// The checks, and what has to be undone after them.
struct Run<'a> {
    settings: &'a Settings,
    store: &'a Arc<dyn Store>,
    checks: &'a mut Vec<Check>,
    /// The name of the check that is made.
    step: &'static str,
    client: String,
    username: String,
    password: Zeroizing<String>,
    disabled: Option<KmsSwitch>,
}

/// Makes the checks. A signal ends them early; what was created is removed all the same.
pub(super) async fn run(
    checks: &mut Vec<Check>,
    settings: &Settings,
    store: &Arc<dyn Store>,
    disable_kms_key: bool,
) -> Outcome {
    if checks.iter().any(|check| check.name == "reachability" && !check.ok) {
        checks.push(Check::skipped("aws", "the server was not used", "first fix what is named above"));
        return Ok(());
    }
    let stop = stop_signal(STOPS_ON_TERMINAL)?;
    let mark = format!("{:08x}", u32::from_be_bytes(entropy::bytes(&SystemEntropy)));
    let mut run = Run {
        settings,
        store,
        checks,
        step: "temporary",
        client: format!("keyward-doctor-client-{mark}"),
        username: format!("keyward-doctor-user-{mark}"),
        password: Zeroizing::new(base64url::encode(&entropy::bytes::<24>(&SystemEntropy))),
        disabled: None,
    };
    let ended = tokio::select! {
        ended = run.steps(disable_kms_key) => Some(ended),
        () = stop => None,
    };
    let check = match ended {
        Some(Ok(())) => None,
        Some(Err(difference)) => Some(Check::of(run.step, Err(difference))),
        None => Some(Check::bad(run.step, "interrupted", "run this again")),
    };
    run.checks.extend(check);
    run.undo().await;
    Ok(())
}

impl Run<'_> {
    async fn steps(&mut self, disable_kms_key: bool) -> Result<(), Difference> {
        self.create().await.map_err(|Failed(why)| {
            Difference::new("a temporary client and user", why, "fix what the message names")
        })?;
        let ring = self.ring().await;
        let server = Server {
            issuer: self.settings.issuer.clone(),
            ca: self.settings.outbound_ca.clone(),
            patience: PATIENCE,
        };
        let mut visitor = Visitor::new(server);
        self.step = "metadata";
        documents::metadata(&mut visitor, self.settings, self.checks).await?;
        self.step = "jwks";
        let keys = documents::jwks(&mut visitor, ring.as_ref(), self.checks).await?;
        self.step = "headers";
        let proof = self.settings.origin_secret.first().map(OriginSecret::proof);
        let proof = proof.as_deref().map(|proof| (DOCTOR, proof));
        documents::challenges(&mut visitor, proof, self.checks).await?;
        let mut flow = Flow::new(visitor, self.client.clone(), keys);
        let key = ring.and_then(|ring| KmsKey::of(&ring, self.settings.signing_algs.first().copied()));
        self.flow(&mut flow, key.as_ref(), disable_kms_key).await?;
        self.checks.push(starts(&mut flow.visitor.times));
        Ok(())
    }

    async fn flow(
        &mut self,
        flow: &mut Flow,
        key: Option<&KmsKey>,
        disable_kms_key: bool,
    ) -> Result<(), Difference> {
        self.step = "sign-in";
        let code = flow.sign_in((&self.username, &self.password), self.checks).await?;
        let (rotated, mut tokens) = flow.use_code(&code, &self.username, self.checks).await?;
        let done = "a user signed in and agreed; code, tokens, userinfo and a new refresh token came";
        self.checks.push(Check::good("sign-in", done));
        self.step = "race";
        let contested = flow.another_code().await?;
        let mut won = None;
        let raced = race::run(flow, &contested, &mut won).await;
        self.checks.push(Check::of("race", raced));
        self.step = "kms";
        match key.filter(|_| disable_kms_key) {
            Some(key) => {
                let found = outage::run(flow, &mut tokens, key, &mut self.disabled).await;
                self.checks.push(Check::of("kms", found));
            }
            None => self.checks.push(outage::skipped(key)),
        }
        note(
            "Waiting until a repeated request is no longer taken for a retry. This takes up to two minutes.",
        );
        self.step = "refresh";
        let grace = self.settings.refresh_reuse_grace;
        let found = flow.reuse(&rotated, &tokens.refresh, grace).await;
        self.checks.push(Check::of("refresh", found));
        self.step = "replay";
        if let Some(won) = won {
            let found = flow.replay(&contested, &won.access).await;
            self.checks.push(Check::of("replay", found));
        }
        Ok(())
    }

    /// The ring, without its secrets; `keys` says what is wrong if it can't be read.
    async fn ring(&self) -> Option<Ring> {
        let custody = assembly::custody(self.settings, &self.settings.keys);
        let rotator = assembly::rotator(self.settings, Arc::clone(self.store), &custody);
        rotator.ring().await.ok().map(|(_, ring)| ring)
    }

    async fn create(&self) -> Result<(), Failed> {
        note(format_args!("The client {} and the user {} exist until the end.", self.client, self.username));
        let registration = Registration {
            client_id: Some(self.client.clone()),
            client_name: Some("Temporary client of keyward doctor".to_owned()),
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            token_endpoint_auth_method: Some(AuthMethod::None),
            ..Registration::default()
        };
        let admin = assembly::admin(Arc::clone(self.store));
        admin.create_client(&registration, self.settings).await?;
        let admin = assembly::admin(Arc::clone(self.store));
        let user = NewUser { username: self.username.clone(), ..NewUser::default() };
        admin.create_user(user, Some((&assembly::passwords(), self.password.clone()))).await?;
        Ok(())
    }

    /// Enables the KMS key if it is disabled, and removes what was created.
    async fn undo(&mut self) {
        if let Err(difference) = outage::enable(&mut self.disabled).await {
            self.checks.push(Check::of("kms", Err(difference)));
        }
        let user = assembly::admin(Arc::clone(self.store)).delete_user(&self.username).await;
        let client = assembly::admin(Arc::clone(self.store)).delete_client(&self.client).await;
        let left = [
            (user.map(drop), format!("keyward user delete {}", self.username)),
            (client.map(drop), format!("keyward client delete {}", self.client)),
        ];
        for (removed, command) in left {
            match removed {
                Ok(()) | Err(AdminError::NoUser(_) | AdminError::NoClient(_)) => {}
                Err(error) => {
                    self.checks.push(Check::bad("temporary", error.to_string(), format!("run `{command}`")));
                }
            }
        }
        if !self.checks.iter().any(|check| check.name == "temporary") {
            self.checks.push(Check::good("temporary", "the client and the user are removed"));
        }
    }
}

/// What is known of how long the server takes to start.
fn starts(times: &mut [Duration]) -> Check {
    times.sort_unstable();
    let millis = |time: Option<&Duration>| time.map_or(0, Duration::as_millis);
    let (median, slowest) = (times.get(times.len() / 2), times.last());
    let found = format!(
        "Lambda's initialisation can't be seen from outside; of {} answers, the slowest took {} ms and the median {} ms, \
         connecting included",
        times.len(),
        millis(slowest),
        millis(median)
    );
    let how =
        "its duration is in the function's log: see \"First run on a real account\" in deploy/README.md";
    Check::skipped("init", found, how)
}

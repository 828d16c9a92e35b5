//! The KMS key is disabled for a while. With `kms-envelope` it wraps, and a server that has its keys in memory continues;
//! with `kms-sign` it signs, and no tokens are issued until it is enabled again.

use super::check::{Check, Difference};
use super::flow::{Flow, Tokens};
use super::visitor::{PAUSE, expect, header, outline};
use crate::cli::output::note;
use http::header::RETRY_AFTER;
use keys::clock::{Clock as _, SystemClock};
use keys::kms::KmsSwitch;
use keys::{KeyState, Ring, snapshot};
use protocol::jwk::Algorithm;
use std::time::Duration;
use storage::aws::Environment;
use tokio::time::{Instant, sleep};

/// How long to wait until a change of the key takes effect.
const EFFECT: Duration = Duration::from_secs(180);
/// How often tokens are requested while the wrapping key is disabled.
const REQUESTS: usize = 10;
const UNAVAILABLE: &str = "503 temporarily_unavailable";

/// The KMS key that matters for tokens of `alg`, and whether it signs them.
pub(super) struct KmsKey {
    arn: String,
    signs: bool,
}

impl KmsKey {
    /// The key in the ring; none if the keys are not in KMS.
    pub(super) fn of(ring: &Ring, alg: Option<Algorithm>) -> Option<Self> {
        let keys = snapshot::list(ring, SystemClock.now());
        let active = keys.into_iter().find(|key| key.state == KeyState::Active && Some(key.alg) == alg);
        match active.and_then(|key| key.kms_key) {
            Some(arn) => Some(Self { arn, signs: true }),
            None => Some(Self { arn: ring.wrapping_key.clone()?, signs: false }),
        }
    }
}

/// Disables the key, requests tokens, and enables it again. `disabled`: the key that is to be enabled, whatever happens.
pub(super) async fn run(
    flow: &mut Flow,
    tokens: &mut Tokens,
    key: &KmsKey,
    disabled: &mut Option<KmsSwitch>,
) -> Result<String, Difference> {
    let arn = &key.arn;
    let failed = |found: String| {
        let fix = "run this as an administrator of the key: allow kms:DescribeKey, kms:DisableKey and kms:EnableKey";
        Difference::new(format!("to disable and enable KMS key {arn}"), found, fix)
    };
    let switch = KmsSwitch::new(Environment::default(), arn);
    if !switch.is_enabled().await.map_err(|error| failed(error.to_string()))? {
        return Err(failed("it is not enabled, and was left as it is".to_owned()));
    }
    note(format_args!(
        "KMS key {arn} is disabled for a while. If this command is killed, run `aws kms enable-key --key-id {arn}`."
    ));
    // Before the call: its answer may get lost.
    let switch = disabled.insert(switch);
    switch.disable().await.map_err(|error| failed(error.to_string()))?;
    let during = if key.signs { refused(flow, tokens).await } else { unaffected(flow, tokens, switch).await };
    enable(disabled).await?;
    let during = during?;
    let seconds = recovered(flow, tokens).await?;
    Ok(format!("{during}; enabled again, tokens were issued after {seconds} s"))
}

/// Enables the key that was disabled, if one was. Nothing else does, so this is tried several times.
pub(super) async fn enable(disabled: &mut Option<KmsSwitch>) -> Result<(), Difference> {
    let Some(switch) = disabled.take() else { return Ok(()) };
    let mut why = String::new();
    for _ in 0..5 {
        match switch.enable().await {
            Ok(()) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
        if matches!(switch.is_enabled().await, Ok(true)) {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
    let fix = format!("run `aws kms enable-key --key-id {}` AT ONCE: the key may be disabled", switch.arn());
    Err(Difference::new("KMS to enable the key again", why, fix))
}

/// With a key that signs: until the server can't sign.
async fn refused(flow: &mut Flow, tokens: &mut Tokens) -> Result<String, Difference> {
    let began = Instant::now();
    loop {
        let answer = flow.refresh(&tokens.refresh).await?;
        if outline(&answer) == UNAVAILABLE && header(&answer, &RETRY_AFTER).is_some() {
            return Ok(format!(
                "disabled, {UNAVAILABLE} with Retry-After came after {} s",
                began.elapsed().as_secs()
            ));
        }
        if answer.status() != 200 || began.elapsed() > EFFECT {
            let found = format!("{} after {} s", outline(&answer), began.elapsed().as_secs());
            let fix = "see \"While KMS is unavailable\" in docs/guides/aws-kms.md";
            return Err(Difference::new(
                format!("{UNAVAILABLE} with Retry-After while the key is disabled"),
                found,
                fix,
            ));
        }
        *tokens = flow.tokens_of(answer, "a refresh")?;
        sleep(PAUSE).await;
    }
}

/// With a key that only wraps: a server that has its keys doesn't notice. One that starts can't sign.
async fn unaffected(flow: &mut Flow, tokens: &mut Tokens, switch: &KmsSwitch) -> Result<String, Difference> {
    let began = Instant::now();
    while !matches!(switch.is_enabled().await, Ok(false)) {
        if began.elapsed() > EFFECT {
            return Err(Difference::new(
                "the key to be disabled",
                "it is enabled",
                "see `aws kms describe-key`",
            ));
        }
        sleep(PAUSE).await;
    }
    let mut issued = 0;
    for _ in 0..REQUESTS {
        let answer = flow.refresh(&tokens.refresh).await?;
        if outline(&answer) != UNAVAILABLE {
            *tokens = flow.tokens_of(answer, "a refresh while the key is disabled")?;
            issued += 1;
        }
        sleep(PAUSE / 10).await;
    }
    if issued == 0 {
        let fix = "servers that started after the key was disabled can't sign: run this again";
        return Err(Difference::new(
            "tokens from a server that has its keys",
            format!("{REQUESTS} × {UNAVAILABLE}"),
            fix,
        ));
    }
    Ok(format!("disabled, {issued} of {REQUESTS} requests got tokens from servers that have their keys"))
}

/// Until tokens are issued again.
async fn recovered(flow: &mut Flow, tokens: &mut Tokens) -> Result<u64, Difference> {
    let began = Instant::now();
    loop {
        let answer = flow.refresh(&tokens.refresh).await?;
        if outline(&answer) != UNAVAILABLE || began.elapsed() > EFFECT {
            let answer = expect(answer, "a refresh after the key was enabled again", 200)?;
            *tokens = flow.tokens_of(answer, "a refresh")?;
            return Ok(began.elapsed().as_secs());
        }
        sleep(PAUSE).await;
    }
}

/// What to say if this is not to be checked.
pub(super) fn skipped(key: Option<&KmsKey>) -> Check {
    match key {
        None => Check::skipped("kms", "the keys are not in KMS", "nothing to do"),
        Some(_) => Check::skipped(
            "kms",
            "the KMS key was not disabled",
            "add --disable-kms-key while nobody depends on this server",
        ),
    }
}

//! S11: S1's ES256 token with keys in KMS. In an envelope, which is compared with keys in a file: after the start both have
//! the key in memory. And with a key that stays in KMS, which is compared with a floor that makes the same call.

use super::s1;
use crate::kms::Kms;
use crate::machine::Machine;
use crate::product::{Client, Product};
use crate::results::Row;
use crate::rounds::{Plan, Subject, compare};
use crate::token::Token;
use crate::{Outcome, floor};
use std::path::Path;

/// The product with keys in KMS.
pub struct InKms {
    /// The installation.
    pub product: Product,
    /// Its client.
    pub client: Client,
}

impl InKms {
    /// Installs it. `mode` is `kms-envelope` or `kms-sign`.
    pub async fn install(program: &Path, kms: &Kms, mode: &str) -> Outcome<Self> {
        let (keys, url) = (format!("{mode}:{}", kms.wrapping_key().await?), kms.url());
        let settings = [
            ("KEYWARD_KEYS", keys.as_str()),
            ("KEYWARD_SIGNING_ALGS", "ES256"),
            // It makes its first keys itself.
            ("KEYWARD_ROTATION", "self"),
            ("KEYWARD_SIGNATURES_PER_SECOND", "100000"),
            ("AWS_ENDPOINT_URL_KMS", &url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "bench"),
            ("AWS_SECRET_ACCESS_KEY", "bench"),
        ];
        let product = Product::install(program, &settings)?;
        let client = s1::client(&product, Token::ES256)?;
        Ok(Self { product, client })
    }
}

/// The product with one key in a file, as the others have one in KMS.
pub fn in_a_file(program: &Path) -> Outcome<InKms> {
    let product = Product::install(program, &[("KEYWARD_SIGNING_ALGS", "ES256")])?;
    let client = s1::client(&product, Token::ES256)?;
    Ok(InKms { product, client })
}

/// Compares both modes.
pub async fn run(program: &Path, machine: &Machine, plan: Plan) -> Outcome<Vec<Row>> {
    let (kms, runner) = (Kms::start()?, machine.runner());
    let (file, envelope) = (in_a_file(program)?, InKms::install(program, &kms, "kms-envelope").await?);
    let (ours, theirs) = (file.product.serve(&runner)?, envelope.product.serve(&runner)?);
    let local = Subject { server: &ours, flow: s1::ask(&ours, &file.client) };
    let wrapped = Subject { server: &theirs, flow: s1::ask(&theirs, &envelope.client) };
    let envelope = Row { name: "S11 envelope".into(), costs: compare(&local, &wrapped, plan).await? };
    let kept = InKms::install(program, &kms, "kms-sign").await?;
    let (floor, server) =
        (floor::start_in_kms(&runner, &kms, &kms.signing_key().await?)?, kept.product.serve(&runner)?);
    let least = Subject { server: &floor, flow: s1::ask_floor(&floor) };
    let product = Subject { server: &server, flow: s1::ask(&server, &kept.client) };
    let sign = Row { name: "S11 sign".into(), costs: compare(&least, &product, plan).await? };
    Ok(vec![envelope, sign])
}

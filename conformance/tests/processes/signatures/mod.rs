//! What a server signs, with its keys in each custody and by each algorithm, verifies with libraries by others, by the
//! key set that it serves.

mod verifiers;

use crate::commands::{REDIRECT, SERVE, VERIFIER, json_with};
use crate::sign_in::alice_gets_a_code;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use conformance::process::Process;
use conformance::{PASSWORD, With as _, basic, claims, form, get, header};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use storage::contract::local_aws;
use tempfile::TempDir;
use verifiers::verifiers;

/// The algorithms of each server: three at most.
const ALGORITHMS: [&[&str]; 2] = [&["RS256", "PS256", "ES256"], &["EdDSA"]];
const AWS: &str = include_str!("../aws.sh");

#[tokio::test]
async fn three_libraries_verify_each_algorithm_by_keys_of_a_file() {
    are_verified("local:master.key").await;
}

#[tokio::test]
async fn three_libraries_verify_each_algorithm_by_keys_that_kms_wraps() {
    are_verified(&format!("kms-envelope:{}", wrapping_key())).await;
}

#[tokio::test]
async fn three_libraries_verify_each_algorithm_by_keys_that_stay_in_kms() {
    are_verified(&format!("kms-sign:{}", wrapping_key())).await;
}

async fn are_verified(keys: &str) {
    for algorithms in ALGORITHMS {
        let folder = TempDir::new().unwrap();
        let joined = algorithms.join(",");
        let mut environment =
            vec![("KEYWARD_KEYS", keys), ("KEYWARD_ROTATION", "self"), ("KEYWARD_SIGNING_ALGS", &joined)];
        environment.extend(local_aws::environment());
        let server = Process::start(folder.path(), &SERVE, &environment);
        let alice = ["user", "create", "--username", "alice", "--password-stdin"];
        json_with(folder.path(), &alice, &environment, PASSWORD);
        let mut tokens = Vec::new();
        for alg in algorithms {
            let issued = issued(folder.path(), &server, &environment, alg).await;
            assert!(issued.iter().all(|token| header(token)["alg"] == *alg), "{alg} with {keys}");
            tokens.extend(issued);
        }
        let jwks = server.send(get("/jwks")).await.json();
        let (right, bent): (Vec<_>, Vec<_>) =
            tokens.iter().map(|token| (Some(claims(token)), with_a_flipped_bit(token))).unzip();
        for (name, verify) in verifiers() {
            assert_eq!(verify(&jwks, &tokens), right, "{name}, {joined} with {keys}");
            assert_eq!(verify(&jwks, &bent), vec![None; bent.len()], "{name}, {joined} with {keys}");
        }
    }
}

/// The tokens of an application of which one signs in alice, and of a machine: access token, ID token, access token.
async fn issued(folder: &Path, server: &Process, environment: &[(&str, &str)], alg: &str) -> Vec<String> {
    let client = |flags: [&str; 2]| {
        let create = ["client", "create", "--name", alg, "--signing-alg", alg, flags[0], flags[1]];
        let client = json_with(folder, &create, environment, "");
        ["client_id", "client_secret"].map(|name| client[name].as_str().unwrap().to_owned())
    };
    let token = async |[id, secret]: &[String; 2], fields: &[(&str, &str)]| {
        let request = form("/token", fields).with("authorization", &basic(id, secret));
        server.send(request).await.json()
    };
    let member = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let machine = client(["--scope", "read"]);
    let own = token(&machine, &[("grant_type", "client_credentials")]).await;
    let application = client(["--redirect-uri", REDIRECT]);
    let code = alice_gets_a_code([server, server], &application[0], &["openid"]).await;
    let redeemed = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    let answer = token(&application, &redeemed).await;
    vec![member(&own, "access_token"), member(&answer, "access_token"), member(&answer, "id_token")]
}

fn with_a_flipped_bit(token: &str) -> String {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let middle = signature.len() / 2;
    signature[middle] ^= 1;
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A new symmetric key of KMS: its ARN.
fn wrapping_key() -> String {
    let mut command = Command::new("sh");
    command.args(["-c", AWS, "aws", "kms", "create-key", "--query", "KeyMetadata.Arn", "--output", "text"]);
    let output = command.envs(local_aws::environment()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

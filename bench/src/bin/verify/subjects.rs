//! The verifiers that are compared. Each checks signature, issuer, audience and times, and returns all claims; the first
//! checks only the signature.

use crate::tokens::{AUDIENCE, ISSUER, Issued};
use bench::Outcome;
use guard::{Algorithm, Issuer, Verifier};
use josekit::jwk::Jwk;
use josekit::jws::{self, JwsVerifier};
use josekit::jwt::{self, JwtPayloadValidator};
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

pub(crate) const GUARD: &str = "guard";

/// The algorithms of aws-jwt-verify, of ours.
pub(crate) const NODE: [&str; 3] = ["ES256", "EdDSA", "RS256"];

/// A verifier; `verify` takes the number of a token, and returns `None` if it refuses it.
pub(crate) struct Subject<'a> {
    pub(crate) name: &'static str,
    pub(crate) verify: Box<dyn FnMut(usize) -> Option<()> + 'a>,
}

/// All, the bare check of a signature first.
pub(crate) fn all(issued: &Issued) -> Outcome<Vec<Subject<'_>>> {
    let bare = |number: usize| {
        let (input, signature) = issued.parts.get(number)?;
        issued.key.verify_sig(input.as_bytes(), signature).ok()
    };
    Ok(vec![
        Subject { name: "bare signature", verify: Box::new(bare) },
        Subject { name: GUARD, verify: guard(issued)? },
        Subject { name: "jsonwebtoken", verify: jsonwebtoken(issued)? },
        Subject { name: "josekit", verify: josekit(issued)? },
    ])
}

type Verify<'a> = Box<dyn FnMut(usize) -> Option<()> + 'a>;

fn guard(issued: &Issued) -> Outcome<Verify<'_>> {
    let algorithm: Algorithm = serde_json::from_value(issued.alg.into())?;
    let issuer = Issuer::new(ISSUER).audience(AUDIENCE).algorithms([algorithm]);
    let verifier = Verifier::new(issuer.embedded(&issued.jwks().to_string()))?;
    Ok(Box::new(move |number| {
        // The keys are in memory, so it never waits. In an API it runs in a task that is being polled already.
        let verifying = pin!(verifier.verify(issued.tokens.get(number)?));
        let Poll::Ready(token) = verifying.poll(&mut Context::from_waker(Waker::noop())) else { return None };
        token.ok()?.has_scope("orders:read").then_some(())
    }))
}

fn jsonwebtoken(issued: &Issued) -> Outcome<Verify<'_>> {
    let mut validation = Validation::new(issued.alg.parse()?);
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    let key = DecodingKey::from_jwk(&serde_json::from_value(issued.jwk.clone())?)?;
    Ok(Box::new(move |number| {
        let token = issued.tokens.get(number)?;
        jsonwebtoken::decode::<Value>(token, &key, &validation).ok().map(drop)
    }))
}

fn josekit(issued: &Issued) -> Outcome<Verify<'_>> {
    let jwk = Jwk::from_bytes(issued.jwk.to_string())?;
    let verifier: Box<dyn JwsVerifier> = match issued.alg {
        "ES256" => Box::new(jws::ES256.verifier_from_jwk(&jwk)?),
        "EdDSA" => Box::new(jws::EdDSA.verifier_from_jwk(&jwk)?),
        "RS256" => Box::new(jws::RS256.verifier_from_jwk(&jwk)?),
        _ => Box::new(jws::PS256.verifier_from_jwk(&jwk)?),
    };
    Ok(Box::new(move |number| {
        let (claims, _) = jwt::decode_with_verifier(issued.tokens.get(number)?, &*verifier).ok()?;
        let mut expected = JwtPayloadValidator::new();
        expected.set_issuer(ISSUER);
        expected.set_audience(AUDIENCE);
        #[expect(clippy::disallowed_methods, reason = "as an API that uses this crate would")]
        expected.set_base_time(SystemTime::now());
        expected.validate(&claims).ok()
    }))
}

/// The CPU time of one token in each round, in microseconds, of aws-jwt-verify on Node.js.
pub(crate) fn node(folder: &Path, issued: &Issued, rounds: usize, time: Duration) -> Outcome<Vec<f64>> {
    let mut node = Command::new("node")
        .args(["-e", include_str!("aws_jwt_verify.cjs")])
        .arg(folder.canonicalize()?.join("package.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let task = json!({
        "issuer": ISSUER, "audience": AUDIENCE, "jwks": issued.jwks(), "tokens": issued.tokens,
        "rounds": rounds, "milliseconds": u64::try_from(time.as_millis())?,
    });
    node.stdin.take().ok_or("Node.js takes no input")?.write_all(task.to_string().as_bytes())?;
    let done = node.wait_with_output()?;
    if !done.status.success() {
        return Err("aws-jwt-verify failed".into());
    }
    Ok(serde_json::from_slice(&done.stdout)?)
}

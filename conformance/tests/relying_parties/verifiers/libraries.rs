//! The libraries of `docs/guides/verify`: the program of each page, with the tokens that it has to accept and to refuse.

use super::issuer::issuer;
use super::program::{Program, installed, shell};
use conformance::ports::free_port;
use conformance::{Answer, With as _, get, over_http};
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use tempfile::TempDir;

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/verify");
const NODE: &str = "ln -s \"$CLIENTS/node_modules\" node_modules";
const RUN_NODE: &str = "env NODE_EXTRA_CA_CERTS=issuer.pem node orders.mjs";
const RUN_PYTHON: &str = "env SSL_CERT_FILE=issuer.pem \"$CLIENTS/python/bin/python\" orders.py";
const JAVA: &str = "
    javac -parameters -cp \"$CLIENTS/jars/*\" -d . Application.java
    keytool -importcert -noprompt -file issuer.pem -keystore trust.p12 -storepass changeit 2> keytool.log";
/// The modules are those that were installed.
const GO: &str = "export GOSUMDB=off GOPROXY=\"file://$(go env GOMODCACHE)/cache/download\"";

/// The program of a page, which listens on a port.
struct Started {
    port: u16,
    _program: Program,
    _folder: TempDir,
}

impl Started {
    fn new(page: &str, issuer_name: &str, prepare: &str, command: &str) -> Option<Self> {
        let clients = installed()?;
        let (folder, port) = (TempDir::new().unwrap(), free_port(32_000));
        fs::write(folder.path().join("issuer.pem"), &issuer().certificate).unwrap();
        write_files(
            page,
            folder.path(),
            &[("https://auth.example.com", issuer_name), ("3000", &port.to_string())],
        );
        let prepared = shell(folder.path(), &clients, prepare).output().unwrap();
        assert!(prepared.status.success(), "{prepared:?}");
        let program = Program::start(folder.path(), &clients, port, command);
        Some(Self { port, _program: program, _folder: folder })
    }

    async fn ask(&self, token: Option<&str>) -> Answer {
        let request = get("/orders").with("host", "localhost");
        let request = match token {
            Some(token) => request.with("authorization", &format!("Bearer {token}")),
            None => request,
        };
        over_http((Ipv4Addr::LOCALHOST, self.port).into(), request).await
    }
}

/// Sends every token to the program of a page.
async fn check(page: &str, prepare: &str, command: &str) {
    let issuer = issuer();
    let Some(program) = Started::new(page, &issuer.name, prepare, command) else { return };
    for token in &issuer.accepted {
        let answer = program.ask(Some(token)).await;
        assert_eq!(answer.status, 200, "{page}: {}", conformance::header(token));
        let subject = conformance::claims(token)["sub"].as_str().unwrap().to_owned();
        assert_eq!(answer.text(), format!("the orders of {subject}"), "{page}");
    }
    for (status, why, token) in &issuer.refused {
        let answer = program.ask(Some(token)).await;
        assert_eq!(answer.status.as_u16(), *status, "{page}: {why}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{page}: {why}");
    }
    // RFC 6750 §3.1: without a token, no error code is given.
    let answer = program.ask(None).await;
    assert_eq!(answer.status, 401, "{page}: no header");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("Bearer") && !challenge.contains("error"), "{page}: {challenge}");
}

/// The commands of a page, except the last, which starts the program.
fn commands(page: &str) -> String {
    let text = text(page);
    let block = text.split("```console\n").nth(1).unwrap().split("```").next().unwrap();
    let commands: Vec<&str> = block.lines().map(|line| line.strip_prefix("$ ").unwrap()).collect();
    commands.split_last().unwrap().1.join("\n")
}

fn text(page: &str) -> String {
    fs::read_to_string(Path::new(PAGES).join(page).with_extension("md")).unwrap()
}

/// Writes the blocks of a page that name a file.
fn write_files(page: &str, folder: &Path, changes: &[(&str, &str)]) {
    let text = changes.iter().fold(text(page), |text, (from, to)| text.replace(from, to));
    for block in text.split("\n```").skip(1).step_by(2) {
        let (kind, block) = block.split_once('\n').unwrap();
        if let Some((_, file)) = kind.split_once(' ') {
            fs::write(folder.join(file), block).unwrap();
        }
    }
}

#[tokio::test]
async fn aws_jwt_verify_takes_our_tokens_as_they_are() {
    check("aws-jwt-verify", NODE, RUN_NODE).await;
}

#[tokio::test]
async fn jose_takes_them() {
    check("jose", NODE, RUN_NODE).await;
}

#[tokio::test]
async fn pyjwt_takes_them() {
    check("pyjwt", "", RUN_PYTHON).await;
}

#[tokio::test]
async fn joserfc_takes_them() {
    check("joserfc", "", RUN_PYTHON).await;
}

#[tokio::test]
async fn go_oidc_takes_them() {
    let prepare = format!("{GO}\n{}\ngo build -o orders .", commands("go-oidc"));
    check("go-oidc", &prepare, "env SSL_CERT_FILE=issuer.pem ./orders").await;
}

#[tokio::test]
async fn spring_security_takes_them() {
    let trust = "-Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit";
    let command = format!("java {trust} -cp \".:$CLIENTS/jars/*\" com.example.Application");
    check("spring-security", JAVA, &command).await;
}

#[tokio::test]
async fn while_the_issuer_is_away_tokens_are_refused() {
    for (page, prepare, command) in [
        ("aws-jwt-verify", NODE, RUN_NODE),
        ("jose", NODE, RUN_NODE),
        ("pyjwt", "", RUN_PYTHON),
        ("joserfc", "", RUN_PYTHON),
    ] {
        let Some(program) = Started::new(page, "https://localhost:1", prepare, command) else { return };
        let token = issuer().accepted.first().unwrap();
        assert_eq!(program.ask(Some(token)).await.status, 401, "{page}");
    }
}

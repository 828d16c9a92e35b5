//! The libraries of `docs/guides/verify`: the program of each page, with the tokens that it has to accept and to refuse.

use super::issuer::issuer;
use super::program::{Program, installed, shell};
use conformance::ports::free_port;
use conformance::{With as _, get, over_http};
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use tempfile::TempDir;

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/verify");
const NODE: &str = "ln -s \"$CLIENTS/node_modules\" node_modules";
const JAVA: &str = "
    javac -parameters -cp \"$CLIENTS/jars/*\" -d . Application.java
    keytool -importcert -noprompt -file issuer.pem -keystore trust.p12 -storepass changeit 2> keytool.log";
const GO: &str = "cp \"$CLIENTS\"/go/go.* .; GOPROXY=off go build -o orders .";

/// Starts the program of a page in front of nobody, and sends it every token.
async fn check(page: &str, prepare: &str, command: &str) {
    let Some(clients) = installed() else { return };
    let (folder, port, issuer) = (TempDir::new().unwrap(), free_port(32_000), issuer());
    fs::write(folder.path().join("issuer.pem"), &issuer.certificate).unwrap();
    write_files(
        page,
        folder.path(),
        &[("https://auth.example.com", &issuer.name), ("3000", &port.to_string())],
    );
    let prepared = shell(folder.path(), &clients, prepare).output().unwrap();
    assert!(prepared.status.success(), "{prepared:?}");
    let _program = Program::start(folder.path(), &clients, port, command);

    let ask = async |token: &str| {
        let request =
            get("/orders").with("host", "localhost").with("authorization", &format!("Bearer {token}"));
        over_http((Ipv4Addr::LOCALHOST, port).into(), request).await
    };
    for token in &issuer.accepted {
        let answer = ask(token).await;
        assert_eq!(answer.status, 200, "{page}: {}", conformance::header(token));
        let subject = conformance::claims(token)["sub"].as_str().unwrap().to_owned();
        assert_eq!(answer.text(), format!("the orders of {subject}"), "{page}");
    }
    for (status, why, token) in &issuer.refused {
        let answer = ask(token).await;
        assert_eq!(answer.status.as_u16(), *status, "{page}: {why}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{page}: {why}");
    }
}

/// Writes the blocks of a page that name a file.
fn write_files(page: &str, folder: &Path, changes: &[(&str, &str)]) {
    let text = fs::read_to_string(Path::new(PAGES).join(page).with_extension("md")).unwrap();
    let text = changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
    for block in text.split("\n```").skip(1).step_by(2) {
        let (kind, block) = block.split_once('\n').unwrap();
        if let Some((_, file)) = kind.split_once(' ') {
            fs::write(folder.join(file), block).unwrap();
        }
    }
}

#[tokio::test]
async fn aws_jwt_verify_takes_our_tokens_as_they_are() {
    check("aws-jwt-verify", NODE, "env NODE_EXTRA_CA_CERTS=issuer.pem node orders.mjs").await;
}

#[tokio::test]
async fn jose_takes_them() {
    check("jose", NODE, "env NODE_EXTRA_CA_CERTS=issuer.pem node orders.mjs").await;
}

#[tokio::test]
async fn pyjwt_takes_them() {
    check("pyjwt", "", "env SSL_CERT_FILE=issuer.pem \"$CLIENTS/python/bin/python\" orders.py").await;
}

#[tokio::test]
async fn joserfc_takes_them() {
    check("joserfc", "", "env SSL_CERT_FILE=issuer.pem \"$CLIENTS/python/bin/python\" orders.py").await;
}

#[tokio::test]
async fn go_oidc_takes_them() {
    check("go-oidc", GO, "env SSL_CERT_FILE=issuer.pem ./orders").await;
}

#[tokio::test]
async fn spring_security_takes_them() {
    let trust = "-Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit";
    let command = format!("java {trust} -cp \".:$CLIENTS/jars/*\" com.example.Application");
    check("spring-security", JAVA, &command).await;
}

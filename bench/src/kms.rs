//! AWS KMS on this machine: the emulator `conformance/local-aws`, which is built apart.

use crate::Outcome;
use crate::connection::Connection;
use crate::request::request;
use crate::server::Server;
use serde::Deserialize;
use std::process::Command;

/// A running emulator.
pub struct Kms {
    server: Server,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    key_metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    arn: String,
}

impl Kms {
    /// Starts it; it is next to the program that runs.
    pub fn start() -> Outcome<Self> {
        let program = std::env::current_exe()?.with_file_name("local-aws");
        if !program.exists() {
            return Err("local-aws isn't built: `cargo build --release --target-dir target --manifest-path \
                        conformance/local-aws/Cargo.toml`"
                .into());
        }
        Ok(Self { server: Server::start(Command::new(program).args(["--listen", "127.0.0.1:0"]))? })
    }

    /// Where it answers.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Makes a key that wraps others. Returns its ARN.
    pub async fn wrapping_key(&self) -> Outcome<String> {
        self.create_key("{}").await
    }

    /// Makes a key that signs by ES256.
    pub async fn signing_key(&self) -> Outcome<String> {
        self.create_key(r#"{"KeySpec":"ECC_NIST_P256","KeyUsage":"SIGN_VERIFY"}"#).await
    }

    async fn create_key(&self, body: &str) -> Outcome<String> {
        let head = "X-Amz-Target: TrentService.CreateKey\r\nAuthorization: AWS4-HMAC-SHA256 \
                    Credential=bench/20260101/eu-central-1/kms/aws4_request\r\n";
        let mut connection = Connection::open(self.server.address).await?;
        let answer = connection.send(&request("POST", "/", self.server.address, head, body)).await?;
        Ok(serde_json::from_slice::<Made>(answer.body)?.key_metadata.arn)
    }
}

//! The log of the AWS SDK is kept out of ours.

use super::requests::*;
use conformance::process::run_with;

/// The SDK would log whole requests and answers.
#[tokio::test]
async fn a_log_of_everything_has_no_record_and_no_credential_in_it() {
    let folder = tempfile::TempDir::new().unwrap();
    let storage = format!("dynamodb:{}", local_aws::table_name());
    let own = [
        ("KEYWARD_STORAGE", storage.as_str()),
        ("AWS_SESSION_TOKEN", "a-token-of-aws"),
        ("RUST_LOG", "trace"),
    ];
    let settings: Vec<_> = local_aws::environment().into_iter().chain(own).collect();
    let run = |arguments: &[&str], input| {
        let done = run_with(folder.path(), arguments, &settings, input);
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    run(&["storage", "migrate"], "");
    let create = ["user", "create", "--username", "alice", "--password-stdin"];
    let message = run(&create, "a long enough password") + &run(&["user", "show", "alice"], "");
    assert!(message.contains("aws_"), "the SDK tells something: {message}");
    for secret in ["$argon2id", "a-token-of-aws", "a long enough password"] {
        assert!(!message.contains(secret), "{secret} in {message}");
    }
}

//! Used codes presented by a caller that has neither verifier nor redirect URI.

use super::requests::*;
use conformance::Log;

#[tokio::test]
async fn n252_a_used_code_without_its_proofs_ends_nothing() {
    let (world, _) = people().await;
    let wrong = "w".repeat(43);
    let other = "https://rp.example/other";
    let (code, log) = (code(&world, &[]).await, Log::open());
    let tokens = redeem(&world, &code).await;
    let access = member(&tokens, "access_token");
    world.pass(30);
    for (uri, verifier) in
        [(REDIRECT, ""), (REDIRECT, wrong.as_str()), ("", VERIFIER), (other, VERIFIER), ("", "")]
    {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ];
        let sent: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        world.counts.take();
        let answer = world.send(form("/token", &sent).with("authorization", &world.basic("rp"))).await;
        answer.assert_token_error(400, "invalid_grant");
        assert_eq!(world.counts.take().1, 0, "no write: {uri} {verifier}");
        assert_eq!(userinfo_status(&world, &access).await, 200, "{uri} {verifier}");
    }
    assert_eq!(log.events("code.reuse").len() + log.events("code.burnt").len(), 0);
    // With its proofs it counts as stolen.
    redeem(&world, &code).await.assert_token_error(400, "invalid_grant");
    assert_eq!(userinfo_status(&world, &access).await, 401);
    assert_eq!(log.events("code.reuse").len(), 1);
}

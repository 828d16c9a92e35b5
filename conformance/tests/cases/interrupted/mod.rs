//! N-220: the process dies before or after any call of the store. Each step is tried with the store vanishing at its
//! first call, its second, and so on; then the store is back and the request is repeated. The outcome has to be the
//! same as if nothing had happened.

use super::requests::*;
use conformance::account::Account;
use conformance::{PASSWORD, get};
use vanishing_store::{OFFLINE, Stage, Tokens};

mod vanishing_store;

#[tokio::test]
async fn n220_redeeming_a_code() {
    let stage = Stage::new().await;
    let redeem = async |code: &String| redeem_for_spa(&stage.world, code, &[]).await;
    let calls = stage
        .everywhere(
            async || stage.code().await,
            redeem,
            async |code, last| {
                if last.status == 200 {
                    assert_eq!(stage.userinfo(&Tokens::of(&last)).await, 200);
                } else {
                    last.assert_token_error(400, "invalid_grant");
                }
                redeem(code).await.assert_token_error(400, "invalid_grant");
            },
        )
        .await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn n220_a_code_that_is_replayed_or_burnt() {
    let stage = Stage::new().await;
    let spent = async || {
        let code = stage.code().await;
        let tokens = Tokens::of(&redeem_for_spa(&stage.world, &code, &[]).await);
        stage.world.pass(2);
        (code, tokens)
    };
    let redeem = async |(code, _): &(String, Tokens)| redeem_for_spa(&stage.world, code, &[]).await;
    let calls = stage
        .everywhere(spent, redeem, async |(_, tokens), last| {
            last.assert_token_error(400, "invalid_grant");
            stage.assert_over(tokens).await;
        })
        .await;
    assert_eq!(calls, 2);
    let wrong = async |code: &String| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("client_id", "spa"),
        ];
        stage.world.send(form("/token", &fields)).await
    };
    let calls = stage
        .everywhere(
            async || stage.code().await,
            wrong,
            async |code, last| {
                last.assert_token_error(400, "invalid_grant");
                redeem_for_spa(&stage.world, code, &[]).await.assert_token_error(400, "invalid_grant");
            },
        )
        .await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn n220_refreshing_and_reusing_a_refresh_token() {
    let stage = Stage::new().await;
    let refresh = async |tokens: &Tokens| stage.refresh(&tokens.refresh).await;
    let calls = stage
        .everywhere(
            async || stage.tokens().await,
            refresh,
            async |first, last| {
                let next = Tokens::of(&last);
                assert_ne!(next.refresh, first.refresh);
                for token in [first, &next] {
                    assert_eq!(Tokens::of(&refresh(token).await).refresh, next.refresh, "one head");
                }
            },
        )
        .await;
    assert_eq!(calls, 2);
    let rotated = async || {
        let first = stage.tokens().await;
        let next = Tokens::of(&refresh(&first).await);
        stage.world.pass(31);
        (first, next)
    };
    let reuse = async |(first, _): &(Tokens, Tokens)| refresh(first).await;
    let calls = stage
        .everywhere(rotated, reuse, async |(_, next), last| {
            last.assert_token_error(400, "invalid_grant");
            stage.assert_over(next).await;
        })
        .await;
    assert!(calls >= 2);
}

#[tokio::test]
async fn n220_giving_tokens_back_and_reading_them() {
    let stage = Stage::new().await;
    let tokens = async || stage.tokens().await;
    let back = async |tokens: &Tokens| stage.revoke(&tokens.refresh).await;
    let calls = stage.everywhere(tokens, back, async |tokens, _| stage.assert_over(tokens).await).await;
    assert_eq!(calls, 2);
    let back = async |tokens: &Tokens| stage.revoke(&tokens.access).await;
    let calls = stage
        .everywhere(tokens, back, async |tokens, _| {
            assert_eq!(stage.userinfo(tokens).await, 401);
            assert_eq!(stage.refresh(&tokens.refresh).await.status, 200);
        })
        .await;
    assert_eq!(calls, 1);
    let read = async |tokens: &Tokens| {
        stage.world.send(get("/userinfo").with("authorization", &format!("Bearer {}", tokens.access))).await
    };
    let calls = stage.everywhere(tokens, read, async |_, last| assert_eq!(last.status, 200)).await;
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn n220_signing_in_with_the_right_password_and_a_wrong_one() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let door = async || {
        world.pass(600);
        let mut browser = Browser::new();
        let page = browser.visit(world, &with(&OFFLINE)).await;
        (browser, page)
    };
    let enter = async |password: &str, (browser, page): &(Browser, Answer)| {
        browser.clone().sign_in(world, page, "alice", password).await
    };
    let calls = stage
        .everywhere(
            door,
            async |door| enter(PASSWORD, door).await,
            async |_, last| {
                let code = last.to_client().get("code").unwrap().to_owned();
                assert_eq!(redeem_for_spa(world, &code, &[]).await.status, 200);
            },
        )
        .await;
    assert!(calls >= 4, "{calls}");
    let calls = stage
        .everywhere(
            door,
            async |door| enter("wrong password", door).await,
            async |door, last| {
                assert_eq!(last.status, 422);
                assert!(enter(PASSWORD, door).await.to_client().get("code").is_some());
            },
        )
        .await;
    assert!(calls >= 4, "{calls}");
}

#[tokio::test]
async fn n220_agreeing_and_a_silent_request() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let asked = async || {
        let request: Vec<_> = OFFLINE.iter().chain(&[("prompt", "consent")]).copied().collect();
        stage.browser.clone().visit(world, &with(&request)).await
    };
    let agree = async |page: &Answer| stage.browser.clone().consent(world, page, "approve").await;
    let worth_once = async |last: Answer| {
        let code = last.to_client().get("code").unwrap().to_owned();
        assert_eq!(redeem_for_spa(world, &code, &[]).await.status, 200);
        redeem_for_spa(world, &code, &[]).await.assert_token_error(400, "invalid_grant");
    };
    let calls = stage.everywhere(asked, agree, async |_, last| worth_once(last).await).await;
    assert_eq!(calls, 3);
    let silent = async |(): &()| stage.browser.clone().visit(world, &with(&OFFLINE)).await;
    let calls = stage.everywhere(async || (), silent, async |(), last| worth_once(last).await).await;
    assert_eq!(calls, 2);
}

#[tokio::test]
async fn n220_signing_up() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let door = async || {
        world.pass(3600);
        let mut browser = Browser::new();
        let page = browser.visit(world, "/signup").await;
        (browser, page, stage.name())
    };
    let sign_up = async |(browser, page, name): &(Browser, Answer, String)| {
        let (r, csrf) = (page.field("r"), page.field("csrf"));
        let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", name), ("password", PASSWORD)];
        browser.clone().submit(world, "/signup", &fields).await
    };
    let calls = stage
        .everywhere(door, sign_up, async |(_, _, name), last| {
            // Taken: by the account that was made although its answer was lost.
            assert!(last.is_page("Your account") || last.status == 422, "{last:?}");
            assert!(stage.at_home(name, PASSWORD).await.1.is_page("Your account"));
        })
        .await;
    assert!(calls >= 5, "{calls}");
}

#[tokio::test]
async fn n220_signing_out() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let signed_in = async || {
        world.pass(600);
        let mut browser = Browser::new();
        let answer = browser.authorize(world, &with(&[])).await;
        let of_session = redeem(world, answer.to_client().get("code").unwrap()).await;
        let page = browser.get(world, "/logout").await;
        (browser, page, member(&of_session, "access_token"))
    };
    let leave = async |(browser, page, _): &(Browser, Answer, String)| {
        browser.clone().submit(world, "/logout", &[("csrf", &page.field("csrf"))]).await
    };
    let calls = stage
        .everywhere(signed_in, leave, async |(browser, _, access), last| {
            assert_eq!(last.element("logged-out"), Some("You are signed out"));
            let silent = browser.clone().visit(world, &with(&[("prompt", "none")])).await;
            assert_eq!(silent.to_client().get("error"), Some("login_required"));
            assert_eq!(userinfo_status(world, access).await, 401);
        })
        .await;
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn n220_changing_an_account() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let send = async |(_, browser, page): &(String, Browser, Answer), path: &str, fields: &[(&str, &str)]| {
        let csrf = page.field("csrf");
        let fields: Vec<_> = [("csrf", csrf.as_str())].iter().chain(fields).copied().collect();
        browser.clone().submit(world, path, &fields).await
    };
    let somebody = async || {
        world.pass(600);
        stage.somebody().await
    };
    let profile = async |who: &_| send(who, "/account/profile", &[("name", "Carol")]).await;
    let calls = stage
        .everywhere(somebody, profile, async |(name, ..), last| {
            assert!(last.is_page("Your account"), "{last:?}");
            assert_eq!(world.admin().user(name).await.unwrap().claims["name"], "Carol");
        })
        .await;
    assert!(calls >= 3, "{calls}");
    let new = "a brand new password";
    let fields = [("current_password", PASSWORD), ("new_password", new)];
    let password = async |who: &_| send(who, "/account/password", &fields).await;
    let calls = stage
        .everywhere(somebody, password, async |(name, ..), _| {
            world.pass(600);
            assert!(stage.at_home(name, new).await.1.is_page("Your account"));
            assert_eq!(stage.at_home(name, PASSWORD).await.1.status, 422);
        })
        .await;
    assert!(calls >= 4, "{calls}");
}

#[tokio::test]
async fn n220_ending_sessions_and_taking_back_from_applications() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let crowded = async || {
        world.pass(600);
        let (name, browser, page) = stage.somebody().await;
        let mut others = Vec::new();
        for _ in 0..2 {
            let (mut other, _) = stage.at_home(&name, PASSWORD).await;
            for request in [with(&OFFLINE), with(&[])] {
                other.authorize(world, &request).await;
            }
            others.push(other);
        }
        (name, browser, page, others)
    };
    let send = async |browser: &Browser, page: &Answer, path: &str, field: (&str, &str)| {
        browser.clone().submit(world, path, &[("csrf", page.field("csrf").as_str()), field]).await
    };
    let calls = stage
        .everywhere(
            crowded,
            async |(_, browser, page, _)| {
                send(browser, page, "/account/sessions", ("session", "others")).await
            },
            async |(_, browser, _, others), _| {
                for other in others {
                    assert!(other.clone().visit(world, "/account").await.is_page("Sign in"));
                }
                assert!(browser.clone().visit(world, "/account").await.is_page("Your account"));
            },
        )
        .await;
    assert!(calls >= 4, "{calls}");
    let calls = stage
        .everywhere(
            crowded,
            async |(_, browser, page, _)| send(browser, page, "/account/apps", ("all", "yes")).await,
            async |(name, ..), _| {
                let user = world.admin().user(name).await.unwrap();
                let view = Account::of(&*world.store, &user.id).await;
                assert!(view.consents.is_empty() && view.grants.iter().all(|grant| grant.revoked.is_some()));
                assert_eq!(view.grants.len(), 4);
            },
        )
        .await;
    assert!(calls >= 8, "{calls}");
}

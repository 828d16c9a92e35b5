//! What one user accumulates: bounded where it is made, and listed and revoked page by page where an earlier program
//! left more.

use super::requests::*;
use conformance::PASSWORD;
use conformance::account::Account;
use keys::clock::Clock as _;
use protocol::grant::Grant;
use protocol::id::{ClientId, GrantId, RequestId, SessionId, UserId};
use protocol::session::Session;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use storage::Stamp;

/// More than any of the bounds.
const OFTEN: usize = 120;
const MOST_CODES: usize = 20;
const MOST_OF_A_CLIENT: usize = 100;
const MOST_SESSIONS: usize = 100;
const MOST_BYTES: usize = 100_000;
/// More than a store reads at once.
const PILED_UP: u128 = 600;

/// One after the other, so that there is an oldest.
fn next_moment(world: &World) {
    world.clock.advance(Duration::from_millis(10));
}

async fn alice(world: &World) -> UserId {
    world.admin().user("alice").await.unwrap().id
}

async fn kept(world: &World) -> Account {
    Account::of(&*world.store, &alice(world).await).await
}

fn code_of(answer: &Answer) -> String {
    answer.to_client().get("code").unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Alice's account in a browser of hers.
async fn at_home(world: &World) -> (Browser, Answer) {
    let mut browser = Browser::new();
    let login = browser.visit(world, "/account").await;
    let page = browser.sign_in(world, &login, "alice", PASSWORD).await;
    assert!(page.is_page("Your account"), "{page:?}");
    (browser, page)
}

/// Presses a button of the account page.
async fn press(
    world: &World,
    browser: &mut Browser,
    page: &Answer,
    path: &str,
    button: (&str, &str),
) -> Answer {
    let csrf = page.field("csrf");
    browser.submit(world, &format!("/account/{path}"), &[("csrf", &csrf), button]).await
}

/// The values of a page's buttons of a name.
fn values(page: &Answer, name: &str) -> Vec<String> {
    let mark = format!(r#"name="{name}" value=""#);
    page.text().split(&mark).skip(1).map(|piece| piece.split('"').next().unwrap().to_owned()).collect()
}

fn stamp(world: &World) -> Stamp {
    Stamp { at: world.clock.now(), request: RequestId::from_bytes([7; 16]) }
}

/// As an earlier program left them: far more sessions than allowed, one of them alive.
async fn pile_up_sessions(world: &World, of: &Session, count: u128) {
    for number in 0..count {
        let session = Session { id: SessionId::from_bytes(number.to_be_bytes()), ..of.clone() };
        assert!(world.store.restore_session(&session, stamp(world)).await.unwrap().is_done());
    }
}

/// The same of grants.
async fn pile_up_grants(world: &World, of: &Grant, count: u128) {
    for number in 0..count {
        let grant = Grant { id: GrantId::from_bytes(number.to_be_bytes()), ..of.clone() };
        assert!(world.store.restore_grant(&grant, stamp(world)).await.unwrap().is_done());
    }
}

#[tokio::test]
async fn n242_of_unredeemed_codes_the_newest_are_kept() {
    let (world, _) = people().await;
    world.single_page().await;
    let other = spa_tokens(&world).await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let mut codes = Vec::new();
    for _ in 0..OFTEN {
        next_moment(&world);
        let answer = browser.get(&world, &with(&[])).await;
        codes.push(code_of(&answer));
    }
    let of_client = async || {
        let grants = kept(&world).await.grants;
        grants.into_iter().filter(|grant| grant.client.as_str() == "rp").count()
    };
    assert_eq!(of_client().await, MOST_CODES);
    let (lost, left) = codes.split_at(OFTEN - MOST_CODES);
    for code in [&lost[0], lost.last().unwrap()] {
        redeem(&world, code).await.assert_token_error(400, "invalid_grant");
    }
    for code in [&left[0], left.last().unwrap()] {
        assert_eq!(redeem(&world, code).await.status, 200);
    }
    // Redeemed grants take none of the places, and those of other clients are not touched.
    for _ in 0..OFTEN {
        next_moment(&world);
        browser.get(&world, &with(&[])).await;
    }
    assert_eq!(of_client().await, MOST_CODES + 2);
    assert_eq!(userinfo_status(&world, &member(&other, "access_token")).await, 200);
}

#[tokio::test]
async fn n242_of_redeemed_codes_the_newest_grants_are_kept() {
    let (world, _) = people().await;
    world.single_page().await;
    let other = spa_tokens(&world).await;
    let mut browser = Browser::new();
    browser.authorize(&world, &with(&[])).await;
    let mut tokens = Vec::new();
    for _ in 0..OFTEN {
        next_moment(&world);
        let answer = browser.get(&world, &with(&[])).await;
        tokens.push(member(&redeem(&world, &code_of(&answer)).await, "access_token"));
        browser.get(&world, &with(&[])).await;
    }
    let grants = kept(&world).await.grants;
    let of_client: Vec<_> = grants.iter().filter(|grant| grant.client.as_str() == "rp").collect();
    assert!(of_client.len() <= MOST_OF_A_CLIENT, "{}", of_client.len());
    let codes = of_client.iter().filter(|grant| grant.unredeemed_code().is_some()).count();
    assert!(codes <= MOST_CODES, "{codes}");
    assert_eq!(userinfo_status(&world, &tokens[0]).await, 401);
    assert_eq!(userinfo_status(&world, tokens.last().unwrap()).await, 200);
    assert_eq!(userinfo_status(&world, &member(&other, "access_token")).await, 200);
}

#[tokio::test]
async fn n242_with_one_session_too_many_the_oldest_browser_is_signed_out() {
    let (world, _) = people().await;
    let mut browsers = Vec::new();
    let mut first_tokens = None;
    for _ in 0..MOST_SESSIONS + 10 {
        next_moment(&world);
        let mut browser = Browser::new();
        let answer = browser.authorize(&world, &with(&[])).await;
        if first_tokens.is_none() {
            let tokens = redeem(&world, &code_of(&answer)).await;
            first_tokens = Some(member(&tokens, "access_token"));
        }
        browsers.push(browser);
    }
    assert_eq!(kept(&world).await.sessions.len(), MOST_SESSIONS);
    for (number, is_in) in [(0, false), (9, false), (10, true), (MOST_SESSIONS + 9, true)] {
        let page = browsers[number].visit(&world, "/account").await;
        assert_eq!(page.is_page("Your account"), is_in, "browser {number}");
        assert_eq!(page.is_page("Sign in"), !is_in, "browser {number}");
    }
    assert_eq!(userinfo_status(&world, &first_tokens.unwrap()).await, 401, "its tokens went with it");
}

#[tokio::test]
async fn n242_an_account_of_a_hundred_sessions_and_sixty_applications_is_shown_in_parts() {
    let (world, _) = people().await;
    let (mut browser, _) = at_home(&world).await;
    let scope = "openid profile email address phone";
    let mut ids = BTreeSet::new();
    for number in 0..60 {
        let id = format!("application-{number:02}");
        let name = format!("The application number {number:02} of {}", "a large house ".repeat(4));
        world
            .client(
                json!({ "client_id": id, "client_name": name, "redirect_uris": [REDIRECT], "scope": scope }),
            )
            .await;
        let answer = browser.authorize(&world, &with(&[("client_id", &id), ("scope", scope)])).await;
        assert!(answer.to_client().get("code").is_some(), "{answer:?}");
        ids.insert(id);
    }
    let own = kept(&world).await.sessions.remove(0);
    pile_up_sessions(&world, &own, MOST_SESSIONS as u128 - 1).await;
    let mut page = browser.visit(&world, "/account").await;
    assert_eq!(page.text().matches("datetime=").count(), MOST_SESSIONS + values(&page, "client").len());
    assert!(page.text().contains("apps-more"), "{}", page.text());
    let mut shown = BTreeSet::new();
    let mut parts = 0;
    loop {
        assert!(page.body.len() < MOST_BYTES, "{}", page.body.len());
        assert!(values(&page, "client").len() <= 50);
        shown.extend(values(&page, "client"));
        parts += 1;
        let Some((_, rest)) = page.text().split_once(r#"id="apps-more" href=""#) else { break };
        let url = rest.split(['"', '#']).next().unwrap().replace("&#38;", "&");
        assert!(parts < 5, "it does not end: {url}");
        page = browser.visit(&world, url.strip_prefix(ISSUER).unwrap()).await;
    }
    assert_eq!(shown, ids);
    // Access on a later page is revoked like the rest.
    let one = values(&page, "client").pop().unwrap();
    let done = press(&world, &mut browser, &page, "apps", ("client", &one)).await;
    assert!(done.element("account-notice").is_some(), "{done:?}");
    let after = kept(&world).await;
    let client = ClientId::parse(&one).unwrap();
    assert!(after.consents.len() == 59 && after.consents.iter().all(|consent| consent.client != client));
    for grant in &after.grants {
        assert_eq!(grant.revoked.is_some(), grant.client == client, "{grant:?}");
    }
}

#[tokio::test]
async fn n242_a_page_knows_its_own_browser_among_more_sessions_than_it_shows() {
    let (world, _) = people().await;
    let (mut browser, _) = at_home(&world).await;
    browser.authorize(&world, &with(&[])).await;
    let own = kept(&world).await.sessions.remove(0);
    pile_up_sessions(&world, &own, PILED_UP).await;
    let page = browser.visit(&world, "/account").await;
    assert!(page.text().contains("This browser"), "{}", page.text());
    assert!(page.text().contains("Relying party"), "what it carries is alive");
    assert!(page.body.len() < MOST_BYTES, "{}", page.body.len());
}

#[tokio::test]
async fn n242_all_other_sessions_end_however_many_there_are() {
    let (world, _) = people().await;
    let (mut browser, page) = at_home(&world).await;
    let own = kept(&world).await.sessions.remove(0);
    pile_up_sessions(&world, &own, PILED_UP).await;
    press(&world, &mut browser, &page, "sessions", ("session", "others")).await;
    for session in kept(&world).await.sessions {
        assert_eq!(session.ended_at.is_none(), session.id == own.id, "{session:?}");
    }
    assert!(browser.visit(&world, "/account").await.is_page("Your account"), "this browser stays");
}

#[tokio::test]
async fn n242_all_access_is_taken_back_however_much_there_is() {
    let (world, _) = people().await;
    let (mut browser, page) = at_home(&world).await;
    let answer = browser.authorize(&world, &with(&[])).await;
    let tokens = redeem(&world, &code_of(&answer)).await;
    let own = kept(&world).await.grants.remove(0);
    pile_up_grants(&world, &own, PILED_UP).await;
    let after = press(&world, &mut browser, &page, "apps", ("all", "yes")).await;
    assert!(after.text().contains("No applications can use your account."), "{after:?}");
    let kept = kept(&world).await;
    assert!(kept.consents.is_empty());
    assert_eq!(kept.grants.len() as u128, PILED_UP + 1);
    assert!(kept.grants.iter().all(|grant| grant.revoked.is_some()));
    assert_eq!(userinfo_status(&world, &member(&tokens, "access_token")).await, 401);
}

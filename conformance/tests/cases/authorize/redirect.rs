//! Where an answer may go: nowhere, until client and redirect URI are proven.

use super::requests::*;

#[tokio::test]
async fn n001_no_client_no_redirect() {
    let (world, _) = people().await;
    let disabled = world.client(json!({ "client_id": "gone", "redirect_uris": [REDIRECT] })).await;
    world.admin().set_client_disabled(disabled.id(), true).await.unwrap();
    let sentence = |page: &Answer| {
        let (_, after) = page.text().split_once("role=\"alert\">").unwrap();
        after.split('<').next().unwrap().to_owned()
    };
    let bad_uri = sentence(&assert_error_on_page(&world, &[("redirect_uri", "https://evil.example/")]).await);
    for id in ["", "unknown", "gone", &"x".repeat(300), "rp\r\n", "rp%00", " rp"] {
        let page = assert_error_on_page(&world, &[("client_id", id)]).await;
        assert_eq!(sentence(&page), bad_uri, "one text for all");
    }
    // What can't be parsed is refused before any lookup, so it reveals nothing either.
    let [known, unknown] = ["rp\0", "unknown\0"].map(|id| [("client_id", id)]);
    let (known, unknown) =
        (assert_error_on_page(&world, &known).await, assert_error_on_page(&world, &unknown).await);
    assert_eq!(sentence(&known), sentence(&unknown));
}

#[tokio::test]
async fn n002_redirect_uris_are_compared_byte_for_byte() {
    let (world, _) = people().await;
    for uri in [
        "https://rp.example/cb/",
        "https://rp.example/CB",
        "HTTPS://rp.example/cb",
        "https://RP.example/cb",
        "https://rp.example:443/cb",
        "https://rp.example/cb?x=1",
        "https://rp.example/cb/../cb",
        "https://rp.example/cb/..;/x",
        "https://rp.example/cb%2f",
        "https://rp.example/cb%252f",
        "https://rp.example//cb",
        "https://rp.example/cb\t",
        "https://rp.example/cb ",
        "https://rp.example./cb",
        "//rp.example/cb",
        "javascript:alert(1)",
    ] {
        assert_error_on_page(&world, &[("redirect_uri", uri)]).await;
    }
    assert!(leads_to_sign_in(&ask(&world, &[("redirect_uri", "https://rp.example/other")]).await));
}

#[tokio::test]
async fn n004_a_host_that_looks_like_the_registered_one_is_refused() {
    let (world, _) = people().await;
    for uri in [
        "https://rp.example.evil.example/cb",
        "https://evilrp.example/cb",
        "https://rpXexample/cb",
        // A Cyrillic letter, and the same in punycode.
        "https://rр.example/cb",
        "https://xn--r-8tb.example/cb",
        "https://rp.example@evil.example/cb",
        "https://rp.example%40evil.example/cb",
        "https://rp.example\\@evil.example/cb",
    ] {
        assert_error_on_page(&world, &[("redirect_uri", uri)]).await;
    }
}

#[tokio::test]
async fn n005_a_fragment_is_never_part_of_it() {
    let (world, _) = people().await;
    for uri in ["https://rp.example/cb#x", "https://rp.example/cb#", "https://rp.example/cb%23"] {
        assert_error_on_page(&world, &[("redirect_uri", uri)]).await;
        let metadata = json!({ "client_name": "x", "redirect_uris": [uri] });
        let registered = world
            .admin()
            .create_client(&serde_json::from_value(metadata).unwrap(), &world.app.settings)
            .await;
        assert_eq!(registered.is_err(), uri.contains('#'), "nor can it be registered: {uri}");
    }
}

#[tokio::test]
async fn n007_a_redirect_uri_is_never_defaulted() {
    for registered in [vec![REDIRECT], vec![REDIRECT, "https://rp.example/other"]] {
        let world = World::new(crate::HARNESS).await;
        world.client(json!({ "client_id": "rp", "redirect_uris": registered })).await;
        assert_error_on_page(&world, &[("redirect_uri", "")]).await;
    }
}

#[tokio::test]
async fn n030_an_escaped_parameter_is_one_value() {
    let (world, _) = people().await;
    let sneaky =
        with(&[]).replace("client_id=rp", "client_id=rp%26redirect_uri%3Dhttps%3A%2F%2Fevil.example");
    world.send(get(&sneaky)).await.assert_error_page(400, "invalid_request");
    for name in ["client_id", "redirect_uri"] {
        let twice = format!("{}&{name}=x", with(&[]));
        world.send(get(&twice)).await.assert_error_page(400, "invalid_request");
    }
    let twice = format!("{}&scope=email", with(&[]));
    world.send(get(&twice)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", Some("s"));
    let twice = format!("{}&state=other", with(&[]));
    world.send(get(&twice)).await.assert_error_redirect(REDIRECT, ISSUER, "invalid_request", None);
}

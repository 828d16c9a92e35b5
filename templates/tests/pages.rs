//! What every page guarantees, whatever it is filled with: fixed ids, escaping, and nothing that the content security
//! policy would block.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod markup;
mod samples;

use std::cell::RefCell;
use std::collections::BTreeSet;

use markup::{Tag, tags};
use samples::{Page, pages};

/// Breaks out of attributes of both quotes, of elements, of raw text and of comments.
const HOSTILE: &str =
    "\"'></title></style></pre><script>alert(1)</script><img src=x onerror=alert(1)><!--&lt;";

fn plain() -> Vec<Page> {
    pages(&|text| text.to_owned())
}

fn page(name: &str) -> Vec<Tag> {
    let page = plain().into_iter().find(|page| page.name == name).expect("a page of that name");
    tags(&page.html)
}

fn by_id<'a>(tags: &'a [Tag], id: &str) -> &'a Tag {
    tags.iter().find(|tag| tag.get("id") == Some(id)).unwrap_or_else(|| panic!("no #{id}"))
}

fn input<'a>(tags: &'a [Tag], name: &str) -> &'a Tag {
    let mut found = tags.iter().filter(|tag| tag.name == "input" && tag.get("name") == Some(name));
    let first = found.next().unwrap_or_else(|| panic!("no input[name={name}]"));
    assert!(found.next().is_none(), "two input[name={name}]");
    first
}

/// Tag and attribute names only: what a value must not be able to change.
fn skeleton(html: &str) -> Vec<(String, Vec<String>)> {
    tags(html)
        .into_iter()
        .map(|tag| (tag.name, tag.attributes.into_iter().map(|(key, _)| key).collect()))
        .collect()
}

#[test]
fn hostile_text_in_any_field_changes_no_markup() {
    for (plain, hostile) in plain().iter().zip(pages(&|text| format!("{text}{HOSTILE}"))) {
        assert_eq!(skeleton(&plain.html), skeleton(&hostile.html), "{}", plain.name);
        assert!(!hostile.html.contains("<script>"), "{}", plain.name);
    }
}

#[test]
fn every_field_arrives_as_it_was_given() {
    let given = RefCell::new(Vec::new());
    let pages = pages(&|text| {
        let value = format!("{}{HOSTILE}", text.trim());
        given.borrow_mut().push(value.clone());
        value
    });
    let seen: BTreeSet<String> = pages
        .iter()
        .flat_map(|page| tags(&page.html))
        .flat_map(|tag| {
            let Tag { attributes, text, .. } = tag;
            attributes.into_iter().filter_map(|(_, value)| value).chain([text.trim().to_owned()])
        })
        .collect();
    for value in given.into_inner() {
        assert!(seen.contains(&value), "{value:?} is on no page");
    }
}

#[test]
fn ids_are_unique_and_references_to_them_hold() {
    for Page { name, html } in plain() {
        let tags = tags(&html);
        let ids: Vec<&str> = tags.iter().filter_map(|tag| tag.get("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{name}: {ids:?}");
        for tag in &tags {
            let targets = ["for", "aria-describedby", "aria-labelledby"].map(|name| tag.get(name));
            for target in targets.into_iter().flatten().flat_map(str::split_whitespace) {
                assert!(ids.contains(&target), "{name}: nothing has the id {target}");
            }
        }
    }
}

#[test]
fn elements_are_closed_in_order() {
    const VOID: [&str; 2] = ["meta", "input"];
    for Page { name, html } in plain() {
        let mut open: Vec<String> = Vec::new();
        for tag in tags(&html).into_iter().filter(|tag| !VOID.contains(&tag.name.as_str())) {
            match tag.name.strip_prefix('/') {
                Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{name}"),
                None => open.push(tag.name),
            }
        }
        assert_eq!(open, ["html"], "{name}");
    }
}

#[test]
fn nothing_the_content_security_policy_refuses() {
    for Page { name, html } in plain() {
        assert!(!html.contains("form-action") && !html.contains("http-equiv"), "{name}");
        for tag in tags(&html) {
            for (key, _) in &tag.attributes {
                assert!(
                    key != "style" && key != "src" && !key.starts_with("on"),
                    "{name}: <{} {key}>",
                    tag.name
                );
            }
            assert!(!matches!(tag.name.as_str(), "link" | "img" | "iframe" | "object" | "base"), "{name}");
            if matches!(tag.name.as_str(), "style" | "script") {
                assert_eq!(tag.get("nonce"), Some("bm9uY2U="), "{name}");
                assert!(!tag.text.contains("url(") && !tag.text.contains("@import"), "{name}");
            }
        }
    }
}

#[test]
fn every_page_has_language_title_viewport_and_one_heading() {
    for Page { name, html } in plain() {
        let tags = tags(&html);
        let count = |wanted: &str| tags.iter().filter(|tag| tag.name == wanted).count();
        assert_eq!((count("h1"), count("main"), count("style")), (1, 1, 1), "{name}");
        assert_eq!((tags[0].get("lang"), tags[0].get("dir")), (Some("en"), Some("ltr")), "{name}");
        assert!(tags.iter().any(|tag| tag.get("name") == Some("viewport")), "{name}");
        assert!(tags.iter().any(|tag| tag.name == "title" && !tag.text.is_empty()), "{name}");
    }
}

#[test]
fn login_has_its_contract() {
    let tags = page("login");
    assert!(tags.iter().any(|tag| tag.name == "h1" && tag.text == "Sign in"));
    assert!(tags.iter().any(|tag| tag.text == "Photo Albums"));
    assert_eq!(input(&tags, "r").get("value"), Some("sealed-request"));
    assert_eq!(input(&tags, "csrf").get("value"), Some("csrf-token"));
    let (username, password) = (input(&tags, "username"), input(&tags, "password"));
    assert_eq!(
        (username.get("autocomplete"), username.get("autocapitalize")),
        (Some("username"), Some("none"))
    );
    assert_eq!(
        (password.get("autocomplete"), password.get("type")),
        (Some("current-password"), Some("password"))
    );
    assert_eq!(password.get("value"), None);
    assert_eq!(
        (by_id(&tags, "login-submit").name.as_str(), by_id(&tags, "login-submit").get("type")),
        ("button", Some("submit"))
    );
    let form = tags.iter().find(|tag| tag.name == "form").unwrap();
    assert_eq!((form.get("method"), form.get("action")), (Some("post"), Some("/login")));
    assert!(
        !tags.iter().any(|tag| tag.get("role") == Some("alert") || tag.get("id") == Some("login-signup"))
    );
}

#[test]
fn login_puts_the_focus_where_typing_begins() {
    for (name, focused) in
        [("login", "username"), ("login-prefilled", "password"), ("login-wrong", "password")]
    {
        let tags = page(name);
        let with_focus: Vec<_> =
            tags.iter().filter(|tag| tag.get("autofocus").is_some()).map(|tag| tag.get("name")).collect();
        assert_eq!(with_focus, [Some(focused)], "{name}");
    }
    assert_eq!(input(&page("login-prefilled"), "username").get("value"), Some("alice"));
    assert_eq!(by_id(&page("login-prefilled"), "login-signup").get("href"), Some("/signup?r=sealed-request"));
}

#[test]
fn login_announces_its_problem() {
    for (name, text, invalid) in [
        ("login-wrong", "This user name and password don’t match. Check both and try again.", Some("true")),
        ("login-busy", "Many people are signing in right now. Please wait a moment, then try again.", None),
    ] {
        let tags = page(name);
        let problem = by_id(&tags, "login-problem");
        assert_eq!((problem.get("role"), problem.text.as_str()), (Some("alert"), text));
        for field in ["username", "password"] {
            assert_eq!(input(&tags, field).get("aria-describedby"), Some("login-problem"), "{name}");
            assert_eq!(input(&tags, field).get("aria-invalid"), invalid, "{name}");
        }
        assert!(tags.iter().any(|tag| tag.name == "title" && tag.text == "Error: Sign in"), "{name}");
    }
}

#[test]
fn signup_has_its_contract() {
    let tags = page("signup");
    assert!(tags.iter().any(|tag| tag.name == "h1" && tag.text == "Create an account"));
    assert_eq!(input(&tags, "r").get("value"), Some("sealed-request"));
    assert_eq!(input(&tags, "csrf").get("value"), Some("csrf-token"));
    for (field, autocomplete, required) in
        [("username", "username", Some("")), ("password", "new-password", Some("")), ("email", "email", None)]
    {
        let field = input(&tags, field);
        assert_eq!((field.get("autocomplete"), field.get("required")), (Some(autocomplete), required));
    }
    assert_eq!(by_id(&tags, "signup-submit").get("type"), Some("submit"));
    assert_eq!(by_id(&tags, "signup-login").get("href"), Some("/login?r=sealed-request"));
}

/// The fields marked as wrong, and the one that has the focus.
fn at_fault(tags: &[Tag]) -> (Vec<&str>, Vec<&str>) {
    let with = |attribute: &str| {
        let found = tags.iter().filter(|tag| tag.get(attribute).is_some());
        found.map(|tag| tag.get("name").unwrap()).collect()
    };
    (with("aria-invalid"), with("autofocus"))
}

#[test]
fn a_problem_is_announced_and_the_focus_is_where_it_is_mended() {
    for (name, problem, wrong, focused) in [
        ("signup-username", "signup-problem", Some("username"), "username"),
        ("signup-password", "signup-problem", Some("password"), "password"),
        ("signup-email", "signup-problem", Some("email"), "email"),
        ("signup-too-many", "signup-problem", None, "username"),
        ("account-birthdate", "profile-problem", Some("birthdate"), "birthdate"),
        ("account-wrong-password", "password-problem", Some("current_password"), "current_password"),
        ("account-short-password", "password-problem", Some("new_password"), "new_password"),
        ("account-too-many", "password-problem", None, "current_password"),
    ] {
        let tags = page(name);
        assert_eq!(by_id(&tags, problem).get("role"), Some("alert"), "{name}");
        assert!(tags.iter().any(|tag| tag.name == "title" && tag.text.starts_with("Error: ")), "{name}");
        assert_eq!(at_fault(&tags), (wrong.into_iter().collect(), vec![focused]), "{name}");
        if let Some(wrong) = wrong {
            let described = input(&tags, wrong).get("aria-describedby").unwrap();
            assert!(described.split(' ').any(|id| id == problem), "{name}: {described}");
        }
    }
    for (name, focused) in [("signup", vec!["username"]), ("account", vec![]), ("account-saved", vec![])] {
        assert_eq!(at_fault(&page(name)), (vec![], focused), "{name}");
    }
    assert_eq!(by_id(&page("account-saved"), "account-notice").get("role"), Some("status"));
}

#[test]
fn the_account_has_a_form_for_each_list_and_thing_that_can_be_done() {
    let tags = page("account");
    let actions: Vec<_> =
        tags.iter().filter(|tag| tag.name == "form").map(|tag| tag.get("action").unwrap()).collect();
    assert_eq!(actions, ["/account/profile", "/account/password", "/account/sessions", "/account/apps"]);
    let tokens = tags.iter().filter(|tag| tag.get("name") == Some("csrf"));
    assert_eq!(tokens.filter(|tag| tag.get("value") == Some("csrf-token")).count(), actions.len());
    assert_eq!(by_id(&tags, "account-logout").get("href"), Some("/logout"));
    let button = |value: &str| tags.iter().find(|tag| tag.get("value") == Some(value)).unwrap();
    // This browser's session is ended by signing out.
    assert!(!tags.iter().any(|tag| tag.get("value") == Some("this")));
    assert_eq!(button("another").get("aria-describedby"), Some("session-2"));
    assert_eq!(button("cards").get("aria-describedby"), Some("app-1"));
    assert_eq!(by_id(&tags, "profile-email").get("readonly"), Some(""), "a verified address");
    let empty = page("account-empty");
    assert!(empty.iter().any(|tag| tag.text == "No applications can use your account."));
    assert!(!empty.iter().any(|tag| ["sessions-end-all", "apps-end-all"].map(Some).contains(&tag.get("id"))));
}

#[test]
fn signing_out_is_asked_for_with_a_way_back() {
    let tags = page("logout");
    assert_eq!(by_id(&tags, "logout-confirm").get("type"), Some("submit"));
    assert_eq!(by_id(&tags, "logout-stay").get("href"), Some("/account"));
    assert_eq!(input(&tags, "csrf").get("value"), Some("csrf-token"));
    assert!(!tags.iter().any(|tag| tag.get("autofocus").is_some()));
    assert_eq!(by_id(&page("logged-out"), "logged-out").text, "You are signed out");
}

#[test]
fn consent_shows_every_scope_and_only_openid_is_fixed() {
    let tags = page("consent");
    let scopes: Vec<_> = tags
        .iter()
        .filter(|tag| tag.get("name") == Some("scope"))
        .map(|tag| (tag.get("type").unwrap(), tag.get("value").unwrap(), tag.get("checked").is_some()))
        .collect();
    assert_eq!(
        scopes,
        [
            ("hidden", "openid", false),
            ("checkbox", "profile", true),
            ("checkbox", "email", true),
            ("checkbox", "offline_access", true),
            ("checkbox", "photos:write", true),
        ]
    );
    let fixed =
        tags.iter().filter(|tag| tag.get("disabled").is_some() && tag.get("checked").is_some()).count();
    assert_eq!(fixed, 1);
    for text in ["Confirm your identity", "See your e-mail address", "photos:write"] {
        assert!(tags.iter().any(|tag| tag.text.trim() == text), "{text}");
    }
}

#[test]
fn consent_says_who_asks_for_whom_and_where_the_answer_goes() {
    let tags = page("consent");
    assert_eq!(by_id(&tags, "consent-host").text, "albums.example");
    for text in ["Photo Albums", "alice"] {
        assert!(tags.iter().any(|tag| tag.name == "bdi" && tag.text == text), "{text}");
    }
    for (id, value) in [("consent-approve", "approve"), ("consent-deny", "deny")] {
        let button = by_id(&tags, id);
        assert_eq!((button.get("name"), button.get("value")), (Some("decision"), Some(value)));
        assert_eq!((button.name.as_str(), button.get("type")), ("button", Some("submit")));
    }
    assert_eq!(input(&tags, "r").get("value"), Some("sealed-request"));
    assert_eq!(input(&tags, "csrf").get("value"), Some("csrf-token"));
    assert!(!tags.iter().any(|tag| tag.get("autofocus").is_some()));
}

#[test]
fn a_wrong_host_is_named_beside_ours() {
    let tags = page("wrong-host");
    assert_eq!(by_id(&tags, "error-code").text, "invalid_request");
    assert_eq!(by_id(&tags, "host-came").text, "127.0.0.1:3000");
    assert_eq!(by_id(&tags, "host-ours").text, "http://localhost:8080");
}

#[test]
fn error_page_names_the_code_exactly() {
    let tags = page("error");
    assert_eq!(by_id(&page("error-application"), "application").text, "Photo Albums");
    assert_eq!(by_id(&tags, "error-code").text, "invalid_request");
    assert_eq!(by_id(&tags, "error-request-id").text, "01J8ZQ3M6Y7R2D");
    assert!(
        tags.iter().any(|tag| tag.text == "The redirect address is not registered for this application.")
    );
}

#[test]
fn form_post_posts_itself_and_has_a_button() {
    let tags = page("form-post");
    let position =
        |name: &str| tags.iter().position(|tag| tag.name == name).unwrap_or_else(|| panic!("no {name}"));
    assert!(position("form") < position("button") && position("button") < position("script"));
    assert_eq!(tags[position("/script") + 1].name, "/body");
    assert_eq!(tags[position("script")].text, "document.forms[0].submit()");
    assert_eq!(tags[position("form")].get("action"), Some("https://albums.example/callback"));
    assert_eq!(input(&tags, "code").get("value"), Some("kwc_example"));
    assert_eq!(input(&tags, "state").get("value"), Some("af0ifjsldkj"));
    // A field or button of this name would hide the method the script calls.
    assert!(
        !tags
            .iter()
            .any(|tag| [tag.get("name"), tag.get("id")].contains(&Some("submit")) || tag.name == "noscript")
    );
}

#[test]
fn only_form_post_has_a_script() {
    for Page { name, html } in plain() {
        let scripts = tags(&html).iter().filter(|tag| tag.name == "script").count();
        assert_eq!(scripts, usize::from(name == "form-post"), "{name}");
    }
}

#[test]
fn demo_pages_show_what_was_received() {
    assert_eq!(by_id(&page("demo-home"), "demo-sign-in").get("href"), Some("/demo/start"));
    assert!(by_id(&page("demo-home"), "demo-curl").text.starts_with("curl -u demo-machine:secret "));
    let result = page("demo-result");
    assert!(by_id(&result, "demo-id-token").text.contains("\n  \"sub\": \"qN0hS2m1\",\n"));
    assert!(by_id(&result, "demo-userinfo").text.contains("\"name\": \"Alice Adams\""));
    assert!(by_id(&result, "demo-access-token").text.starts_with("eyJ"));
    assert!(by_id(&result, "demo-access-token-claims").text.contains("\"aud\""));
    assert_eq!(by_id(&result, "demo-again").get("href"), Some("/demo"));
    let checks: Vec<_> = result.iter().filter(|tag| tag.name == "dt").map(|tag| tag.text.as_str()).collect();
    assert_eq!(checks, ["issuer", "signature", "nonce is the one we sent"]);
    assert_eq!(by_id(&page("demo-problem"), "demo-error").text, "access_denied");
    assert_eq!(by_id(&page("demo-problem"), "demo-error-description").text, "The request was denied.");
}

#[test]
fn pages_are_small() {
    for Page { name, html } in plain() {
        assert!(html.len() < 12_000, "{name} has {} bytes", html.len());
    }
}

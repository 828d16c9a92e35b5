//! Which texts are passwords, and which are the same.

use super::*;

fn of_bytes(bytes: usize) -> String {
    "pA5!".chars().cycle().take(bytes).collect()
}

#[test]
fn n152_eight_characters_to_1024_bytes() {
    for length in [8, 72, 73, 128, 1024] {
        assert_eq!(check_new(&of_bytes(length), "ada"), Ok(()), "{length}");
    }
    for length in [0, 1, 7] {
        assert_eq!(check_new(&of_bytes(length), "ada"), Err(BadPassword::TooShort), "{length}");
    }
    for length in [1025, 1_000_000] {
        assert_eq!(check_new(&of_bytes(length), "ada"), Err(BadPassword::TooLong), "{length}");
    }
    // Characters count, not bytes or halves of surrogate pairs; a letter and its accent are one.
    assert_eq!(check_new("\u{1f600}".repeat(7).as_str(), "ada"), Err(BadPassword::TooShort));
    assert_eq!(check_new("\u{1f600}".repeat(8).as_str(), "ada"), Ok(()));
    assert_eq!(check_new("e\u{301}".repeat(7).as_str(), "ada"), Err(BadPassword::TooShort));
}

#[tokio::test]
async fn n152_nothing_is_cut_off() {
    let pool = Passwords::new(1, 0);
    for length in [72, 128, 1024] {
        let text = of_bytes(length);
        let hash = hashed(&pool, &text).await;
        assert!(verified(&pool, &text, &hash).await, "{length}");
        assert!(!verified(&pool, &text[..length - 1], &hash).await, "{length}");
        let (most, _) = text.split_at(length - 1);
        assert!(!verified(&pool, &format!("{most}?"), &hash).await, "{length}");
    }
}

#[tokio::test]
async fn n152_more_than_1024_bytes_is_refused_before_anything_is_computed() {
    let pool = Passwords::new(1, 0);
    let hash = hashed(&pool, &of_bytes(1024)).await;
    let before = pool.calls();
    for length in [1025, 1_000_000] {
        assert!(!verified(&pool, &of_bytes(length), &hash).await);
        assert!(!verify(&pool, &of_bytes(length), None).await.unwrap());
        let new = pool.place().await.unwrap().hash(password(&of_bytes(length)), [0; 16]).await;
        assert_eq!(new, Err(PasswordError::Unusable));
    }
    assert_eq!(pool.calls(), before);
}

#[tokio::test]
async fn n152_nul_and_other_controls_are_no_password() {
    let pool = Passwords::new(1, 0);
    for text in ["Sesame\0open", "Sesame, open\0", "Sesame\topen", "Sesame\nopen", "Sesame\u{7f}open"] {
        assert_eq!(check_new(text, "ada"), Err(BadPassword::Unusable), "{text:?}");
        assert_eq!(
            pool.place().await.unwrap().hash(password(text), [0; 16]).await,
            Err(PasswordError::Unusable),
            "{text:?}"
        );
    }
    let hash = hashed(&pool, "Sesame, open").await;
    assert!(!verified(&pool, "Sesame, open\0", &hash).await, "a NUL ends nothing");
}

#[tokio::test]
async fn n152_one_password_however_its_letters_are_composed() {
    let pool = Passwords::new(1, 0);
    let hash = hashed(&pool, "cr\u{e8}me br\u{fb}l\u{e9}e").await;
    assert!(verified(&pool, "cre\u{300}me bru\u{302}le\u{301}e", &hash).await, "NFD");
    assert!(verified(&pool, "cr\u{e8}me\u{a0}br\u{fb}l\u{e9}e", &hash).await, "another space");
    assert!(!verified(&pool, "creme brulee", &hash).await, "accents count");
    assert!(!verified(&pool, "CR\u{c8}ME BR\u{db}L\u{c9}E", &hash).await, "case counts");
}

#[tokio::test]
async fn n152_spaces_around_a_password_belong_to_it() {
    let pool = Passwords::new(1, 0);
    let hash = hashed(&pool, "  Sesame  ").await;
    assert!(verified(&pool, "  Sesame  ", &hash).await);
    for other in ["Sesame", " Sesame ", "  Sesame"] {
        assert!(!verified(&pool, other, &hash).await, "{other:?}");
    }
}

#[test]
fn n175_what_everybody_tries_first_is_refused_in_any_case() {
    for common in ["password", "PassWord", "PASSWORD1", "12345678", "qwertyuiop", "iloveyou"] {
        assert_eq!(check_new(common, "ada"), Err(BadPassword::TooCommon), "{common}");
    }
}

#[test]
fn n175_the_user_name_is_refused_in_any_case() {
    for text in ["ada.lovelace", "Ada.Lovelace", "ADA.LOVELACE"] {
        assert_eq!(check_new(text, "Ada.lovelace"), Err(BadPassword::IsUsername), "{text}");
    }
    for (text, name) in [("Zoe\u{308}.Keats", "zo\u{eb}.keats"), ("Zo\u{eb}.Keats", "zoe\u{308}.keats ")] {
        assert_eq!(check_new(text, name), Err(BadPassword::IsUsername), "{text} {name}");
    }
    assert_eq!(check_new("ada.lovelace.", "ada.lovelace"), Ok(()));
}

#[test]
fn n175_no_composition_rules() {
    for text in [
        "kzwqxjvb",
        "84619375",
        "........",
        "\u{6f22}\u{5b57}\u{6f22}\u{5b57}\u{6f22}\u{5b57}\u{6f22}\u{5b57}",
    ] {
        assert_eq!(check_new(text, "ada"), Ok(()), "{text}");
    }
}

#[test]
fn n175_each_reason_is_told_and_none_repeats_the_password() {
    let reasons = ["abc", "qwertyuiop", "ada.lovelace", "Sesame\0open", &of_bytes(1025)]
        .map(|text| (text.to_owned(), check_new(text, "ada.lovelace").unwrap_err().to_string()));
    for (text, reason) in &reasons {
        assert!(reason.ends_with('.') && !reason.contains(text.as_str()), "{reason}");
    }
    let mut unique = reasons.map(|(_, reason)| reason).to_vec();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), 5);
}

#[test]
fn the_list_of_common_passwords_can_match() {
    // An entry that is too short, or not as it is looked up, would never refuse anything.
    for (at, entry) in include_str!("../common.txt").lines().enumerate() {
        assert_eq!(check_new(entry, "ada"), Err(BadPassword::TooCommon), "line {}: {entry:?}", at + 1);
    }
}

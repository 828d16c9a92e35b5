//! The ratchet, case by case: loaded tip, presented token, decision.
//!
//! `digest(g)` is the hash of the secret of generation g, from which that of g + 1 is derived.

use crate::samples::{NOW, REALM, client, grant, on, redeemed, user};
use protocol::Refusal;
use protocol::client::{AuthMethod, Client, GrantType};
use protocol::error::ErrorCode;
use protocol::generation::Generation;
use protocol::grant::{DependsOn, Grant, Refresh, Revocation, RevocationReason};
use protocol::id::{ClientId, RequestId, UserId};
use protocol::lifetimes::Lifetimes;
use protocol::refusal::Consequence;
use protocol::scope::Scope;
use protocol::secret::{Digest, SecretKind};
use protocol::time::Timestamp;
use protocol::token::check_resource;
use protocol::token::refresh::{Policy, PresentedRefreshToken, Refreshed, decide, first, scope};
use protocol::user::User;
use std::time::Duration;

/// The call that begins a new generation.
const CALL: RequestId = RequestId::from_bytes([9; 16]);
const MASTER: u16 = 3;
const GRACE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn digest(generation: u32) -> Digest {
    Digest::of(SecretKind::RefreshToken, &generation.to_be_bytes())
}

/// The authentic token of a generation, presented to the process that made the grant's last write.
fn token(generation: u32) -> PresentedRefreshToken {
    let call = grant().last_request;
    PresentedRefreshToken {
        call,
        generation,
        digest: digest(generation),
        successor: digest(generation.wrapping_add(1)),
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn lifetimes() -> Lifetimes {
    Lifetimes::default()
}

/// A tip that was last used at [`NOW`].
fn tip(generation: u32, rotated_at: Option<Timestamp>) -> Refresh {
    Refresh {
        digest: digest(generation),
        generation,
        rotated_at,
        master: MASTER,
        idle_expires_at: NOW.plus(lifetimes().refresh_token_idle),
        expires_at: NOW.plus(lifetimes().refresh_token_absolute),
    }
}

/// A tip that was rotated this long before [`NOW`].
fn rotated(generation: u32, ago: Duration) -> Refresh {
    tip(generation, Some(NOW.minus(ago)))
}

fn public() -> Client {
    Client { auth_method: AuthMethod::None, secrets: vec![], ..confidential() }
}

fn confidential() -> Client {
    let grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let scope = Scope::parse("openid profile email offline_access").unwrap();
    Client { grant_types, scope, ..client() }
}

fn holding(refresh: Refresh) -> Grant {
    let expires_at = refresh.expires_at;
    Grant { offline: true, flow: redeemed(NOW), refresh: Some(refresh), expires_at, ..grant() }
}

fn at(
    now: Timestamp,
    client: &Client,
    tip: Refresh,
    presented: PresentedRefreshToken,
) -> Result<Refreshed, Refusal> {
    let policy = Policy { lifetimes: &lifetimes(), grace: GRACE };
    decide(presented, &holding(tip), &on(&user(), client), policy, now)
}

/// The kind of a decision, without the tip to commit.
fn outcome(decision: Result<Refreshed, Refusal>) -> Result<&'static str, Refusal> {
    decision.map(|refreshed| match refreshed {
        Refreshed::Same => "the same",
        Refreshed::Successor => "the successor",
        Refreshed::Prolong(_) => "the same, prolonged",
        Refreshed::Rotate(_) => "rotated",
    })
}

#[test]
fn the_table_of_a_public_clients_ratchet() {
    const SAME: Result<&str, Refusal> = Ok("the same");
    const SUCCESSOR: Result<&str, Refusal> = Ok("the successor");
    const ROTATED: Result<&str, Refusal> = Ok("rotated");
    const REUSED: Result<&str, Refusal> = Err(Refusal::RefreshReused);
    const AHEAD: Result<&str, Refusal> = Err(Refusal::RefreshAhead);
    let ahead_of_us = tip(5, Some(NOW.plus(millis(1))));
    for (loaded, presented, decision) in [
        // g = n: rotated once per grace period, whose end is exclusive.
        (tip(0, None), 0, ROTATED),
        (tip(5, None), 5, ROTATED),
        (rotated(5, DAY), 5, ROTATED),
        (rotated(5, millis(30_000)), 5, ROTATED),
        (rotated(5, millis(29_999)), 5, SAME),
        (rotated(5, millis(0)), 5, SAME),
        (ahead_of_us.clone(), 5, SAME),
        // g = n - 1: within the grace period a lost answer or another tab, after it a second party.
        (rotated(5, millis(0)), 4, SUCCESSOR),
        (rotated(5, millis(29_999)), 4, SUCCESSOR),
        (ahead_of_us, 4, SUCCESSOR),
        (rotated(5, millis(30_000)), 4, REUSED),
        (rotated(5, DAY), 4, REUSED),
        (tip(5, None), 4, REUSED),
        // g < n - 1: a grace period has one rotation, so this token was rotated before it.
        (rotated(5, millis(0)), 3, REUSED),
        (rotated(5, millis(29_999)), 0, REUSED),
        (rotated(5, DAY), 3, REUSED),
        // g > n: an older backup was restored.
        (tip(0, None), 1, AHEAD),
        (rotated(5, millis(0)), 6, AHEAD),
        (rotated(5, DAY), 7, AHEAD),
        (rotated(5, DAY), u32::MAX, AHEAD),
    ] {
        let decided = outcome(at(NOW, &public(), loaded.clone(), token(presented)));
        assert_eq!(decided, decision, "{presented} against {loaded:?}");
    }
}

#[test]
fn without_a_grace_every_use_rotates_and_every_second_use_is_reuse() {
    let policy = Policy { lifetimes: &lifetimes(), grace: Duration::ZERO };
    let decided = |loaded: Refresh, presented| {
        let grant = holding(loaded);
        outcome(decide(token(presented), &grant, &on(&user(), &public()), policy, NOW))
    };
    assert_eq!(decided(rotated(5, millis(0)), 5), Ok("rotated"));
    assert_eq!(decided(rotated(5, millis(0)), 4), Err(Refusal::RefreshReused), "N-072");
}

#[test]
fn n240_what_another_process_rotated_accuses_nobody_while_clocks_can_explain_it() {
    let decided = |ago, presented, grace| {
        let grant = Grant { last_request: CALL, ..holding(rotated(5, millis(ago))) };
        let policy = Policy { lifetimes: &lifetimes(), grace };
        outcome(decide(token(presented), &grant, &on(&user(), &public()), policy, NOW))
    };
    for ago in [0, 30_000, 45_000, 89_999] {
        assert_eq!(decided(ago, 4, GRACE), Ok("the successor"), "{ago} ms ago");
        assert_eq!(decided(ago, 5, GRACE), Ok("the same"), "{ago} ms ago");
    }
    assert_eq!(decided(90_000, 4, GRACE), Err(Refusal::RefreshReused));
    assert_eq!(decided(90_000, 5, GRACE), Ok("rotated"));
    assert_eq!(decided(0, 3, GRACE), Err(Refusal::RefreshReused), "no clock matters for an older token");
    assert_eq!(decided(0, 4, Duration::ZERO), Err(Refusal::RefreshReused), "nor without a grace period");
}

#[test]
fn what_does_not_match_accuses_nobody() {
    let forged = digest(99);
    for (loaded, presented) in [
        (rotated(5, DAY), PresentedRefreshToken { digest: forged, ..token(5) }),
        (rotated(5, millis(0)), PresentedRefreshToken { digest: forged, ..token(5) }),
        (rotated(5, millis(0)), PresentedRefreshToken { successor: forged, ..token(4) }),
    ] {
        let decided = at(NOW, &public(), loaded.clone(), presented);
        assert_eq!(decided, Err(Refusal::RefreshInvalid), "{presented:?} against {loaded:?}");
    }
}

#[test]
fn only_reuse_ends_the_grant_and_every_no_is_invalid_grant() {
    for (refusal, consequence) in [
        (Refusal::RefreshReused, Consequence::RevokeGrant(RevocationReason::RefreshReused)),
        (Refusal::RefreshOfOtherClient, Consequence::Nothing),
        (Refusal::RefreshInvalid, Consequence::Nothing),
        (Refusal::RefreshExpired, Consequence::Nothing),
        (Refusal::RefreshAhead, Consequence::Nothing),
    ] {
        assert_eq!((refusal.consequence(), refusal.code()), (consequence, ErrorCode::InvalidGrant));
    }
}

#[test]
fn n071_n073_another_client_learns_and_changes_nothing() {
    let other = Client { id: ClientId::parse("client-b").unwrap(), ..public() };
    let expired = Refresh { expires_at: NOW, ..rotated(5, DAY) };
    for (loaded, presented) in [
        (rotated(5, DAY), 5),
        (rotated(5, millis(0)), 5),
        (rotated(5, millis(0)), 4),
        (rotated(5, DAY), 4),
        (rotated(5, DAY), 6),
        (expired, 5),
    ] {
        let decided = at(NOW, &other, loaded.clone(), token(presented));
        assert_eq!(decided, Err(Refusal::RefreshOfOtherClient), "{presented} against {loaded:?}");
    }
}

#[test]
fn what_a_rotation_commits() {
    let later = NOW.plus(DAY);
    let committed = Refresh {
        digest: digest(6),
        generation: 6,
        rotated_at: Some(later),
        idle_expires_at: later.plus(lifetimes().refresh_token_idle),
        ..rotated(5, DAY)
    };
    assert_eq!(at(later, &public(), rotated(5, DAY), token(5)), Ok(Refreshed::Rotate(committed)));
    // N-078: the idle expiry never exceeds the absolute one.
    let near = NOW.plus(lifetimes().refresh_token_absolute - DAY);
    let old = Refresh { idle_expires_at: near.plus(DAY), ..rotated(5, DAY) };
    let Ok(Refreshed::Rotate(last)) = at(near, &public(), old.clone(), token(5)) else { panic!() };
    assert_eq!((last.idle_expires_at, last.expires_at), (old.expires_at, old.expires_at));
}

#[test]
fn n079_it_is_over_from_its_instant_on_and_then_nothing_else_counts() {
    let (end, last) = (NOW.plus(millis(1)), rotated(5, DAY));
    let idle = Refresh { idle_expires_at: end, ..last.clone() };
    let absolute = Refresh { expires_at: end, ..last };
    for loaded in [idle, absolute.clone()] {
        assert_eq!(outcome(at(NOW, &public(), loaded.clone(), token(5))), Ok("rotated"));
        for presented in [4, 5, 6] {
            let grant = Grant { expires_at: end.plus(DAY), ..holding(loaded.clone()) };
            let policy = Policy { lifetimes: &lifetimes(), grace: GRACE };
            let decided = decide(token(presented), &grant, &on(&user(), &public()), policy, end);
            assert_eq!(decided, Err(Refusal::RefreshExpired), "{presented}");
        }
    }
    assert_eq!(
        at(end, &public(), absolute, token(5)),
        Err(Refusal::RefreshEnded),
        "the grant has expired too"
    );
}

#[test]
fn what_has_ended_refreshes_nothing_and_is_not_ended_twice() {
    type Change = fn(&mut Grant, &mut User, &mut Client, &mut Generation);
    let none = "no token was issued";
    let after = |at: Timestamp| at.plus(millis(1));
    let changes: [(&str, Change); 9] = [
        (none, |grant, _, _, _| grant.refresh = None),
        ("revoked", |grant, _, _, _| {
            grant.revoked = Some(Revocation { at: NOW, reason: RevocationReason::Revoked });
        }),
        ("over", |grant, _, _, _| grant.expires_at = NOW),
        ("user disabled", |_, user, _, _| user.disabled = true),
        ("user begins another generation", |_, user, _, _| user.generation = user.generation.next(CALL, NOW)),
        ("another user", |_, user, _, _| user.id = UserId::from_bytes([9; 16])),
        ("client disabled", |_, _, client, _| client.disabled = true),
        ("client begins another generation", |_, _, client, _| {
            client.generation = client.generation.next(CALL, NOW)
        }),
        ("realm begins another generation", |_, _, _, realm| *realm = realm.next(CALL, NOW)),
    ];
    for (what, change) in changes {
        for presented in [4, 5, 6] {
            let (mut grant, mut user, mut client) = (holding(rotated(5, DAY)), user(), public());
            let mut realm = REALM;
            change(&mut grant, &mut user, &mut client, &mut realm);
            let policy = Policy { lifetimes: &lifetimes(), grace: GRACE };
            let decided = decide(
                token(presented),
                &grant,
                &DependsOn { realm, ..on(&user, &client) },
                policy,
                after(NOW),
            );
            let refusal = if what == none { Refusal::RefreshInvalid } else { Refusal::RefreshEnded };
            assert_eq!(decided, Err(refusal), "{what}, {presented}");
        }
    }
}

#[test]
fn a_confidential_clients_token_stays_and_is_prolonged_now_and_then() {
    let (idle, absolute) = (lifetimes().refresh_token_idle, lifetimes().refresh_token_absolute);
    for (after, decision) in [
        (Duration::ZERO, "the same"),
        (DAY - millis(1), "the same"),
        (DAY, "the same, prolonged"),
        (idle - millis(1), "the same, prolonged"),
    ] {
        let decided = at(NOW.plus(after), &confidential(), tip(0, None), token(0));
        assert_eq!(outcome(decided), Ok(decision), "{after:?} after its last use");
    }
    let prolonged = Refresh { idle_expires_at: NOW.plus(DAY).plus(idle), ..tip(0, None) };
    let decided = at(NOW.plus(DAY), &confidential(), tip(0, None), token(0));
    assert_eq!(decided, Ok(Refreshed::Prolong(prolonged)));
    // Near its absolute expiry less than a day can be added.
    let near = NOW.plus(absolute - idle);
    let last = Refresh { idle_expires_at: tip(0, None).expires_at.minus(DAY - millis(1)), ..tip(0, None) };
    assert_eq!(at(near, &confidential(), last, token(0)), Ok(Refreshed::Same));
}

#[test]
fn short_lived_tokens_are_prolonged_by_a_tenth_of_their_life() {
    let lifetimes = Lifetimes { refresh_token_idle: Duration::from_secs(3600), ..lifetimes() };
    let grant = holding(Refresh { idle_expires_at: NOW.plus(Duration::from_secs(3600)), ..tip(0, None) });
    let policy = Policy { lifetimes: &lifetimes, grace: GRACE };
    for (after, decision) in [(millis(359_999), "the same"), (millis(360_000), "the same, prolonged")] {
        let now = NOW.plus(after);
        let decided = decide(token(0), &grant, &on(&user(), &confidential()), policy, now);
        assert_eq!(outcome(decided), Ok(decision), "{after:?}");
    }
}

#[test]
fn a_client_that_became_confidential_keeps_its_chain() {
    for (loaded, presented, decision) in [
        (rotated(5, millis(0)), 4, Ok("the successor")),
        (rotated(5, DAY), 5, Ok("the same")),
        (rotated(5, DAY), 4, Err(Refusal::RefreshReused)),
        (rotated(5, DAY), 6, Err(Refusal::RefreshAhead)),
    ] {
        let decided = at(NOW, &confidential(), loaded.clone(), token(presented));
        assert_eq!(outcome(decided), decision, "{presented} against {loaded:?}");
    }
}

#[test]
fn n080_the_first_token_is_for_offline_grants_of_clients_that_may_refresh() {
    let offline = Grant { offline: true, ..grant() };
    let issue = |grant: &Grant, client: &Client, lifetimes: &Lifetimes| {
        first(grant, client, digest(0), MASTER, lifetimes, NOW)
    };
    assert_eq!(issue(&offline, &public(), &lifetimes()), Some(tip(0, None)));
    assert_eq!(issue(&offline, &confidential(), &lifetimes()), Some(tip(0, None)));
    assert_eq!(issue(&grant(), &public(), &lifetimes()), None, "offline_access was not granted");
    assert_eq!(issue(&offline, &client(), &lifetimes()), None, "the client lacks the grant type");
    let short = Lifetimes { refresh_token_absolute: DAY, ..lifetimes() };
    let ends = issue(&offline, &public(), &short).map(|tip| (tip.idle_expires_at, tip.expires_at));
    assert_eq!(ends, Some((NOW.plus(DAY), NOW.plus(DAY))));
}

#[test]
fn n074_scopes_narrow_and_never_widen() {
    let granted = Grant { scope: Scope::parse("openid profile offline_access").unwrap(), ..grant() };
    let less = Client { scope: Scope::parse("openid email").unwrap(), ..public() };
    let text = |client: &Client, asked| scope(&granted, client, asked).map(|scope| scope.as_str().to_owned());
    for (client, asked, decision) in [
        (public(), None, Ok("openid profile offline_access")),
        (public(), Some("profile openid"), Ok("profile openid")),
        (public(), Some("openid email"), Err(Refusal::ScopeWider)),
        (public(), Some("admin"), Err(Refusal::ScopeWider)),
        (public(), Some("openid  profile"), Err(Refusal::ScopeMalformed)),
        // Removed from the client since.
        (less.clone(), None, Ok("openid")),
        (less.clone(), Some("openid profile"), Ok("openid")),
        (less, Some("profile"), Err(Refusal::ScopeEmpty)),
    ] {
        assert_eq!(text(&client, asked), decision.map(str::to_owned), "{asked:?}");
    }
}

#[test]
fn n075_a_resource_may_be_repeated_and_not_chosen() {
    let (api, two) = ("https://api.example", "https://two.example");
    let owner = Client { audiences: vec![api.into(), two.into()], ..public() };
    let asked_for = Grant { resource: Some(two.into()), ..grant() };
    for (grant, client, asked, decision) in [
        (&grant(), &owner, None, Ok(())),
        (&grant(), &owner, Some(api), Ok(())),
        (&grant(), &owner, Some(two), Err(Refusal::ResourceInvalid)),
        (&asked_for, &owner, Some(two), Ok(())),
        (&asked_for, &owner, Some(api), Err(Refusal::ResourceInvalid)),
        (&grant(), &public(), None, Ok(())),
        (&grant(), &public(), Some(api), Err(Refusal::ResourceInvalid)),
    ] {
        assert_eq!(check_resource(grant, client, asked), decision, "{asked:?}");
    }
}

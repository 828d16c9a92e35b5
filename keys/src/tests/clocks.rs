//! N-240: clocks that differ, and clocks that are corrected. Dates from a wrong clock stop no process, and no process
//! signs with a key that verifiers can't know.

use super::*;
use protocol::time::CLOCK_SKEW;
use ring::JWKS_MAX_AGE;
use std::collections::HashMap;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
const AHEAD: [Duration; 4] = [Duration::from_secs(120), HOUR, Duration::from_secs(33 * 24 * 3600), YEAR];

/// A process and its clock.
struct Process {
    keys: Arc<Keys>,
    clock: Arc<FakeClock>,
}

impl Process {
    async fn start(world: &World, now: Timestamp, policy: &KeyPolicy) -> Self {
        let clock = Arc::new(FakeClock::new(now));
        Self { keys: world.open_by(&clock, policy).await, clock }
    }
}

fn seals_and_opens(world: &World, here: &Keys, there: &Keys) -> bool {
    let sealed = here.current().seals().seal(SealKind::Session, b"x", &*world.entropy(), here.clock().now());
    there.current().seals().open(SealKind::Session, &sealed).is_some()
}

/// It signs by each algorithm, and the keys that it publishes verify that.
async fn assert_works(keys: &Keys, what: &str) {
    for alg in &keys.policy().algs {
        let kid = signing(keys, *alg).unwrap_or_else(|| panic!("nothing signs by {alg}: {what}"));
        assert!(published(keys).contains(&kid), "{what}");
    }
    assert_eq!(accepts(keys, &token(keys).await), (true, true), "{what}");
}

#[tokio::test]
async fn n240_a_ring_made_by_a_clock_that_was_ahead_signs_when_the_clock_is_put_right() {
    for ahead in AHEAD {
        let world = World::new();
        world.clock.set(START.plus(ahead));
        let keys = world.open(&policy(TWO)).await;
        let before = token(&keys).await;
        world.clock.set(START);
        // The same process, and one that starts then.
        keys.fresh().await.unwrap();
        let other = world.open(&policy(TWO)).await;
        for keys in [&keys, &other] {
            assert_works(keys, "put back").await;
            assert_eq!(accepts(keys, &before), (true, true), "what was signed before is ours");
        }
        assert!(seals_and_opens(&world, &keys, &other));
        assert!(keys.tick().await.unwrap().misdated, "an alarm");
        assert_eq!(keys.tick().await.unwrap(), Maintained::default(), "which the first round settled");
        assert_eq!(count(&keys, KeyState::Active), 2);
        let mut last = (signing(&keys, TWO[0]), START);
        for _ in 0..100 {
            let now = world.advance(DAY);
            assert!(!keys.tick().await.unwrap().overdue);
            assert_works(&keys, "later").await;
            let signs = signing(&keys, TWO[0]);
            last = if last.0 == signs { last } else { (signs, now) };
            assert!(now.since(last.1) <= 32 * DAY, "it rotates, though dated {ahead:?} ahead");
        }
    }
}

#[tokio::test]
async fn n240_what_was_cleared_away_by_a_clock_ahead_is_replaced_at_once() {
    for ahead in AHEAD {
        let world = World::new();
        let keys = world.open(&policy(TWO)).await;
        world.advance(HOUR);
        let now = world.now();
        world.clock.set(now.plus(ahead));
        keys.tick().await.unwrap();
        keys.tick().await.unwrap();
        world.clock.set(now);
        keys.fresh().await.unwrap();
        assert_works(&keys, "before any round").await;
        assert_works(&*world.open(&policy(TWO)).await, "a process that starts").await;
    }
}

#[tokio::test]
async fn n240_one_process_with_a_wrong_clock_stops_none_of_the_others() {
    let wrong = [
        START.plus(120 * SECOND),
        START.plus(HOUR),
        START.plus(33 * DAY),
        START.plus(YEAR),
        START.minus(120 * SECOND),
        START.minus(HOUR),
        START.minus(YEAR),
        Timestamp::EPOCH,
    ];
    for its_now in wrong {
        let world = World::new();
        world.open(&policy(ES256)).await;
        world.advance(2 * DAY);
        let its_now = its_now.plus(2 * DAY);
        // An algorithm that verifiers are about to learn.
        let right = world.open(&policy(TWO)).await;
        right.tick().await.unwrap();
        let (first, old) = (signing(&right, Algorithm::ES256), token(&right).await);
        let wrong = Process::start(&world, its_now, &policy(TWO)).await;
        for _ in 0..3 {
            // To delete anything, the clock would have to be wrong for longer, from the start of its process.
            wrong.keys.maintain().await.unwrap();
            wrong.clock.advance(MINUTE);
            world.advance(MINUTE);
            right.tick().await.unwrap();
            assert_eq!(signing(&right, Algorithm::ES256), first, "the same key signs: {its_now:?}");
            assert_eq!(accepts(&right, &old), (true, true));
            assert_eq!(accepts(&right, &token(&wrong.keys).await), (true, true));
            assert_eq!(signing(&right, Algorithm::EdDSA), None, "no verifier can know it: {its_now:?}");
        }
        assert!(signing(&wrong.keys, Algorithm::ES256).is_some(), "{its_now:?}");
        assert!(seals_and_opens(&world, &right, &wrong.keys) && seals_and_opens(&world, &wrong.keys, &right));
    }
}

/// A host with the right time and others with wrong ones, for some months. Each maintains the keys, and verifiers cache
/// the JWKS of the right one for its max-age.
async fn months_beside(farthest: Timestamp) {
    let (ahead, behind) = (|by| START.plus(by), |by| START.minus(by));
    let clocks = [START, ahead(120 * SECOND), behind(120 * SECOND), ahead(HOUR), behind(HOUR), farthest];
    let world = World::new();
    let mut processes = Vec::new();
    for now in clocks {
        processes.push(Process::start(&world, now, &policy(ES256)).await);
    }
    let mut first_told: HashMap<String, Timestamp> = HashMap::new();
    let mut signers = std::collections::BTreeSet::new();
    // Three times an hour, which is how often verifiers fetch a copy.
    for round in 0..24 * 3 * 100 {
        let now = world.advance(20 * MINUTE);
        for process in &processes {
            process.clock.advance(20 * MINUTE);
        }
        // Each at its own interval.
        processes[1 + round % (clocks.len() - 1)].keys.tick().await.unwrap();
        let right = &processes[0].keys;
        right.tick().await.unwrap();
        for kid in published(right) {
            first_told.entry(kid).or_insert(now);
        }
        for process in &processes {
            let snapshot = process.keys.fresh().await.unwrap();
            let signer = snapshot.signer(None, process.clock.now()).unwrap();
            let told = first_told.get(signer.kid()).copied().unwrap_or(now);
            assert!(told == START.plus(20 * MINUTE) || now.since(told) >= JWKS_MAX_AGE, "round {round}");
            assert!(published(right).contains(&signer.kid().to_owned()), "round {round}");
            signers.insert(signer.kid().to_owned());
        }
        assert!(signing(right, Algorithm::ES256).is_some());
        assert!(published(right).len() <= 4, "round {round}");
    }
    assert!(
        (3..=6).contains(&signers.len()),
        "a hundred days have three rotations or some more: {signers:?}"
    );
}

#[tokio::test]
async fn n240_months_beside_clocks_two_minutes_an_hour_and_a_year_off_leave_no_token_unverifiable() {
    months_beside(START.minus(YEAR)).await;
}

#[tokio::test]
async fn n240_months_beside_a_clock_that_begins_in_1970_leave_no_token_unverifiable() {
    months_beside(Timestamp::EPOCH).await;
}

#[tokio::test]
async fn n240_a_revocation_by_a_command_with_another_clock_is_in_force_at_once_and_stops_nobody() {
    for its_now in [START.plus(120 * SECOND), START.plus(HOUR), START.minus(120 * SECOND), START.minus(HOUR)]
    {
        let world = World::new();
        let server = world.open(&policy(TWO)).await;
        world.advance(2 * HOUR);
        server.tick().await.unwrap();
        let command = Process::start(&world, its_now.plus(2 * HOUR), &policy(TWO)).await;
        let leaked = signing(&server, TWO[1]).unwrap();
        command.keys.revoke(&leaked, false).await.unwrap();
        server.refresh().await.unwrap();
        assert_works(&server, "its successor signs").await;
        assert_ne!(signing(&server, TWO[1]), Some(leaked.clone()));
        // And again, before the next one had its lead.
        world.advance(HOUR);
        command.clock.advance(HOUR);
        let second = signing(&server, TWO[1]).unwrap();
        command.keys.revoke(&second, false).await.unwrap();
        server.refresh().await.unwrap();
        assert_works(&server, "of two algorithms each").await;
        assert!(!published(&server).iter().any(|kid| [&leaked, &second].contains(&kid)));
    }
}

#[tokio::test]
async fn n240_a_rotation_by_a_command_with_another_clock_leaves_what_signs() {
    for its_now in [START.plus(HOUR), START.minus(HOUR)] {
        for how in [RotateWhen::Scheduled, RotateWhen::Now { force: false }] {
            let world = World::new();
            let server = world.open(&policy(TWO)).await;
            world.advance(2 * HOUR);
            let command = Process::start(&world, its_now.plus(2 * HOUR), &policy(TWO)).await;
            let (first, old) = (signing(&server, TWO[0]), token(&server).await);
            command.keys.rotate(how).await.unwrap();
            for _ in 0..30 {
                server.tick().await.unwrap();
                assert_works(&server, "throughout").await;
                assert_eq!(accepts(&server, &old), (true, true));
                world.advance(HOUR);
            }
            assert_ne!(signing(&server, TWO[0]), first);
        }
    }
}

#[tokio::test]
async fn n240_a_command_with_another_clock_waits_until_verifiers_know_the_successor() {
    let world = World::new();
    Process::start(&world, START.minus(CLOCK_SKEW), &policy(ES256)).await;
    let command = Process::start(&world, START.plus(CLOCK_SKEW), &policy(ES256)).await;
    let rotate = async |at: Timestamp| {
        command.clock.set(at.plus(CLOCK_SKEW));
        command.keys.rotate(RotateWhen::Now { force: false }).await
    };
    let known = START.plus(REFRESH_AFTER).plus(JWKS_MAX_AGE);
    let too_young = RingRefusal::TooYoung { alg: Algorithm::ES256, wait_seconds: 1 };
    assert_eq!(refusal(rotate(known.minus(MILLISECOND)).await), too_young);
    assert!(rotate(known).await.is_ok());
}

#[tokio::test]
async fn n240_commands_work_on_a_ring_that_is_dated_ahead() {
    let made_ahead = async || {
        let world = World::new();
        world.clock.set(START.plus(YEAR));
        world.open(&policy(TWO)).await;
        world.clock.set(START);
        let keys = world.open(&policy(TWO)).await;
        (world, keys)
    };
    let (_world, keys) = made_ahead().await;
    let first = signing(&keys, TWO[0]);
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    assert_works(&keys, "rotated").await;
    assert_ne!(signing(&keys, TWO[0]), first);
    let (_world, keys) = made_ahead().await;
    let first = signing(&keys, TWO[0]).unwrap();
    keys.revoke(&first, false).await.unwrap();
    assert_works(&keys, "revoked").await;
    assert!(!published(&keys).contains(&first));
    let (world, keys) = made_ahead().await;
    let first = signing(&keys, TWO[0]);
    keys.rotate(RotateWhen::Scheduled).await.unwrap();
    assert_eq!(signing(&keys, TWO[0]), first);
    world.advance(DAY);
    keys.tick().await.unwrap();
    assert_ne!(signing(&keys, TWO[0]), first);
    assert_works(&keys, "rotated in time").await;
}

#[tokio::test]
async fn n240_a_command_dates_again_what_is_dated_ahead() {
    for (made_ahead, rotated_ahead) in [(true, false), (false, true), (true, true)] {
        let world = World::new();
        world.clock.set(if made_ahead { START.plus(YEAR) } else { START });
        let keys = world.open(&policy(TWO)).await;
        if rotated_ahead {
            world.clock.set(START.plus(2 * YEAR));
            keys.tick().await.unwrap();
        }
        let now = START.plus(HOUR);
        world.clock.set(now);
        keys.refresh().await.unwrap();
        keys.end_all().await.unwrap();
        let ring = world.stored().await.1;
        assert!(ring.keys.iter().all(|key| key.publish_at <= now && key.sign_from <= now.plus(30 * DAY)));
        assert!(ring.masters.iter().all(|master| master.seal_from <= now.plus(MASTER_LEAD)));
        for alg in TWO {
            assert!(ring.active(*alg, now).is_some() && ring.pending(*alg, now).is_some());
        }
        assert_works(&keys, "at once").await;
        assert_eq!(keys.tick().await.unwrap(), Maintained::default(), "nothing is left to do");
    }
}

#[tokio::test]
async fn n240_a_new_master_waits_for_every_process_also_beside_one_that_is_dated_ahead() {
    let world = World::new();
    world.clock.set(START.plus(YEAR));
    world.open(&policy(ES256)).await;
    world.clock.set(START);
    let (here, there) = (world.open(&policy(ES256)).await, world.open(&policy(ES256)).await);
    here.rotate(RotateWhen::Now { force: true }).await.unwrap();
    assert!(seals_and_opens(&world, &here, &there), "the other has yet to read the ring");
    world.advance(MASTER_LEAD);
    there.fresh().await.unwrap();
    assert_eq!(here.current().seals().current_master(world.now()), 2);
    assert!(seals_and_opens(&world, &here, &there) && seals_and_opens(&world, &there, &here));
}

#[tokio::test]
async fn n240_no_clock_makes_a_revocation_forgotten() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    let leaked = signing(&keys, Algorithm::ES256).unwrap();
    keys.revoke(&leaked, true).await.unwrap();
    for at in [START.plus(2 * YEAR), START, START.plus(HOUR)] {
        world.clock.set(at);
        keys.tick().await.unwrap();
        assert!(world.stored().await.1.revoked.iter().any(|revoked| revoked.kid == leaked));
    }
}

//! Keys are unwrapped in the background: a custody that hangs or refuses holds up nothing that needs no new key.

use super::*;
use crate::tap::{Observer, observed};
use crate::unwrapping::FIRST_PAUSE;
use std::future::pending;
use std::sync::atomic::AtomicBool;
use tokio::time::{Instant, sleep, timeout};

/// How a custody that is away behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Away {
    Refuses,
    IsBusy,
    Hangs,
}

/// A custody that can be away, and what is asked of it.
struct Remote {
    away: AtomicBool,
    how: Away,
    signers: AtomicU64,
    masters: AtomicU64,
}

impl Remote {
    fn new(how: Away) -> Arc<Self> {
        let (signers, masters) = Default::default();
        Arc::new(Self { away: AtomicBool::new(false), how, signers, masters })
    }

    fn custody(self: &Arc<Self>, world: &World) -> Custody {
        observed(world.custody(), self)
    }

    fn is_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// How many calls there were since the last look: for signing keys and for masters.
    fn calls(&self) -> (u64, u64) {
        (self.signers.swap(0, Ordering::SeqCst), self.masters.swap(0, Ordering::SeqCst))
    }

    async fn call(&self) -> Result<(), SignError> {
        match self.how {
            _ if !self.away.load(Ordering::SeqCst) => Ok(()),
            Away::Refuses => Err(SignError::bare(SignErrorKind::Denied, "asking a custody that refuses")),
            Away::IsBusy => Err(SignError::bare(SignErrorKind::Busy, "asking a custody that is busy")),
            Away::Hangs => pending().await,
        }
    }
}

#[async_trait::async_trait]
impl Observer for Remote {
    async fn before_signer(&self, _: &RingKey) -> Result<(), SignError> {
        self.signers.fetch_add(1, Ordering::SeqCst);
        self.call().await
    }

    async fn before_masters(&self, _: usize) -> Result<(), SignError> {
        self.masters.fetch_add(1, Ordering::SeqCst);
        self.call().await
    }
}

/// A process with this custody, and another whose custody is always there.
async fn two(world: &World, remote: &Arc<Remote>) -> (Arc<Keys>, Arc<Keys>) {
    let there = world.open(&policy(ES256)).await;
    let here = world.try_open(remote.custody(world), &policy(ES256), false).await.unwrap();
    remote.calls();
    (here, there)
}

/// The calls that a request makes when so many seconds have passed; until then, requests make none.
async fn calls_after(pause: u32, world: &World, here: &Keys, remote: &Remote) -> (u64, u64) {
    world.advance(pause * SECOND - MILLISECOND);
    here.distrust();
    here.fresh().await.map(drop).or_else(is_locked).unwrap();
    assert_eq!(remote.calls(), (0, 0), "before {pause} s");
    world.advance(MILLISECOND);
    here.distrust();
    here.fresh().await.map(drop).or_else(is_locked).unwrap();
    remote.calls()
}

async fn time<T>(call: impl Future<Output = T>) -> (T, Duration) {
    let begun = Instant::now();
    (call.await, begun.elapsed())
}

#[tokio::test]
async fn what_another_process_sealed_is_never_refused_because_a_master_is_missing() {
    let world = World::new();
    let remote = Remote::new(Away::Refuses);
    let (here, there) = two(&world, &remote).await;
    remote.is_away(true);
    world.advance(HOUR);
    there.rotate(RotateWhen::Now { force: false }).await.unwrap();
    here.read_now().await.unwrap();
    let entropy = world.entropy();
    let sealed = |kind| there.current().seals().seal_with(2, kind, b"text", &*entropy).unwrap();
    for (passed, is_used) in
        [(Duration::ZERO, false), (MASTER_LEAD - MILLISECOND, false), (MILLISECOND, true)]
    {
        world.advance(passed);
        let snapshot = here.current();
        for kind in SealKind::ALL {
            assert!(matches!(snapshot.open(kind, &sealed(kind)), Err(KeysError::Locked(_))), "{kind:?}");
        }
        let purpose = crate::seal::Purpose::Csrf;
        assert!(matches!(snapshot.derive(2, purpose, &[b"form"]), Err(KeysError::Locked(_))));
        assert!(
            snapshot.open(SealKind::Code, b"").unwrap().is_none(),
            "what names no master of the ring is refused"
        );
        assert!(snapshot.open(SealKind::Code, &[1, 0, 3, 0, 0]).unwrap().is_none());
        // From the instant at which it seals, not from the next reading on.
        assert_eq!(matches!(here.fresh().await, Err(KeysError::Locked(_))), is_used);
    }
    remote.is_away(false);
    world.advance(MINUTE);
    let opened = here.fresh().await.unwrap().open(SealKind::Code, &sealed(SealKind::Code)).unwrap();
    assert_eq!(*opened.unwrap().plaintext, b"text");
}

#[tokio::test]
async fn a_custody_that_hangs_delays_neither_a_running_process_nor_the_public_keys() {
    let world = World::new();
    let remote = Remote::new(Away::Hangs);
    let (here, there) = two(&world, &remote).await;
    remote.is_away(true);
    world.advance(HOUR);
    there.rotate(RotateWhen::Now { force: false }).await.unwrap();
    let quickly = Duration::from_millis(500);
    for _ in 0..5 {
        // As when another process writes all the time.
        here.distrust();
        let (used, took) = time(async {
            let ring = here.fresh().await.unwrap();
            here.signer(&ring, None, world.now()).await.unwrap();
            here.published().await.unwrap().version()
        })
        .await;
        assert_eq!(used, 2, "the new ring is used at once");
        assert!(took < quickly, "{took:?}");
    }
    assert_eq!(remote.calls(), (1, 1), "one round, however many callers");
    // Without a predecessor that may sign, callers wait for a second.
    let known: Vec<_> = world.stored().await.1.keys.iter().map(|key| key.kid.clone()).collect();
    for kid in &known {
        there.revoke(kid, true).await.unwrap();
    }
    here.distrust();
    let ring = here.fresh().await.unwrap();
    let (signer, took) = time(here.signer(&ring, None, world.now())).await;
    assert!(took < 2 * SECOND, "{took:?}");
    assert!(signer.is_err());
    assert!(published(&here).iter().all(|kid| !known.contains(kid)));
}

#[tokio::test]
async fn a_cold_start_waits_five_seconds_for_a_custody_that_hangs_and_then_serves_the_public_keys() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let remote = Remote::new(Away::Hangs);
    remote.is_away(true);
    let (keys, took) = time(world.try_open(remote.custody(&world), &policy(ES256), false)).await;
    let keys = keys.unwrap();
    assert!(took < 7 * SECOND, "{took:?}");
    let (jwks, took) = time(keys.published()).await;
    assert!(took < SECOND && jwks.unwrap().version() == 1, "{took:?}");
    let waiting = (0..20).map(|_| {
        let keys = Arc::clone(&keys);
        tokio::spawn(async move { keys.fresh().await.is_err() })
    });
    let (locked, took) = time(futures_util::future::join_all(waiting.collect::<Vec<_>>())).await;
    assert!(locked.into_iter().all(|locked| locked.unwrap()));
    assert!(took < 2 * SECOND, "none waits for another: {took:?}");
    assert_eq!(remote.calls(), (1, 1));
}

#[tokio::test]
async fn what_is_missing_is_tried_again_without_a_caller_and_less_and_less_often() {
    let world = World::new();
    world.open(&policy(ES256)).await;
    let remote = Remote::new(Away::Refuses);
    let (_, ring) = world.stored().await;
    let active = ring.active(Algorithm::ES256, START).unwrap();
    let custodian = Arc::new(Custodian::new(&world));
    custodian.lock(&active.kid);
    let cold = world.try_open(custodian.custody(), &policy(ES256), false).await.unwrap();
    assert_eq!(signing(&cold, Algorithm::ES256), None);
    custodian.unlock();
    let recovered = async {
        while signing(&cold, Algorithm::ES256).is_none() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(3 * FIRST_PAUSE, recovered).await.is_ok(), "a second later");

    let (here, there) = two(&world, &remote).await;
    remote.is_away(true);
    there.rotate(RotateWhen::Now { force: true }).await.unwrap();
    for _ in 0..30 {
        // By the clock hardly any time passes.
        here.distrust();
        here.fresh().await.unwrap();
    }
    assert_eq!(remote.calls(), (1, 1));
    // Where no timer runs, requests notice by the clock that it is time.
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(calls_after(pause, &world, &here, &remote).await, (1, 1), "after {pause} s");
    }
}

#[tokio::test]
async fn during_a_long_outage_one_call_every_five_seconds_notices_its_end() {
    let world = World::new();
    let remote = Remote::new(Away::IsBusy);
    let (here, there) = two(&world, &remote).await;
    remote.is_away(true);
    there.rotate(RotateWhen::Now { force: true }).await.unwrap();
    let next = async |pause| calls_after(pause, &world, &here, &remote).await;
    here.distrust();
    here.fresh().await.unwrap();
    assert_eq!(remote.calls(), (1, 1));
    for pause in [1, 2, 4] {
        assert_eq!(next(pause).await, (1, 1), "{pause}");
    }
    for _ in 0..3 {
        let mut probes = (0, 0);
        for _ in 0..5 {
            let (signers, masters) = next(5).await;
            assert_eq!(signers + masters, 1);
            probes = (probes.0 + signers, probes.1 + masters);
        }
        assert!(probes.0 >= 2 && probes.1 >= 2, "each in turn: {probes:?}");
        assert_eq!(next(5).await, (1, 1), "twice a minute, everything");
    }
    // What answers again has everything at once.
    remote.is_away(false);
    let (signers, masters) = next(5).await;
    let has_all = async {
        while !here.current().seals().has(2)
            || signing(&here, Algorithm::ES256) != signing(&there, Algorithm::ES256)
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(FIRST_PAUSE, has_all).await.is_ok());
    let rest = remote.calls();
    assert_eq!((signers + rest.0, masters + rest.1), (1, 1));
}

fn is_locked(error: KeysError) -> Result<(), KeysError> {
    if matches!(error, KeysError::Locked(_)) { Ok(()) } else { Err(error) }
}

#[tokio::test]
async fn a_damaged_master_stops_no_start_while_another_can_seal_and_is_named_when_none_can() {
    let world = World::new();
    let keys = world.open(&policy(ES256)).await;
    world.advance(HOUR);
    keys.rotate(RotateWhen::Now { force: false }).await.unwrap();
    let (_, mut ring) = world.stored().await;
    ring.masters[1].wrapped.replace_range(20..24, "AAAA");
    world.put(RingDocument::Ring, &ring.to_text().unwrap()).await;
    for passed in [Duration::ZERO, MASTER_LEAD] {
        world.advance(passed);
        let cold = world.open(&policy(ES256)).await;
        assert_eq!(cold.fresh().await.unwrap().seals().current_master(world.now()), 1);
        let running = keys.refresh().await.unwrap();
        assert!(running.seals().has(2), "what was unwrapped before is used as it was");
        let sealed = running.seals().seal_with(2, SealKind::Session, b"text", &*world.entropy()).unwrap();
        assert!(matches!(cold.current().open(SealKind::Session, &sealed), Err(KeysError::Locked(_))));
    }
    ring.masters[0].wrapped.replace_range(20..24, "AAAA");
    world.put(RingDocument::Ring, &ring.to_text().unwrap()).await;
    let error = world.try_open(world.custody(), &policy(ES256), false).await.err().unwrap();
    assert!(error.to_string().contains("sealing master 1"), "{error}");
}

//! Rotations under load. Verifiers cache the JWKS for its max-age and fetch it from any of several processes, each with
//! its own copy of the ring; every token must be verifiable at all times.

use super::*;
use ring::JWKS_MAX_AGE;
use std::collections::{HashMap, HashSet};

const PROCESSES: usize = 3;
const VERIFIERS: usize = 6;

/// Seeded random numbers.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        (u64::from_be_bytes(entropy::bytes(&self.0)) % bound as u64) as usize
    }

    /// From a millisecond to `most`.
    fn within(&self, most: Duration) -> Duration {
        Duration::from_millis(1 + self.below(most.as_millis() as usize) as u64)
    }
}

/// An API with its copy of the JWKS: the ids of the keys, which are their thumbprints (asserted when they are fetched), so
/// an API that knows the id can verify.
struct Verifier {
    holds_until: Timestamp,
    kids: HashSet<String>,
}

struct Load {
    world: World,
    dice: Dice,
    processes: Vec<Arc<Keys>>,
    verifiers: Vec<Verifier>,
    /// Whether `--now` gets `--force`.
    force: bool,
    /// How long tokens live.
    lifetime: Duration,
    /// Until when tokens of a key live.
    live: HashMap<String, Timestamp>,
    issued: u32,
    rotations: u32,
    unverifiable: u32,
}

impl Load {
    async fn new(policy: &KeyPolicy, lifetime: Duration) -> Self {
        let (world, dice) = (World::new(), Dice(SeededEntropy::new(9)));
        let mut processes = Vec::new();
        for _ in 0..PROCESSES {
            // Without old masters, which don't matter here, the ring stays small and the test quick.
            let policy = KeyPolicy { seal_retention: DAY, ..policy.clone() };
            processes.push(world.open(&policy).await);
            // Each reads the ring at its own phase of the minute.
            world.advance(dice.within(MINUTE));
        }
        let nothing = || Verifier { holds_until: START, kids: HashSet::new() };
        let verifiers = (0..VERIFIERS).map(|_| nothing()).collect();
        let (force, issued, rotations, unverifiable) = (false, 0, 0, 0);
        Self {
            world,
            dice,
            processes,
            verifiers,
            force,
            lifetime,
            live: HashMap::new(),
            issued,
            rotations,
            unverifiable,
        }
    }

    fn algs(&self) -> &[Algorithm] {
        &self.processes[0].policy().algs
    }

    fn any(&self) -> Arc<Keys> {
        Arc::clone(&self.processes[self.dice.below(PROCESSES)])
    }

    /// Lets time pass to `end`. At intervals of at most `gap` a token is issued and all valid ones are verified.
    async fn run(&mut self, end: Timestamp, gap: Duration) {
        while self.world.now() < end {
            let (now, next) = (self.world.now(), self.world.now().plus(self.dice.within(gap)));
            // No token's last moment is missed.
            let last = self.live.values().map(|expiry| expiry.minus(MILLISECOND));
            let last = last.filter(|last| *last > now).min().unwrap_or(end);
            self.world.clock.set(next.min(last).min(end));
            self.issue().await;
            self.verify_all().await;
        }
    }

    /// A random process signs a token, and a random one accepts it.
    async fn issue(&mut self) {
        let (signs, checks, now) = (self.any(), self.any(), self.world.now());
        let alg = self.algs()[self.dice.below(self.algs().len())];
        let snapshot = signs.fresh().await.unwrap();
        let signer = snapshot.signer(Some(alg), now).unwrap();
        let text = signed_by(&**signer, &serde_json::json!({ "iat": now.seconds() })).await;
        let is_ours = checks.fresh().await.unwrap().verify(&Compact::parse(&text).unwrap(), now);
        self.unverifiable += u32::from(!is_ours);
        self.live.insert(signer.kid().to_owned(), now.plus(self.lifetime));
        self.issued += 1;
    }

    /// Every verifier checks a token of every key, with the copy it has unless that is too old.
    async fn verify_all(&mut self) {
        let now = self.world.now();
        self.live.retain(|_, expiry| !expiry.has_passed(now));
        for at in 0..VERIFIERS {
            if self.verifiers[at].holds_until.has_passed(now) {
                self.verifiers[at] = self.fetched().await;
            }
            let kids = &self.verifiers[at].kids;
            self.unverifiable += self.live.keys().filter(|kid| !kids.contains(*kid)).count() as u32;
        }
    }

    /// The answer of the endpoint, from a random process.
    async fn fetched(&self) -> Verifier {
        let (process, now) = (self.any(), self.world.now());
        let body = process.fresh().await.unwrap().jwks(now).body;
        let jwks: JwkSet = serde_json::from_slice(&body).unwrap();
        assert!(jwks.keys.iter().all(|key| key.kid == key.material.thumbprint()));
        Verifier {
            holds_until: now.plus(JWKS_MAX_AGE),
            kids: jwks.keys.into_iter().map(|key| key.kid).collect(),
        }
    }

    /// Rotates, by time or by command, until the given number of rotations.
    async fn rotate(&mut self, times: u32) {
        let mut last = self.active().await;
        while self.rotations < times {
            match self.dice.below(4) {
                0 => self.rotate_by_time().await,
                1 => self.rotate_by_schedule().await,
                _ => self.rotate_now().await,
            }
            let active = self.active().await;
            self.rotations += u32::from(active != last);
            last = active;
        }
    }

    async fn active(&self) -> String {
        let (_, ring) = self.world.stored().await;
        ring.active(self.algs()[0], self.world.now()).unwrap().kid.clone()
    }

    async fn rotate_by_time(&mut self) {
        let (_, ring) = self.world.stored().await;
        let ahead = ring.keys.iter().map(|key| key.sign_from).filter(|from| *from > self.world.now());
        match ahead.min() {
            Some(from) => self.run_across(from).await,
            None => self.run_to_removal().await,
        }
    }

    async fn rotate_by_schedule(&mut self) {
        let report = self.command(RotateWhen::Scheduled).await;
        self.run_across(report.signs_from).await;
    }

    async fn rotate_now(&mut self) {
        self.command(RotateWhen::Now { force: self.force }).await;
        self.run(self.world.now().plus(2 * MINUTE), 20 * SECOND).await;
    }

    /// A command of an operator who waits exactly as long as the refusal says.
    async fn command(&mut self, how: RotateWhen) -> ChangeReport {
        loop {
            match self.any().rotate(how).await {
                Ok(report) => {
                    self.restart_some();
                    return report;
                }
                Err(KeysError::Refused(RingRefusal::TooYoung { alg, wait_seconds })) => {
                    self.tick_all().await;
                    match self.world.stored().await.1.pending(alg, self.world.now()) {
                        Some(_) => {
                            self.run(self.world.now().plus(wait_seconds as u32 * SECOND), 2 * MINUTE).await
                        }
                        // Nine are published, so there is no successor yet.
                        None => self.run_to_removal().await,
                    }
                }
                Err(KeysError::Refused(RingRefusal::TooManyKeys)) => self.run_to_removal().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Advances to an instant at which a key changes its state, and until every process has noticed.
    async fn run_across(&mut self, instant: Timestamp) {
        self.run(instant.minus(MINUTE), 2 * DAY).await;
        self.run(instant.plus(MINUTE), 20 * SECOND).await;
        self.tick_all().await;
        self.run(self.world.now().plus(MINUTE), 20 * SECOND).await;
    }

    /// The worst cases for a verifier: its next copy is one of the last before a change, or the first after it.
    fn restart_some(&mut self) {
        let now = self.world.now();
        for at in 0..VERIFIERS / 2 {
            self.verifiers[at].holds_until = now.plus(self.dice.within(MINUTE));
        }
    }

    async fn run_to_removal(&mut self) {
        let (_, ring) = self.world.stored().await;
        let removal = ring.keys.iter().filter_map(|key| key.remove_at).min();
        self.run_across(removal.unwrap()).await;
    }

    /// The background task of every minute.
    async fn tick_all(&self) {
        for process in &self.processes {
            process.tick().await.unwrap();
        }
    }
}

#[tokio::test]
async fn six_hundred_rotations_leave_no_token_unverifiable() {
    // The longest-lived tokens that the settings allow with a retirement of two days.
    let mut load = Load::new(&policy(ES256), DAY).await;
    load.rotate(600).await;
    assert!(load.issued > 10_000, "{} is no load", load.issued);
    assert_eq!(load.unverifiable, 0);
}

#[tokio::test]
async fn rotations_of_two_algorithms_leave_no_token_unverifiable() {
    let mut load = Load::new(&policy(TWO), DAY).await;
    load.rotate(60).await;
    assert_eq!(load.unverifiable, 0);
}

#[tokio::test]
async fn the_same_load_notices_what_the_rules_prevent() {
    let unsafe_ones = [
        ("a successor that signs at once", KeyPolicy { publish_lead: SECOND, ..policy(ES256) }, false, DAY),
        ("--now without waiting", policy(ES256), true, DAY),
        ("--now as on loopback", loopback(ES256), false, DAY),
        ("tokens that outlive their key", policy(ES256), false, 2 * DAY + HOUR),
    ];
    for (what, policy, force, lifetime) in unsafe_ones {
        let mut load = Load { force, ..Load::new(&policy, lifetime).await };
        load.rotate(12).await;
        assert!(load.unverifiable > 0, "{what}");
    }
}

//! Rotations under load, in each custody. Tokens are issued all the time by three processes; verifiers cache the JWKS for
//! its max-age and fetch it from any of these processes. Every process has a copy of the ring of its own, and its clock
//! differs from the verifiers'. Every token must be verifiable for its whole life.

use super::kms_world::{Cloud, Place};
use super::*;
use crate::kms::Mode;
use guard::PublicKey;
use protocol::time::CLOCK_SKEW;
use ring::JWKS_MAX_AGE;
use std::collections::HashMap;

/// How far the clocks of the processes are ahead of the right one, in seconds.
const CLOCKS: [i64; 3] = [0, 60, -60];
const VERIFIERS: usize = 6;
/// The longest time without a new token while something may go wrong.
const SHORT: Duration = Duration::from_secs(60);

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

/// A clock that differs from the world's.
#[derive(Clone)]
struct OtherClock {
    right: Arc<FakeClock>,
    ahead: i64,
}

impl Clock for OtherClock {
    fn now(&self) -> Timestamp {
        let (now, by) = (self.right.now(), Duration::from_secs(self.ahead.unsigned_abs()));
        if self.ahead < 0 { now.minus(by) } else { now.plus(by) }
    }
}

/// By their ids.
type PublicKeys = HashMap<String, PublicKey>;

/// An API with its copy of the JWKS, and the right clock.
struct Verifier {
    holds_until: Timestamp,
    keys: Arc<PublicKeys>,
}

/// What is simulated.
struct Setup {
    /// Of the master key file, if there is one.
    _folder: TempDir,
    place: Place,
    policy: KeyPolicy,
    /// Whether the keys are rotated by programs of their own, and the processes that sign can make none; otherwise these
    /// rotate.
    separate: bool,
    /// Whether `--now` gets `--force`.
    force: bool,
    /// How long tokens live.
    lifetime: Duration,
    /// At how many of the instants a token is issued, on average: at all, at one in two…
    one_in: usize,
}

impl Setup {
    fn local(policy: KeyPolicy) -> Self {
        let folder = TempDir::new().unwrap();
        let place = Place::File(folder.path().join("master.key"));
        // The longest-lived tokens that the settings allow with a retirement of two days.
        Self { _folder: folder, place, policy, separate: false, force: false, lifetime: DAY, one_in: 1 }
    }

    async fn kms(mode: Mode, policy: KeyPolicy) -> Self {
        let cloud = Cloud::local();
        let key = cloud.key().await;
        // A signature by KMS takes longest.
        let one_in = if mode == Mode::Sign { 2 } else { 1 };
        Self { place: Place::Kms(cloud, mode, key), separate: true, one_in, ..Self::local(policy) }
    }
}

struct Load {
    setup: Setup,
    world: World,
    dice: Dice,
    processes: Vec<Arc<Keys>>,
    rotators: Vec<Rotator>,
    verifiers: Vec<Verifier>,
    /// Each JWKS that was fetched, by its entity tag.
    parsed: HashMap<String, Arc<PublicKeys>>,
    /// Until when tokens of a key live.
    live: HashMap<String, Timestamp>,
    issued: u32,
    rotations: u32,
    unverifiable: u32,
}

impl Load {
    async fn new(mut setup: Setup) -> Self {
        // Without old masters, which don't matter here, the ring stays small and the test quick.
        setup.policy.seal_retention = DAY;
        let nothing = || Verifier { holds_until: START, keys: Arc::default() };
        let mut load = Self {
            setup,
            world: World::new(),
            dice: Dice(SeededEntropy::new(9)),
            processes: Vec::new(),
            rotators: Vec::new(),
            verifiers: (0..VERIFIERS).map(|_| nothing()).collect(),
            parsed: HashMap::new(),
            live: HashMap::new(),
            issued: 0,
            rotations: 0,
            unverifiable: 0,
        };
        if load.setup.separate {
            let rotator = |ahead| {
                load.world.rotator_by(load.clock(ahead), load.setup.place.custody(), &load.setup.policy)
            };
            load.rotators = CLOCKS.map(rotator).into();
            load.rotators[0].run().await.unwrap();
        }
        for at in 0..CLOCKS.len() {
            load.processes.push(load.start(at).await);
            // Each reads the ring at its own phase of the minute.
            load.world.advance(load.dice.within(MINUTE));
        }
        load
    }

    fn clock(&self, ahead: i64) -> Arc<dyn Clock> {
        Arc::new(OtherClock { right: Arc::clone(&self.world.clock), ahead })
    }

    /// Starts the process of this number.
    async fn start(&self, at: usize) -> Arc<Keys> {
        let (setup, mut custody) = (&self.setup, self.setup.place.custody());
        if setup.separate {
            custody.maker = None;
        }
        let clock = self.clock(CLOCKS[at]);
        self.world.try_open_by(clock, custody, &setup.policy, !setup.separate).await.unwrap()
    }

    fn algs(&self) -> &[Algorithm] {
        &self.setup.policy.algs
    }

    fn any(&self) -> &Keys {
        &self.processes[self.dice.below(CLOCKS.len())]
    }

    /// Lets time pass to `end`. At intervals of at most `gap` a token is issued and all valid ones are verified.
    async fn run(&mut self, end: Timestamp, gap: Duration) {
        while self.world.now() < end {
            let (now, next) = (self.world.now(), self.world.now().plus(self.dice.within(gap)));
            // No token's last moment is missed.
            let last = self.live.values().map(|expiry| expiry.minus(MILLISECOND));
            let last = last.filter(|last| *last > now).min().unwrap_or(end);
            self.world.clock.set(next.min(last).min(end));
            self.refetch().await;
            if self.dice.below(self.setup.one_in) == 0 {
                self.issue().await;
            }
            self.verify_all();
        }
    }

    /// A random process signs a token; a random one accepts it, and so does a random verifier.
    async fn issue(&mut self) {
        let (signs, checks) = (self.any(), self.any());
        let (alg, now) = (self.algs()[self.dice.below(self.algs().len())], signs.clock().now());
        let snapshot = signs.fresh().await.unwrap();
        let signer = signs.signer(&snapshot, Some(alg), now).await.unwrap();
        let text = signed_by(&*signer, &serde_json::json!({ "iat": now.seconds() })).await;
        let token = Compact::parse(&text).unwrap();
        let is_ours = checks.fresh().await.unwrap().verify(&token, checks.clock().now());
        let verifier = &self.verifiers[self.dice.below(VERIFIERS)].keys;
        let verifies = verifier.get(signer.kid()).is_some_and(|key| key.verify(&token));
        // Verifiers tolerate that the issuer's clock is ahead or behind.
        let end = now.plus(self.setup.lifetime).plus(CLOCK_SKEW);
        let kid = signer.kid().to_owned();
        self.unverifiable += u32::from(!is_ours) + u32::from(!verifies);
        self.live.entry(kid).and_modify(|expiry| *expiry = end.max(*expiry)).or_insert(end);
        self.issued += 1;
    }

    /// Verifiers replace copies that are too old, and no others.
    async fn refetch(&mut self) {
        for at in 0..VERIFIERS {
            if self.verifiers[at].holds_until.has_passed(self.world.now()) {
                self.verifiers[at] = self.fetched().await;
            }
        }
    }

    /// Every verifier needs the key of every token that is valid.
    fn verify_all(&mut self) {
        let now = self.world.now();
        self.live.retain(|_, expiry| !expiry.has_passed(now));
        for Verifier { keys, .. } in &self.verifiers {
            self.unverifiable += self.live.keys().filter(|kid| !keys.contains_key(*kid)).count() as u32;
        }
    }

    /// The answer of the endpoint, from a random process.
    async fn fetched(&mut self) -> Verifier {
        let process = self.any();
        let jwks = process.fresh().await.unwrap().jwks(process.clock().now());
        let keys = self.parsed.entry(jwks.etag).or_insert_with(|| Arc::new(parse(&jwks.body)));
        Verifier { holds_until: self.world.now().plus(JWKS_MAX_AGE), keys: Arc::clone(keys) }
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
        let signs = ring.in_charge(self.algs()[0], self.setup.policy.publish_lead, self.world.now());
        signs.unwrap().kid.clone()
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
        self.command(RotateWhen::Now { force: self.setup.force }).await;
        self.run(self.world.now().plus(MINUTE), SHORT / 3).await;
        self.run(self.world.now().plus(MINUTE), SHORT).await;
    }

    /// A command of an operator who waits exactly as long as the refusal says.
    async fn command(&mut self, how: RotateWhen) -> ChangeReport {
        loop {
            match self.try_command(how).await {
                Ok(report) => {
                    self.restart_some().await;
                    return report;
                }
                Err(KeysError::Refused(RingRefusal::TooYoung { alg, wait_seconds })) => {
                    self.tick_all().await;
                    match self.world.stored().await.1.pending(alg, self.world.now()) {
                        Some(_) => {
                            self.run(self.world.now().plus(wait_seconds as u32 * SECOND), 5 * MINUTE).await
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

    /// On one host or another.
    async fn try_command(&self, how: RotateWhen) -> Result<ChangeReport, KeysError> {
        match self.rotators.as_slice() {
            [] => self.any().rotate(how).await,
            rotators => rotators[self.dice.below(rotators.len())].rotate(how).await,
        }
    }

    /// Advances to an instant at which a key changes its state, and until every process has noticed.
    async fn run_across(&mut self, instant: Timestamp) {
        self.run(instant.minus(2 * MINUTE), 2 * DAY).await;
        self.run(instant.plus(2 * MINUTE), SHORT).await;
        self.tick_all().await;
        self.run(self.world.now().plus(MINUTE), SHORT).await;
    }

    /// The worst cases for a verifier: its next copy is one of the last before a change, or the first after it. And from
    /// time to time a process is a new one, which has unwrapped only what it needed at its start.
    async fn restart_some(&mut self) {
        let now = self.world.now();
        for at in 0..VERIFIERS / 2 {
            self.verifiers[at].holds_until = now.plus(self.dice.within(MINUTE));
        }
        let at = self.dice.below(4 * CLOCKS.len());
        if at < CLOCKS.len() {
            self.processes[at] = self.start(at).await;
        }
    }

    async fn run_to_removal(&mut self) {
        let (_, ring) = self.world.stored().await;
        let removal = ring.keys.iter().filter_map(|key| key.remove_at).min();
        self.run_across(removal.unwrap()).await;
    }

    /// The background task of every minute; and the schedule, where programs of their own rotate.
    async fn tick_all(&self) {
        if !self.rotators.is_empty() {
            self.rotators[self.dice.below(self.rotators.len())].run().await.unwrap();
        }
        for process in &self.processes {
            process.tick().await.unwrap();
        }
    }
}

fn parse(jwks: &[u8]) -> PublicKeys {
    let jwks: JwkSet = serde_json::from_slice(jwks).unwrap();
    // A verifier that knows the id has the key.
    assert!(jwks.keys.iter().all(|key| key.kid == key.material.thumbprint()));
    jwks.keys.iter().map(|key| (key.kid.clone(), PublicKey::parse(key).unwrap())).collect()
}

async fn six_hundred_rotations(setup: Setup) {
    let mut load = Load::new(setup).await;
    load.rotate(600).await;
    assert!(load.rotations >= 600);
    assert!(load.issued > 5_000, "{} is no load", load.issued);
    assert_eq!(load.unverifiable, 0);
}

#[tokio::test]
async fn six_hundred_rotations_leave_no_token_unverifiable() {
    six_hundred_rotations(Setup::local(policy(ES256))).await;
}

#[tokio::test]
async fn six_hundred_rotations_of_keys_that_kms_wraps_leave_no_token_unverifiable() {
    six_hundred_rotations(Setup::kms(Mode::Envelope, policy(ES256)).await).await;
}

#[tokio::test]
async fn six_hundred_rotations_of_keys_that_stay_in_kms_leave_no_token_unverifiable() {
    six_hundred_rotations(Setup::kms(Mode::Sign, policy(ES256)).await).await;
}

#[tokio::test]
async fn rotations_of_two_algorithms_leave_no_token_unverifiable() {
    let mut setups = vec![Setup::local(policy(TWO))];
    for mode in [Mode::Envelope, Mode::Sign] {
        // By the processes themselves.
        setups.push(Setup { separate: false, ..Setup::kms(mode, policy(TWO)).await });
    }
    for setup in setups {
        let mut load = Load::new(setup).await;
        load.rotate(60).await;
        assert_eq!(load.unverifiable, 0);
    }
}

#[tokio::test]
async fn the_same_load_notices_what_the_rules_prevent() {
    let safe = Setup::local;
    let unsafe_ones = [
        ("a successor that signs at once", safe(KeyPolicy { publish_lead: SECOND, ..policy(ES256) })),
        ("--now without waiting", Setup { force: true, ..safe(policy(ES256)) }),
        ("--now as on loopback", safe(loopback(ES256))),
        ("tokens that outlive their key", Setup { lifetime: 2 * DAY + HOUR, ..safe(policy(ES256)) }),
    ];
    for (what, setup) in unsafe_ones {
        let mut load = Load::new(setup).await;
        load.rotate(24).await;
        assert!(load.unverifiable > 0, "{what}");
    }
}

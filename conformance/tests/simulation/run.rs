//! A run: which token is sent when, and what happens to it.

use crate::family::Family;
use crate::lossy_store::LossyStore;
use crate::sign_in::{refresh, refresh_token, sign_in};
use conformance::account::kept_grant;
use conformance::{Answer, BEGIN, Harness, Rng, World};
use protocol::time::Timestamp;
use server::token::sealed::RefreshToken;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use storage::Memory;
use storage::tap::Tap;

/// How long users keep refreshing.
const RUN: Duration = Duration::from_secs(45 * 60);
/// A request without an answer is repeated after this time.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// More tries than any run needs: at 10 % loss more than half of all tries succeed. All of them stay within the grace:
/// 14 s of trying, 4 s until another tab knows, 8 s on the way.
const TRIES: u32 = 29;

/// A browser tab or a thief.
struct Holder {
    family: usize,
    /// The newest token it knows.
    token: String,
    /// The number of refreshes it has finished: requests of an earlier one are no longer waited for.
    errand: u32,
    /// Its token was refused.
    ended: bool,
    /// The other tab of the same browser; a thief has none.
    other_tab: Option<usize>,
}

impl Holder {
    fn is_thief(&self) -> bool {
        self.other_tab.is_none()
    }
}

/// An event of the simulation.
enum Event {
    /// A holder sends its token, unless that refresh was finished meanwhile.
    Send { holder: usize, errand: u32, tries: u32 },
    /// A delayed request arrives, unless its sender has hung up because another try of the same refresh was answered.
    Arrive { holder: usize, errand: u32, token: String },
    /// A tab reads what was written last in its browser's storage.
    Read { tab: usize },
    /// A thief copies the token of a tab.
    Copy { thief: usize, tab: usize },
}

/// A token that arrives at the server.
struct Sent {
    holder: usize,
    token: String,
    /// Whether its sender still waits for the answer; it doesn't after another try.
    awaited: bool,
}

/// What happened in a run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) requests: usize,
    pub(crate) rotations: usize,
    /// Rotated tokens that were answered with the newest one.
    pub(crate) answered_alike: usize,
    /// Requests of one family at the same instant.
    pub(crate) races: usize,
    /// Requests and answers.
    pub(crate) lost: usize,
    pub(crate) late: usize,
    /// Answers of 503.
    pub(crate) failures: usize,
    pub(crate) families_stolen_from: usize,
}

/// A world and the users in it.
pub(crate) struct Simulation {
    world: Arc<World>,
    /// The store, without its losses.
    records: Arc<Memory>,
    rng: Rng,
    loss: u64,
    families: Vec<Family>,
    /// What the tabs of a family share, by family.
    storages: Vec<String>,
    holders: Vec<Holder>,
    /// By time, then by the order in which they were added.
    events: BTreeMap<(Timestamp, u64), Event>,
    known: u64,
    seen: Seen,
}

impl Simulation {
    /// Every user has signed in, and nothing was lost yet.
    pub(crate) async fn new(seed: u64, loss: u64, families: usize) -> Self {
        let (records, losses) = (Arc::new(Memory::default()), Arc::new(LossyStore::new(Rng::new(!seed))));
        let store = Arc::new(Tap::new(records.clone(), losses.clone()));
        let world = Arc::new(World::on(store, Harness::Router, &[]).await);
        let mut new = Self {
            world,
            records,
            rng: Rng::new(seed),
            loss,
            families: Vec::new(),
            storages: Vec::new(),
            holders: Vec::new(),
            events: BTreeMap::new(),
            known: 0,
            seen: Seen::default(),
        };
        for (number, token) in sign_in(&new.world, families).await.into_iter().enumerate() {
            new.settle_in(number, &token).await;
        }
        losses.lose(loss);
        new
    }

    /// A family of two tabs; a thief will come to every fourth.
    async fn settle_in(&mut self, family: usize, token: &str) {
        let ring = self.world.app.keys.fresh().await.unwrap();
        let key = RefreshToken::open(token, &ring).unwrap().unwrap().grant;
        let grant = kept_grant(&*self.records, key).await;
        self.families.push(Family::new(&grant, token, BEGIN));
        self.storages.push(token.to_owned());
        let tab = self.holders.len();
        for other in [tab + 1, tab] {
            let holder = self.begin(family, token, Some(other));
            self.send_at(self.next_use(BEGIN), holder);
        }
        if family.is_multiple_of(4) {
            let thief = self.begin(family, token, None);
            let at = BEGIN.plus(self.rng.within(60..30 * 60));
            self.at(at, Event::Copy { thief, tab });
        }
    }

    fn begin(&mut self, family: usize, token: &str, other_tab: Option<usize>) -> usize {
        let token = token.to_owned();
        self.holders.push(Holder { family, token, errand: 0, ended: false, other_tab });
        self.holders.len() - 1
    }

    /// When a holder needs the next access token: at any time, or on the full five minutes with all others.
    fn next_use(&self, now: Timestamp) -> Timestamp {
        if self.rng.chance(50) {
            return now.plus(self.rng.within(45..15 * 60));
        }
        let interval = 5 * 60 * 1000;
        Timestamp::from_millis((now.millis() + 60_000).next_multiple_of(interval))
    }

    fn at(&mut self, at: Timestamp, event: Event) {
        self.known += 1;
        self.events.insert((at, self.known), event);
    }

    fn send_at(&mut self, at: Timestamp, holder: usize) {
        let errand = self.holders[holder].errand;
        self.at(at, Event::Send { holder, errand, tries: 0 });
    }

    /// Runs until all holders have stopped; then every theft is detected.
    pub(crate) async fn run(&mut self) -> Seen {
        self.happen_all().await;
        self.find_out_thieves().await;
        for family in &self.families {
            assert_eq!(family.stolen, family.over, "exactly the stolen families are revoked");
            self.seen.rotations += family.rotations();
            self.seen.families_stolen_from += usize::from(family.stolen);
        }
        for holder in &self.holders {
            assert_eq!(holder.ended, self.families[holder.family].over, "thief and victims end together");
        }
        std::mem::take(&mut self.seen)
    }

    /// Thief and victim use their tokens once more, further apart than the grace, and then all of them again.
    async fn find_out_thieves(&mut self) {
        let end = self.world.app.clock.now().plus(RUN);
        let all = 0..self.holders.len();
        let stolen: Vec<_> =
            all.filter(|holder| self.families[self.holders[*holder].family].stolen).collect();
        for (wait, thieves) in [(60, true), (180, false), (300, true), (300, false)] {
            let who = stolen.iter().copied().filter(|holder| self.holders[*holder].is_thief() == thieves);
            for holder in who.collect::<Vec<_>>() {
                self.send_at(end.plus(Duration::from_secs(wait)), holder);
            }
            self.happen_all().await;
            if wait == 180 {
                assert!(
                    self.families.iter().all(|family| !family.stolen || family.over),
                    "a theft was not detected"
                );
            }
        }
    }

    async fn happen_all(&mut self) {
        while let Some(now) = self.events.first_key_value().map(|((at, _), _)| *at) {
            self.world.clock.set(now);
            let mut arriving: BTreeMap<usize, Vec<Sent>> = BTreeMap::new();
            while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 == now) {
                let event = entry.remove();
                if let Some(sent) = self.happen(event, now) {
                    arriving.entry(self.holders[sent.holder].family).or_default().push(sent);
                }
            }
            for (family, sent) in arriving {
                self.exchange(family, sent, now).await;
            }
        }
    }

    /// Returns the token that arrives at the server, if any.
    fn happen(&mut self, event: Event, now: Timestamp) -> Option<Sent> {
        match event {
            Event::Send { holder, errand, tries } => self.send(holder, errand, tries, now),
            Event::Arrive { holder, errand, token } => {
                let waits = self.holders[holder].errand == errand;
                waits.then_some(Sent { holder, token, awaited: false })
            }
            Event::Read { tab } => {
                let reader = &mut self.holders[tab];
                reader.token.clone_from(&self.storages[reader.family]);
                None
            }
            Event::Copy { thief, tab } => {
                self.holders[thief].token = self.holders[tab].token.clone();
                self.families[self.holders[thief].family].stolen = true;
                self.send_at(now.plus(self.rng.within(1..20 * 60)), thief);
                None
            }
        }
    }

    fn send(&mut self, holder: usize, errand: u32, tries: u32, now: Timestamp) -> Option<Sent> {
        let Holder { errand: current, ended, token, .. } = &self.holders[holder];
        if *current != errand || *ended {
            return None;
        }
        let token = token.clone();
        assert!(tries < TRIES, "too many tries");
        self.at(now.plus(AGAIN_AFTER), Event::Send { holder, errand, tries: tries + 1 });
        if self.rng.chance(self.loss) {
            self.seen.lost += 1;
            return None;
        }
        if self.rng.chance(self.loss) {
            self.seen.late += 1;
            self.at(now.plus(self.rng.within(1..8)), Event::Arrive { holder, errand, token });
            return None;
        }
        Some(Sent { holder, token, awaited: true })
    }

    /// Requests that arrive at the same time are answered in parallel.
    async fn exchange(&mut self, family: usize, sent: Vec<Sent>, now: Timestamp) {
        self.seen.requests += sent.len();
        self.seen.races += usize::from(sent.len() > 1);
        let running: Vec<_> = sent
            .iter()
            .map(|Sent { token, .. }| {
                let (world, token) = (Arc::clone(&self.world), token.clone());
                tokio::spawn(async move { refresh(&world, &token).await })
            })
            .collect();
        let mut exchanged = Vec::new();
        for (sent, answer) in sent.iter().zip(running) {
            exchanged.push((sent.token.as_str(), answer.await.unwrap()));
        }
        let watched = &mut self.families[family];
        let grant = kept_grant(&*self.records, watched.key).await;
        let rotations = watched.rotations();
        watched.check(&exchanged, &grant, now);
        let moved_on =
            |(token, answer): &&(&str, Answer)| answer.status == 200 && refresh_token(answer) != *token;
        let alike = exchanged.iter().filter(moved_on).count();
        self.seen.answered_alike += alike.saturating_sub(watched.rotations() - rotations);
        let answers: Vec<_> = exchanged.into_iter().map(|(_, answer)| answer).collect();
        for (sent, answer) in sent.iter().zip(answers) {
            self.hear(sent, &answer, now);
        }
    }

    fn hear(&mut self, sent: &Sent, answer: &Answer, now: Timestamp) {
        self.seen.failures += usize::from(answer.status == 503);
        if sent.awaited && self.rng.chance(self.loss) {
            self.seen.lost += 1;
            return;
        }
        match answer.status.as_u16() {
            200 if sent.awaited => self.learn(sent, refresh_token(answer), now),
            400 if sent.awaited => self.holders[sent.holder].ended = true,
            _ => {}
        }
    }

    /// A refresh is finished: the other tab will read the token, and the next refresh is scheduled.
    fn learn(&mut self, sent: &Sent, token: String, now: Timestamp) {
        if let Some(other) = self.holders[sent.holder].other_tab {
            self.storages[self.holders[other].family].clone_from(&token);
            self.at(now.plus(self.rng.within(0..4)), Event::Read { tab: other });
        }
        let holder = &mut self.holders[sent.holder];
        holder.token = token;
        holder.errand += 1;
        let next = self.next_use(now);
        if next < BEGIN.plus(RUN) {
            self.send_at(next, sent.holder);
        }
    }
}

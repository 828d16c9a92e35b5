//! S3: users sign in with their passwords, from the application's first request to its code: three requests, two
//! writes, one argon2id hash. The floor is the hash alone. Then a flood of sign-ins: what it costs clients that get
//! tokens meanwhile.

use super::testbed::{PASSWORD, Testbed, USERNAME};
use super::{s1, s2};
use crate::Outcome;
use crate::browser::{Browser, End};
use crate::connection::Connection;
use crate::floor;
use crate::load::{Ask, Flow, Load, Pace, run as load};
use crate::product::Client;
use crate::request::{FORM, request};
use crate::results::{Flood, Row};
use crate::rounds::{Spread, open};
use crate::server::Server;
use crate::token::Token;
use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// The setting that this needs: the same user signs in again and again.
pub const SETTINGS: &[(&str, &str)] = &[("KEYWARD_RATE_LIMITS", "off")];
/// Tokens a second while users sign in: far fewer than a core can do, as in production.
pub const TOKENS: f64 = 1000.0;
/// Connections of a flood that is more than the product takes in.
const OVERFLOW: usize = 96;

/// A user who signs in, each time in a new browser.
#[derive(Clone)]
struct Login {
    browser: Browser,
    path: Rc<str>,
    refused: Rc<Cell<u32>>,
}

impl Login {
    fn new(server: &Server, client: &Client) -> Self {
        let browser = Browser::new(server.address, USERNAME, PASSWORD);
        Self { browser, path: s2::authorize_path(client).into(), refused: Rc::default() }
    }
}

impl Flow for Login {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        match self.browser.clone().walk(connection, &self.path).await? {
            End::Left(url) if url.contains("?code=") => Ok(()),
            End::Left(url) => Err(format!("a sign-in ends at {url}").into()),
            End::Refused(503) => {
                self.refused.set(self.refused.get() + 1);
                Ok(())
            }
            End::Refused(status) => Err(format!("a sign-in ends with {status}").into()),
        }
    }
}

/// Compares a sign-in to a hash.
pub async fn run(testbed: &Testbed<'_>, client: &Client) -> Outcome<Row> {
    let floor = floor::start(&testbed.machine.runner(), Token::Opaque)?;
    let body = format!("username={USERNAME}&password=another");
    let hash = Ask::new(request("POST", "/login", floor.address, FORM, &body), "\"");
    testbed.compare("S3 login", (&floor, hash), Login::new(testbed.server, client)).await
}

/// Sign-ins and tokens at once. The server has computed no hash before: that is how its threads are distinguished.
pub async fn flood(testbed: &Testbed<'_>, person: &Client, machine: &Client) -> Outcome<Flood> {
    let server = testbed.server;
    let bench = Bench {
        server,
        // The threads that hash start with the first hash.
        serving: server.threads()?,
        login: Login::new(server, person),
        token: s1::ask(server, machine),
        connections: testbed.plan.connections,
        time: testbed.plan.time,
    };
    bench.tokens_alone().await?;
    let mut rounds = Vec::with_capacity(testbed.plan.rounds);
    for _ in 0..testbed.plan.rounds {
        rounds.push((bench.tokens_alone().await?, bench.logins_alone().await?, bench.both().await?));
    }
    let (refused, overflow) = bench.overflow().await?;
    Ok(Flood {
        overflow: (overflow.logins.count() - refused, refused),
        waiting_in_overflow: overflow.tokens.most_waiting,
        peak: server.peak()?,
        ..Flood::of(&rounds)
    })
}

type Rounds = [(Phase, Phase, Phase)];

impl Flood {
    fn of(rounds: &Rounds) -> Self {
        let idle = |(idle, ..): &(Phase, Phase, Phase)| micros(idle.serving) / f64::from(idle.tokens.count());
        let flooded = |(_, alone, both): &(Phase, Phase, Phase)| {
            let login = micros(alone.serving) / f64::from(alone.logins.count());
            let tokens = micros(both.serving) - login * f64::from(both.logins.count());
            tokens / f64::from(both.tokens.count())
        };
        let spread = |of: &dyn Fn(&(Phase, Phase, Phase)) -> f64| Spread::of(rounds.iter().map(of));
        let share = |hundredths| {
            let idle = spread(&|(idle, ..)| micros(idle.tokens.at(hundredths)));
            (idle.median, spread(&|(.., both)| micros(both.tokens.at(hundredths))).median)
        };
        Self {
            idle: spread(&idle),
            flooded: spread(&flooded),
            ratio: spread(&|round| flooded(round) / idle(round)),
            p50: share(50),
            p99: share(99),
            logins: spread(&|(_, alone, _)| {
                f64::from(alone.logins.count()) / alone.logins.wall.as_secs_f64()
            })
            .median,
            waiting: (
                spread(&|(idle, ..)| f64::from(idle.tokens.most_waiting)).median,
                spread(&|(.., both)| f64::from(both.tokens.most_waiting)).median,
            ),
            waiting_in_overflow: 0,
            overflow: (0, 0),
            peak: 0,
        }
    }
}

/// What is loaded, and with what.
struct Bench<'a> {
    server: &'a Server,
    serving: Vec<PathBuf>,
    login: Login,
    token: Ask,
    connections: usize,
    time: Duration,
}

/// What happened meanwhile.
#[derive(Default)]
struct Phase {
    logins: Load,
    tokens: Load,
    serving: Duration,
}

impl Bench<'_> {
    async fn tokens_alone(&self) -> Outcome<Phase> {
        self.phase(0, self.connections).await
    }

    async fn logins_alone(&self) -> Outcome<Phase> {
        self.phase(self.connections, 0).await
    }

    async fn both(&self) -> Outcome<Phase> {
        self.phase(self.connections, self.connections).await
    }

    async fn overflow(&self) -> Outcome<(u32, Phase)> {
        self.login.refused.set(0);
        let phase = self.phase(OVERFLOW, self.connections).await?;
        Ok((self.login.refused.get(), phase))
    }

    async fn phase(&self, logins: usize, tokens: usize) -> Outcome<Phase> {
        let logins = open(self.server, &self.login, logins).await?;
        let tokens = open(self.server, &self.token, tokens).await?;
        let pace = Pace::Open { per_second: TOKENS };
        let before = self.server.cpu_of(&self.serving)?;
        let both = tokio::try_join!(load(logins, Pace::Closed, self.time), load(tokens, pace, self.time));
        let (logins, tokens) = both?;
        let serving = self.server.cpu_of(&self.serving)?.saturating_sub(before);
        Ok(Phase { logins, tokens, serving })
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> Load {
        Load {
            wall: Duration::from_secs(1),
            latencies: vec![Duration::from_micros(70); count],
            most_waiting: 1,
        }
    }

    #[test]
    fn a_token_costs_what_the_sign_ins_leave() {
        let phase = |logins, tokens, millis| Phase {
            logins: many(logins),
            tokens: many(tokens),
            serving: Duration::from_millis(millis),
        };
        // 50 µs idle; 500 µs a sign-in besides its hash; both: 40 of them, and 200 tokens for what is left.
        let flood = Flood::of(&[(phase(0, 200, 10), phase(50, 0, 25), phase(40, 200, 32))]);
        assert_eq!((flood.idle.median.round(), flood.flooded.median.round()), (50.0, 60.0));
        assert_eq!((flood.logins, flood.p99), (50.0, (70.0, 70.0)));
    }
}

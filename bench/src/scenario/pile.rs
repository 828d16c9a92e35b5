//! Pile: a user has 200 000 grants and 100 000 sessions from a time when nothing bounded them, and six connections ask
//! for the account page without a pause. What that costs other users, who run code flows (S2), and whether the owner
//! can still sign in and out.

use super::s2;
use super::testbed::PASSWORD;
use crate::Outcome;
use crate::browser::{Browser, End};
use crate::clock::now;
use crate::connection::Connection;
use crate::load::{Flow, Load, Pace, run as load};
use crate::machine::Machine;
use crate::product::{Client, Product};
use crate::request::request;
use crate::results::Pile;
use crate::rounds::{Plan, Spread, open};
use crate::runner::Runner;
use crate::server::Server;
use rusqlite::{Connection as Db, params};
use s2::CodeFlow;
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// The user with the pile.
const OWNER: &str = "owner";
const GRANTS: u32 = 200_000;
const SESSIONS: u32 = 100_000;
/// Connections that ask for the account without a pause.
const ASKING: usize = 6;
/// How many of them at once are never refused.
const LISTED: usize = 4;
/// Callers who ask for it and hang up at once.
const HANGING_UP: usize = 60;
/// Flows of other users a second: far fewer than a core can do, so that each waits only because of the pile.
const OTHERS: f64 = 100.0;
/// The thread that does nothing but the other users' writes.
const WRITER: &str = "keyward-writer";

/// A caller that asks for the account page, and what it got.
#[derive(Clone)]
struct Asking {
    request: Rc<[u8]>,
    pages: Rc<Cell<u32>>,
    refused: Rc<Cell<u32>>,
    size: Rc<Cell<usize>>,
}

impl Asking {
    fn new(request: Vec<u8>) -> Self {
        let (pages, refused, size) = Default::default();
        Self { request: request.into(), pages, refused, size }
    }
}

impl Flow for Asking {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let answer = connection.send(&self.request).await?;
        match answer.status {
            200 => {
                self.pages.set(self.pages.get() + 1);
                self.size.set(self.size.get().max(answer.body.len()));
            }
            503 => self.refused.set(self.refused.get() + 1),
            _ => return Err(answer.unexpected()),
        }
        Ok(())
    }
}

/// One part of a round.
#[derive(Clone, Default)]
struct Phase {
    others: Load,
    pages: f64,
    refused: f64,
    wall: f64,
    cpu: f64,
    writer: f64,
}

struct Bench<'a> {
    server: &'a Server,
    others: CodeFlow,
    /// Asks for the account with the pile.
    asking: Asking,
    /// Asks for an ordinary account.
    ordinary: Asking,
    plan: Plan,
}

/// Makes the pile and measures.
pub async fn run(product: &Product, machine: &Machine, plan: Plan) -> Outcome<Pile> {
    product.create_user(OWNER, PASSWORD)?;
    let client = s2::client(product, "application")?;
    begin(product, &client).await?;
    pile_up(product)?;
    let server = &product.serve(&machine.runner())?;
    let owner = sign_in(server, &client).await?.cookie_line();
    let account = request("GET", "/account", server.address, &owner, "");
    let others = CodeFlow::sign_in(server, client.clone()).await?;
    let ordinary = Asking::new(request("GET", "/account", server.address, others.cookies(), ""));
    let bench = Bench { server, others, asking: Asking::new(account.clone()), ordinary, plan };
    let (asking, ordinary) = (&bench.asking, &bench.ordinary);
    bench.phase((asking, 0), plan.connections).await?;
    let mut rounds = Vec::with_capacity(plan.rounds);
    for _ in 0..plan.rounds {
        rounds.push(Round {
            idle: bench.phase((asking, 0), plan.connections).await?,
            listed: bench.phase((asking, LISTED), 0).await?,
            asking: bench.phase((asking, ASKING), 0).await?,
            ordinary: bench.phase((ordinary, ASKING), plan.connections).await?,
            both: bench.phase((asking, ASKING), plan.connections).await?,
        });
    }
    let left = bench.hang_up(&account).await?;
    let in_and_out = in_and_out(server, &client).await?;
    Ok(Pile {
        hanging_up: (micros(left.at(99)), micros(left.latencies.last().copied().unwrap_or_default())),
        page: bench.asking.size.get(),
        peak: server.peak()?,
        in_and_out,
        ..Pile::of(&rounds)
    })
}

/// The owner signs in and gets a grant, which is copied later.
async fn begin(product: &Product, client: &Client) -> Outcome<()> {
    let server = product.serve(&Runner::Plain)?;
    let browser = sign_in(&server, client).await?;
    let mut flow = CodeFlow::new(&server, client.clone(), browser.cookie_line());
    flow.tokens(&mut Connection::open(server.address).await?).await?;
    server.stop()
}

/// A browser in which the owner is signed in.
async fn sign_in(server: &Server, client: &Client) -> Outcome<Browser> {
    let mut browser = Browser::new(server.address, OWNER, PASSWORD);
    let mut connection = Connection::open(server.address).await?;
    match browser.walk(&mut connection, &s2::authorize_path(client)).await? {
        End::Left(_) => Ok(browser),
        End::Refused(status) => Err(format!("the owner can't sign in: {status}").into()),
    }
}

/// Copies the owner's session and grant, under random ids, so that all of them count: in one transaction.
fn pile_up(product: &Product) -> Outcome<()> {
    let mut db = Db::open(product.store())?;
    let step = db.transaction()?;
    for (table, count, which) in
        [("grants", GRANTS, "redeemed_at IS NOT NULL"), ("sessions", SESSIONS, "TRUE")]
    {
        let columns: Vec<String> = step
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let values = columns.iter().map(|name| if name == "id" { "randomblob(16)" } else { name });
        let (names, values) = (columns.join(", "), values.collect::<Vec<_>>().join(", "));
        let row: i64 = step.query_row(
            &format!(
                "SELECT {table}.rowid FROM {table} JOIN users ON users.id = user_id
                 WHERE username = ?1 AND {which} LIMIT 1"
            ),
            [OWNER],
            |row| row.get(0),
        )?;
        let text = format!(
            "WITH RECURSIVE numbers(number) AS
               (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ?1)
             INSERT INTO {table} ({names}) SELECT {values} FROM numbers JOIN {table} ON {table}.rowid = ?2"
        );
        step.execute(&text, params![count, row])?;
    }
    Ok(step.commit()?)
}

/// How long the owner needs to sign in with a new browser, and to sign out of it.
async fn in_and_out(server: &Server, client: &Client) -> Outcome<(f64, f64)> {
    let begin = now();
    let mut browser = sign_in(server, client).await?;
    let signed_in = begin.elapsed();
    let mut connection = Connection::open(server.address).await?;
    let again = request("GET", "/account", server.address, &browser.cookie_line(), "");
    let begin = now();
    browser.press(&mut connection, "/logout").await?;
    let signed_out = begin.elapsed();
    let answer = connection.send(&again).await?;
    if answer.status != 303 {
        return Err("the owner can't sign out".into());
    }
    Ok((micros(signed_in) / 1e3, micros(signed_out) / 1e3))
}

impl Bench<'_> {
    /// `count` connections ask for the account, and `others` connections run code flows.
    async fn phase(&self, (asking, count): (&Asking, usize), others: usize) -> Outcome<Phase> {
        let flow = Asking { pages: Rc::default(), refused: Rc::default(), ..asking.clone() };
        let asking = open(self.server, &flow, count).await?;
        let others = open(self.server, &self.others, others).await?;
        let writer = self.server.threads_named(WRITER)?;
        let (before, written) = (self.server.cpu_of_each()?, self.server.cpu_of(&writer)?);
        let pace = Pace::Open { per_second: OTHERS };
        let time = self.plan.time;
        let (asked, others) = tokio::try_join!(load(asking, Pace::Closed, time), load(others, pace, time))?;
        let since = self
            .server
            .cpu_of_each()?
            .into_iter()
            .map(|(thread, time)| time.saturating_sub(before.get(&thread).copied().unwrap_or_default()));
        Ok(Phase {
            cpu: micros(since.sum()),
            writer: micros(self.server.cpu_of(&writer)?.saturating_sub(written)),
            pages: f64::from(flow.pages.get()),
            refused: f64::from(flow.refused.get()),
            wall: asked.wall.max(others.wall).as_secs_f64(),
            others,
        })
    }

    /// Many callers ask for the account and hang up; none of the others may be refused.
    async fn hang_up(&self, account: &[u8]) -> Outcome<Load> {
        let others = open(self.server, &self.others, self.plan.connections).await?;
        let leave = async {
            for _ in 0..HANGING_UP {
                let mut stream = TcpStream::connect(self.server.address).await?;
                stream.write_all(account).await?;
            }
            Outcome::Ok(())
        };
        let pace = Pace::Open { per_second: OTHERS };
        let ((), load) = tokio::try_join!(leave, load(others, pace, self.plan.time))?;
        Ok(load)
    }
}

/// The parts of a round, in turn, so that whatever else the machine does affects all.
struct Round {
    idle: Phase,
    /// The account alone, nobody refused: what a page costs.
    listed: Phase,
    /// The account alone with all six connections: what a refusal costs.
    asking: Phase,
    /// As many connections ask for an ordinary account.
    ordinary: Phase,
    both: Phase,
}

impl Round {
    fn idle(&self) -> f64 {
        self.idle.cpu / f64::from(self.idle.others.count())
    }

    fn meanwhile(&self) -> f64 {
        let page = self.listed.cpu / self.listed.pages;
        let of_refusals = (self.asking.cpu - page * self.asking.pages).max(0.0);
        let refusal = if self.asking.refused > 0.0 { of_refusals / self.asking.refused } else { 0.0 };
        let asked = page * self.both.pages + refusal * self.both.refused;
        (self.both.cpu - asked) / f64::from(self.both.others.count())
    }

    fn writer(&self) -> f64 {
        let of = |phase: &Phase| phase.writer / f64::from(phase.others.count());
        of(&self.both) / of(&self.idle)
    }
}

impl Pile {
    fn of(rounds: &[Round]) -> Self {
        let spread = |of: &dyn Fn(&Round) -> f64| Spread::of(rounds.iter().map(of));
        let at = |hundredths, which: &dyn Fn(&Round) -> &Phase| {
            spread(&|round| micros(which(round).others.at(hundredths))).median
        };
        let p99 =
            (at(99, &|round| &round.idle), at(99, &|round| &round.ordinary), at(99, &|round| &round.both));
        let rate = |of: &dyn Fn(&Round) -> (f64, f64)| {
            spread(&|round| {
                let (count, wall) = of(round);
                count / wall
            })
            .median
        };
        let others = |phase: &Phase| (f64::from(phase.others.count()), phase.others.wall.as_secs_f64());
        Self {
            idle: spread(&Round::idle),
            meanwhile: spread(&Round::meanwhile),
            ratio: spread(&|round| round.meanwhile() / round.idle()),
            writer: spread(&Round::writer),
            p50: (at(50, &|round| &round.idle), at(50, &|round| &round.both)),
            p99,
            // Of medians: when a neighbour stalls the disk for one round, the quotient of that round means nothing.
            p99_ratio: p99.2 / p99.1,
            per_second: (rate(&|round| others(&round.idle)), rate(&|round| others(&round.both))),
            asked: (
                rate(&|round| (round.both.pages, round.both.wall)),
                rate(&|round| (round.both.refused, round.both.wall)),
            ),
            hanging_up: (0.0, 0.0),
            page: 0,
            peak: 0,
            in_and_out: (0.0, 0.0),
        }
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(others: usize, pages: f64, refused: f64, cpu: f64, writer: f64) -> Phase {
        let latencies = vec![Duration::from_micros(700); others];
        let others = Load { wall: Duration::from_secs(1), latencies, most_waiting: 1 };
        Phase { others, pages, refused, wall: 1.0, cpu, writer }
    }

    #[test]
    fn what_the_account_costs_is_not_the_others() {
        let round = Round {
            idle: phase(100, 0.0, 0.0, 30_000.0, 5_000.0),
            // 2 ms a page, 0.1 ms a refusal.
            listed: phase(0, 300.0, 0.0, 600_000.0, 0.0),
            asking: phase(0, 300.0, 1_000.0, 700_000.0, 0.0),
            ordinary: phase(100, 900.0, 0.0, 100_000.0, 5_000.0),
            both: phase(100, 200.0, 500.0, 400_000.0 + 50_000.0 + 33_000.0, 6_000.0),
        };
        let pile = Pile::of(&[round]);
        assert_eq!((pile.idle.median.round(), pile.meanwhile.median.round()), (300.0, 330.0));
        assert_eq!((pile.writer.median, pile.p99_ratio, pile.asked), (1.2, 1.0, (200.0, 500.0)));
    }
}

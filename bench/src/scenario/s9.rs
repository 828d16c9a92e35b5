//! S9: attacks on other users' sign-ins: wrong passwords for the owner's name, from one address and from many; right
//! passwords from five networks without a pause; requests of clients that don't exist. It counts who is served, not how
//! fast. To the server each address of 127.0.0.0/8 is a caller of its own.

use super::s2;
use super::testbed::{PASSWORD, USERNAME};
use crate::Outcome;
use crate::browser::{Browser, End};
use crate::connection::Connection;
use crate::load::{Flow, Pace, run as load};
use crate::product::{Client, Product};
use crate::request::{FORM, encode, request};
use crate::results::Siege;
use crate::rounds::Plan;
use crate::runner::Runner;
use crate::server::Server;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// The owner's address.
const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 1);
/// An attacker's address.
const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 1);
/// Connections of an attack.
const CONNECTIONS: u8 = 60;
/// Users who sign in with right passwords from five networks.
const CROWD: [&str; 5] = ["crowd-1", "crowd-2", "crowd-3", "crowd-4", "crowd-5"];
/// A user who signs in from a sixth network meanwhile.
const SIXTH: &str = "sixth";
/// Clients that the server has not seen before the attack.
const UNSEEN: u8 = 20;

/// How often each status came, over all connections.
type Answers = Rc<RefCell<BTreeMap<u16, u32>>>;

/// A user who signs in again and again.
#[derive(Clone)]
struct Visitor {
    browser: Browser,
    path: Rc<str>,
    answers: Answers,
}

impl Visitor {
    fn new(address: SocketAddr, person: (&'static str, &'static str), path: &Rc<str>) -> Self {
        let browser = Browser::new(address, person.0, person.1);
        Self { browser, path: Rc::clone(path), answers: Answers::default() }
    }

    /// A browser that has signed in before, and out again.
    async fn known(self, server: &Server) -> Outcome<Self> {
        let mut visitor = self;
        let mut connection = Connection::open_from(HOME, server.address).await?;
        visitor.browser.walk(&mut connection, &visitor.path).await?;
        visitor.browser.forget("kw-s-");
        Ok(visitor)
    }
}

impl Flow for Visitor {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let status = match self.browser.clone().walk(connection, &self.path).await? {
            End::Left(url) if url.contains("?code=") => 303,
            End::Left(url) => return Err(format!("a sign-in ends at {url}").into()),
            End::Refused(status) => status,
        };
        *self.answers.borrow_mut().entry(status).or_default() += 1;
        Ok(())
    }
}

/// Users who sign in by turns.
#[derive(Clone)]
struct Crowd {
    people: [Visitor; 5],
    next: usize,
}

impl Flow for Crowd {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        self.next = (self.next + 1) % self.people.len();
        match self.people.get_mut(self.next) {
            Some(person) => person.once(connection).await,
            None => Ok(()),
        }
    }
}

/// A caller that sends one request after another, until there are no more.
#[derive(Clone)]
struct Asker {
    requests: Rc<dyn Fn(u32) -> Option<Vec<u8>>>,
    number: Rc<Cell<u32>>,
    answers: Answers,
}

impl Asker {
    fn new(requests: impl Fn(u32) -> Option<Vec<u8>> + 'static) -> Self {
        Self { requests: Rc::new(requests), number: Rc::default(), answers: Answers::default() }
    }
}

impl Flow for Asker {
    async fn once(&mut self, connection: &mut Connection) -> Outcome<()> {
        let number = self.number.replace(self.number.get() + 1);
        match (self.requests)(number) {
            Some(request) => {
                let status = connection.send(&request).await?.status;
                *self.answers.borrow_mut().entry(status).or_default() += 1;
            }
            None => sleep(Duration::from_millis(10)).await,
        }
        Ok(())
    }
}

/// All attacks, one after another, each on a new server.
pub async fn run(product: &Product, runner: &Runner, plan: Plan) -> Outcome<Vec<Siege>> {
    let path: Rc<str> = s2::authorize_path(&s2::client(product, "application")?).into();
    Ok(vec![
        stranger(product, runner, plan, &path, ("S9 stranger, one address", 1)).await?,
        stranger(product, runner, plan, &path, ("S9 stranger, 60 addresses", CONNECTIONS)).await?,
        networks(product, runner, plan, &path).await?,
        unknown_clients(product, runner, plan).await?,
    ])
}

/// Wrong passwords for the owner's name, while the owner signs in from a browser that signed in before.
async fn stranger(
    product: &Product,
    runner: &Runner,
    plan: Plan,
    path: &Rc<str>,
    (name, addresses): (&'static str, u8),
) -> Outcome<Siege> {
    let server = product.serve(runner)?;
    let owner = Visitor::new(server.address, (USERNAME, PASSWORD), path).known(&server).await?;
    let stranger = Visitor::new(server.address, (USERNAME, "a wrong password"), path);
    let from = |n: u8| Ipv4Addr::new(127, 0, 1, n % addresses);
    siege(&server, (owner.clone(), HOME), (stranger.clone(), from), plan).await?;
    Ok(Siege::new(name, 303, &owner.answers, &stranger.answers))
}

/// Right passwords of five accounts from five networks, and a new browser from a sixth.
async fn networks(product: &Product, runner: &Runner, plan: Plan, path: &Rc<str>) -> Outcome<Siege> {
    // The attacks before have used up the owner's counters: this is another user.
    for name in CROWD.into_iter().chain([SIXTH]) {
        product.create_user(name, PASSWORD)?;
    }
    let server = product.serve(runner)?;
    let visitor = |name| Visitor::new(server.address, (name, PASSWORD), path);
    let (owner, crowd) = (visitor(SIXTH), Crowd { people: CROWD.map(visitor), next: 0 });
    let from = |n: u8| Ipv4Addr::new(127, 0, 2, 1 + n % 5);
    siege(&server, (owner.clone(), HOME), (crowd.clone(), from), plan).await?;
    let mut answers = BTreeMap::new();
    for person in &crowd.people {
        person
            .answers
            .borrow()
            .iter()
            .for_each(|(status, count)| *answers.entry(*status).or_default() += count);
    }
    let siege = Siege::new("S9 five networks", 303, &owner.answers, &RefCell::new(answers));
    let all = siege.served + siege.meanwhile.get(&303).copied().unwrap_or(0);
    Ok(Siege { share: Some(f64::from(siege.served) / f64::from(all) * 6.0), ..siege })
}

/// Unknown client ids, and from the same address clients that the server sees for the first time.
async fn unknown_clients(product: &Product, runner: &Runner, plan: Plan) -> Outcome<Siege> {
    let flags = |id: &str| ["--id".into(), id.to_owned(), "--signing-alg".into(), "ES256".into()];
    let client = |n: u8| {
        let flags = flags(&format!("unseen-{n}"));
        product.create_client(&flags.each_ref().map(String::as_str))
    };
    let clients: Vec<Client> = (0..UNSEEN).map(client).collect::<Outcome<_>>()?;
    let server = product.serve(runner)?;
    let address = server.address;
    let ask =
        move |head: &str, body: &[(&str, &str)]| request("POST", "/token", address, head, &encode(body));
    let grant = ("grant_type", "client_credentials");
    let owner = Asker::new(move |n| {
        let client = usize::try_from(n).ok().and_then(|n| clients.get(n))?;
        Some(ask(&client.head(), &[grant]))
    });
    let crowd = Asker::new(move |n| Some(ask(FORM, &[grant, ("client_id", &format!("made-up-{n}"))])));
    siege(&server, (owner.clone(), ONE), (crowd.clone(), |_| ONE), plan).await?;
    Ok(Siege::new("S9 unknown clients", 200, &owner.answers, &crowd.answers))
}

/// The attack alone for a third of the time, and then with the owner, who has two connections.
async fn siege<A: Flow, B: Flow>(
    server: &Server,
    (owner, home): (A, Ipv4Addr),
    (attacker, from): (B, impl Fn(u8) -> Ipv4Addr),
    plan: Plan,
) -> Outcome<()> {
    load(connected(server, &attacker, CONNECTIONS, &from).await?, Pace::Closed, plan.time / 3).await?;
    let owners = connected(server, &owner, 2, &|_| home).await?;
    let attackers = connected(server, &attacker, CONNECTIONS, &from).await?;
    tokio::try_join!(load(attackers, Pace::Closed, plan.time), load(owners, Pace::Closed, plan.time))?;
    Ok(())
}

async fn connected<F: Flow>(
    server: &Server,
    flow: &F,
    connections: u8,
    from: &impl Fn(u8) -> Ipv4Addr,
) -> Outcome<Vec<(Connection, F)>> {
    let mut flows = Vec::new();
    for n in 0..connections {
        flows.push((Connection::open_from(from(n), server.address).await?, flow.clone()));
    }
    Ok(flows)
}

impl Siege {
    fn new(
        name: &'static str,
        served: u16,
        owner: &RefCell<BTreeMap<u16, u32>>,
        attackers: &RefCell<BTreeMap<u16, u32>>,
    ) -> Self {
        let all: u32 = owner.borrow().values().sum();
        let served = owner.borrow().get(&served).copied().unwrap_or(0);
        let meanwhile = attackers.borrow().clone();
        Self { name, served, refused: all - served, share: None, meanwhile }
    }
}

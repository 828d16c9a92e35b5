//! Users, clients and commands that work concurrently until the server dies. Each records in the ledger what was
//! acknowledged.

use super::mortal_server::{Browser, Dice, MortalServer};
use super::token_chain::{Chain, Fate, request};
use crate::commands::{join, json};
use conformance::{Answer, PASSWORD, With as _, basic, form};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::pin::Pin;

/// How many use codes and tokens at the same time.
const CUSTOMERS: usize = 4;
/// How much each of the fast ones does, so that those who wait for a password hash get their turn. Signing up continues
/// as long as the server lives.
const TURNS: usize = 5;

/// What was requested, and what of it was acknowledged.
#[derive(Default)]
pub(crate) struct Ledger {
    /// A browser in which alice is signed in.
    pub(crate) browser: Browser,
    pub(super) chains: Vec<Chain>,
    pub(super) people: Vec<Person>,
    /// Unknown names, and how many wrong passwords were refused for each.
    pub(super) guesses: Vec<(String, u32)>,
    /// Clients made by the command line, with their secrets.
    pub(super) machines: Vec<(String, String)>,
    numbers: usize,
}

/// A user who signed up.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) signed_up: Fate,
    pub(super) agreed: Fate,
}

impl Ledger {
    /// A unique number.
    pub(super) fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    fn nonce(&mut self) -> String {
        format!("nonce-{}", self.number())
    }
}

type Work<'a> = Pin<Box<dyn Future<Output = Option<()>> + 'a>>;

/// All work until the server dies.
pub(super) async fn work(folder: &Path, server: &MortalServer, ledger: &mut Ledger, dice: &Dice) {
    let shared = RefCell::new(std::mem::take(ledger));
    all_work(folder, server, &shared, dice).await;
    *ledger = shared.into_inner();
}

async fn all_work(folder: &Path, server: &MortalServer, ledger: &RefCell<Ledger>, dice: &Dice) {
    let mut all: Vec<Work<'_>> =
        (0..CUSTOMERS).map(|_| -> Work<'_> { Box::pin(shop(server, ledger, dice)) }).collect();
    all.push(Box::pin(come_back(server, ledger)));
    all.push(Box::pin(sign_up(server, ledger, dice)));
    all.push(Box::pin(guess(server, ledger)));
    all.push(Box::pin(act(server, ledger)));
    // A command takes as long as many requests, so it runs in some rounds only.
    if dice.roll(4) == 0 {
        all.push(Box::pin(operate(folder, ledger)));
    }
    join(all).await;
}

/// Gets codes for alice and uses them.
async fn shop(server: &MortalServer, ledger: &RefCell<Ledger>, dice: &Dice) -> Option<()> {
    for _ in 0..TURNS {
        let nonce = ledger.borrow_mut().nonce();
        let mut browser = ledger.borrow().browser.clone();
        let mut chain = Chain::begin(server, &mut browser, nonce).await?;
        let done = use_up(server, &mut chain, dice).await;
        ledger.borrow_mut().chains.push(chain);
        done?;
    }
    Some(())
}

async fn use_up(server: &MortalServer, chain: &mut Chain, dice: &Dice) -> Option<()> {
    chain.redeem(server).await?;
    for _ in 0..dice.roll(4) {
        chain.refresh(server).await?;
    }
    match dice.roll(4) {
        0 => chain.revoke(server).await,
        1 => chain.deny(server).await,
        _ => Some(()),
    }
}

/// Alice signs in with another browser; from then on that one is used.
async fn come_back(server: &MortalServer, ledger: &RefCell<Ledger>) -> Option<()> {
    let nonce = ledger.borrow_mut().nonce();
    let mut browser = Browser::new(ledger.borrow_mut().number());
    let page = browser.visit(server, &request(&nonce, "login")).await?;
    let answer = sign_in(server, &mut browser, &page, "alice", PASSWORD).await?;
    let chain = Chain::of(nonce, &answer);
    ledger.borrow_mut().browser = browser;
    ledger.borrow_mut().chains.push(chain);
    Some(())
}

/// Sends the form of a sign-in page; redirects are not followed.
pub(super) async fn sign_in(
    server: &MortalServer,
    browser: &mut Browser,
    page: &Answer,
    username: &str,
    password: &str,
) -> Option<Answer> {
    browser.submit(server, page, "/login", &[("username", username), ("password", password)]).await
}

/// User after user makes an account, agrees, and uses the code.
async fn sign_up(server: &MortalServer, ledger: &RefCell<Ledger>, dice: &Dice) -> Option<()> {
    loop {
        let mut person = Person {
            name: format!("person{}", ledger.borrow_mut().number()),
            signed_up: Fate::NotSent,
            agreed: Fate::NotSent,
        };
        let nonce = ledger.borrow_mut().nonce();
        let arrived = arrive(server, ledger, &mut person, &nonce).await;
        ledger.borrow_mut().people.push(person);
        let mut chain = Chain::of(nonce, &arrived?);
        let done = use_up(server, &mut chain, dice).await;
        ledger.borrow_mut().chains.push(chain);
        done?;
    }
}

/// From the request to the client's answer.
async fn arrive(
    server: &MortalServer,
    ledger: &RefCell<Ledger>,
    person: &mut Person,
    nonce: &str,
) -> Option<Answer> {
    let mut browser = Browser::new(ledger.borrow_mut().number());
    let page = browser.visit(server, &request(nonce, "create")).await?;
    person.signed_up = Fate::Lost;
    let answer = make_account(server, &mut browser, &page, &person.name).await?;
    assert_eq!(answer.status, 303, "{answer:?}");
    person.signed_up = Fate::Acknowledged;
    let page = browser.follow(server, answer).await?;
    person.agreed = Fate::Lost;
    let answer = agree(server, &mut browser, &page).await?;
    person.agreed = Fate::Acknowledged;
    Some(answer)
}

/// Sends the form of the sign-up page.
pub(super) async fn make_account(
    server: &MortalServer,
    browser: &mut Browser,
    page: &Answer,
    name: &str,
) -> Option<Answer> {
    browser.submit(server, page, "/signup", &[("username", name), ("password", PASSWORD)]).await
}

/// Sends the form of the consent page.
pub(super) async fn agree(server: &MortalServer, browser: &mut Browser, page: &Answer) -> Option<Answer> {
    let fields = [("decision", "approve"), ("scope", "openid"), ("scope", "offline_access")];
    browser.submit(server, page, "/consent", &fields).await
}

/// Tries wrong passwords for an unknown name until it has to wait.
async fn guess(server: &MortalServer, ledger: &RefCell<Ledger>) -> Option<()> {
    let nonce = ledger.borrow_mut().nonce();
    let number = ledger.borrow_mut().number();
    let mut browser = Browser::new(number);
    let name = format!("nobody{number}");
    let mine = ledger.borrow().guesses.len();
    ledger.borrow_mut().guesses.push((name.clone(), 0));
    let page = browser.visit(server, &request(&nonce, "login")).await?;
    while sign_in(server, &mut browser, &page, &name, "wrong password").await?.status == 422 {
        ledger.borrow_mut().guesses[mine].1 += 1;
    }
    Some(())
}

/// A client gets tokens for itself.
async fn act(server: &MortalServer, ledger: &RefCell<Ledger>) -> Option<()> {
    let (id, secret) = ledger.borrow().machines[0].clone();
    for _ in 0..TURNS {
        assert_eq!(ask(server, &id, &secret).await?.status, 200);
    }
    Some(())
}

/// A client gets a token for itself.
pub(super) async fn ask(server: &MortalServer, id: &str, secret: &str) -> Option<Answer> {
    server
        .send(
            form("/token", &[("grant_type", "client_credentials")]).with("authorization", &basic(id, secret)),
        )
        .await
}

/// An operator makes a client while the server runs.
async fn operate(folder: &Path, ledger: &RefCell<Ledger>) -> Option<()> {
    let made = register(folder.to_owned()).await;
    ledger.borrow_mut().machines.push(made);
    Some(())
}

/// Makes a client by a command, which isn't killed. Returns its id and secret.
pub(super) async fn register(folder: PathBuf) -> (String, String) {
    let command = ["client", "create", "--name", "Machine", "--scope", "read"];
    let made = tokio::task::spawn_blocking(move || json(&folder, &command, "")).await.unwrap();
    let member = |name: &str| made[name].as_str().unwrap().to_owned();
    (member("client_id"), member("client_secret"))
}

//! A sign-in page requested from many addresses, behind a front end that sends the caller's.

use super::requests::*;
use conformance::get;
use std::sync::Arc;

/// A header with the caller's address, trusted because of the front end's secret.
pub(super) const FRONT: [(&str, &str); 2] = [
    ("KEYWARD_CLIENT_IP", "header:x-real-ip"),
    ("KEYWARD_ORIGIN_SECRET", "0123456789abcdef0123456789abcdef"),
];

/// A sign-in page for a browser behind the front end.
#[derive(Clone)]
pub(super) struct SignInPage {
    /// Its browser.
    pub(super) browser: Browser,
    /// The page it got.
    pub(super) page: Answer,
}

impl SignInPage {
    /// In a new browser.
    pub(super) async fn open(world: &World) -> Self {
        Self::of(world, Browser::new()).await
    }

    /// In this browser.
    pub(super) async fn of(world: &World, mut browser: Browser) -> Self {
        let mut answer = browser.send(world, through(get(&with(&[])), "192.0.2.1")).await;
        while answer.status == 303 {
            answer = browser.send(world, through(get(answer.location()), "192.0.2.1")).await;
        }
        Self { browser, page: answer }
    }

    /// Submits for all callers (address, user name) at once. Returns how often each status came.
    pub(super) async fn submit_all(
        &self,
        world: &Arc<World>,
        callers: impl Iterator<Item = (String, String)>,
    ) -> Statuses {
        let knocks: Vec<_> = callers
            .map(|(from, username)| {
                let (world, mut door) = (Arc::clone(world), self.clone());
                tokio::spawn(async move { door.submit(&world, &from, &username, "wrong password").await })
            })
            .collect();
        let mut statuses = Statuses::new();
        for knock in knocks {
            *statuses.entry(knock.await.unwrap().status.as_u16()).or_default() += 1;
        }
        statuses
    }

    /// Submits, and hangs up as soon as the password is being checked.
    pub(super) async fn submit_and_hang_up(
        &self,
        world: &Arc<World>,
        from: &str,
        username: &str,
        password: &'static str,
    ) {
        let (before, from, username) = (world.app.passwords.calls(), from.to_owned(), username.to_owned());
        let (inside, mut door) = (Arc::clone(world), self.clone());
        let knock = tokio::spawn(async move { door.submit(&inside, &from, &username, password).await });
        until(|| world.app.passwords.calls() > before).await;
        knock.abort();
    }

    /// Sends the form once.
    pub(super) async fn submit(
        &mut self,
        world: &World,
        from: &str,
        username: &str,
        password: &str,
    ) -> Answer {
        let (r, csrf) = (self.page.field("r"), self.page.field("csrf"));
        let fields = [("r", r.as_str()), ("csrf", &csrf), ("username", username), ("password", password)];
        self.browser.send(world, through(form("/login", &fields).with("origin", ISSUER), from)).await
    }
}

pub(super) type Statuses = std::collections::BTreeMap<u16, usize>;

/// A request from an address, through the front end.
pub(super) fn through(
    request: http::Request<axum::body::Body>,
    from: &str,
) -> http::Request<axum::body::Body> {
    request.with("x-keyward-origin", FRONT[1].1).with("x-real-ip", from)
}

/// A world behind a front end, with the relying party and alice.
pub(super) async fn world_behind_a_front_end() -> World {
    let world = World::with(crate::HARNESS, &FRONT).await;
    world.relying_party().await;
    world.alice().await;
    world
}

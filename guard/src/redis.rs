//! A [`Cache`] in Redis or Valkey.

use crate::cache::{Cache, Caching};
use crate::fetch::MAX_DOCUMENT;
use crate::misconfigured::Misconfigured;
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue, RedisError, cmd};
use std::fmt;
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// The longest that connecting and one command may take together.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long a server that was slow or away is left alone. So it delays a process by at most a tenth.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest value: a document with its dates and its MAC.
const MAX_VALUE: usize = MAX_DOCUMENT + 64;

/// A cache in Redis. It connects when it is first used; while the server is slow or away, everything is absent.
///
/// The connection is not encrypted, and has no need to be for what is kept. Its password needs a network that is trusted.
pub struct RedisCache {
    client: Client,
    connection: Mutex<Option<MultiplexedConnection>>,
    paused_until: StdMutex<Option<Instant>>,
}

impl RedisCache {
    /// At a URL: `redis://[user:password@]host[:port][/database]`.
    ///
    /// # Errors
    /// If it is none.
    pub fn new(url: &str) -> Result<Self, Misconfigured> {
        let client = Client::open(url).map_err(|_| Misconfigured::CacheUrl)?;
        Ok(Self { client, connection: Mutex::default(), paused_until: StdMutex::default() })
    }

    /// The answer to a command, unless the server is slow or away.
    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        if self.paused_until().is_some_and(|until| Instant::now() < until) {
            return None;
        }
        let cause = match timeout(PATIENCE, self.attempt(command)).await {
            Ok(Ok(answer)) => return Some(answer),
            // Not its text: that may have the address with the password.
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => format!("no answer within {} ms", PATIENCE.as_millis()),
        };
        self.set_paused_until(Instant::now() + PAUSE);
        *self.connection.lock().await = None;
        tracing::warn!(cause, "the cache can't be used");
        None
    }

    async fn attempt<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let mut connection = {
            // One connects, and others wait for it.
            let mut held = self.connection.lock().await;
            match &*held {
                Some(connection) => connection.clone(),
                None => held.insert(self.client.get_multiplexed_async_connection().await?).clone(),
            }
        };
        command.query_async(&mut connection).await
    }

    fn paused_until(&self) -> Option<Instant> {
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_paused_until(&self, until: Instant) {
        *self.paused_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

impl Cache for RedisCache {
    fn get<'a>(&'a self, name: &'a str) -> Caching<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            // A value that is longer is cut, and its MAC is then wrong. Without a value the answer is empty.
            let mut command = cmd("GETRANGE");
            command.arg(name).arg(0).arg(MAX_VALUE);
            self.run(&command).await.filter(|value: &Vec<u8>| !value.is_empty())
        })
    }

    fn put<'a>(&'a self, name: &'a str, value: Vec<u8>, ttl: Duration) -> Caching<'a, ()> {
        Box::pin(async move {
            let mut command = cmd("SET");
            command.arg(name).arg(value).arg("PX").arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
            self.run::<()>(&command).await;
        })
    }
}

/// The password is in it.
impl fmt::Debug for RedisCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCache").finish_non_exhaustive()
    }
}

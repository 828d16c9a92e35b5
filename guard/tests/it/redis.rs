//! The cache in a real Redis: with it, while it is stopped, and without it.

use crate::fixture::{JWKS, World};
use keyward_guard::{Introspection, Misconfigured, RedisCache};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::time::{Instant, sleep};

const SECRET: &[u8; 32] = b"a secret that all processes know";
const ENDPOINT: &str = "https://login.example/introspect";

/// A server, killed when dropped.
struct Redis {
    process: Child,
    address: SocketAddr,
}

impl Redis {
    /// None if it is not installed.
    #[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "whether the test may go without it")]
    async fn start() -> Option<Self> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
        command.args(["--save", "", "--appendonly", "no"]).stdout(Stdio::null());
        let Ok(process) = command.spawn() else {
            assert!(std::env::var_os("REQUIRE_REDIS").is_none(), "there is no redis-server");
            println!("no Redis was used: there is no redis-server (Debian: apt-get install redis-server)");
            return None;
        };
        while TcpStream::connect(address).is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Some(Self { process, address })
    }

    fn cache(&self) -> RedisCache {
        RedisCache::new(&format!("redis://{}", self.address)).unwrap()
    }

    /// What it answers to a command in its inline form.
    fn ask(&self, command: &str) -> String {
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    }

    /// How often a command was called.
    fn calls(&self, command: &str) -> u32 {
        let stats = self.ask("INFO commandstats");
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

fn world(redis: &Redis) -> World {
    let world =
        World::with(|issuer| issuer.introspect(how()), |builder| builder.cache(redis.cache(), SECRET));
    world.net.serve(ENDPOINT, &json!({ "active": true }));
    world
}

fn another(world: &World, redis: &Redis) -> World {
    world.another(|issuer| issuer.introspect(how()), |builder| builder.cache(redis.cache(), SECRET))
}

fn how() -> Introspection {
    Introspection::new(ENDPOINT, "orders", "secret").remember(Duration::from_secs(60))
}

/// These are the numbers in docs/guides/shared-cache.md.
#[tokio::test]
async fn a_hundred_processes_ask_the_issuer_once() {
    let Some(redis) = Redis::start().await else { return };
    let world = world(&redis);
    let token = world.token(json!({}));
    for _ in 0..100 {
        world.another(|issuer| issuer.introspect(how()), |builder| builder).verify(&token).await.unwrap();
    }
    assert_eq!(world.net.total(), 300, "without a cache");
    for _ in 0..100 {
        another(&world, &redis).verify(&token).await.unwrap();
    }
    assert_eq!((world.net.total(), redis.calls("getrange"), redis.calls("set")), (303, 200, 2));
    // A process reads each of the two once, whatever it verifies.
    world.verify(&token).await.unwrap();
    for _ in 0..100 {
        world.verify(&token).await.unwrap();
    }
    assert_eq!((world.net.total(), redis.calls("getrange")), (303, 202));

    // They end by themselves.
    let keys = redis.ask("KEYS *");
    let names: Vec<&str> = keys.lines().filter(|line| line.starts_with("keyward-guard:")).collect();
    assert_eq!(names.len(), 2, "{keys}");
    for name in names {
        let left = redis.ask(&format!("PTTL {name}"));
        let left: u64 = left.lines().next().unwrap().trim_start_matches(':').parse().unwrap();
        assert!((1..=600_000).contains(&left), "{left}");
    }
}

#[tokio::test]
async fn without_redis_the_issuer_is_asked() {
    let Some(redis) = Redis::start().await else { return };
    let world = world(&redis);
    let token = world.token(json!({}));
    world.verify(&token).await.unwrap();
    let held = another(&world, &redis);
    held.verify(&token).await.unwrap();
    assert_eq!(world.net.count(JWKS), 1);
    drop(redis);
    // A connection that broke, and none.
    for (n, process) in [(1, &held), (2, &another_at(&world, "127.0.0.1:1"))] {
        let other = world.token(json!({ "jti": format!("other-{n}") }));
        process.verify(&other).await.unwrap();
    }
    assert_eq!((world.net.count(JWKS), world.net.count(ENDPOINT)), (2, 3));
}

fn another_at(world: &World, address: &str) -> World {
    let cache = RedisCache::new(&format!("redis://{address}")).unwrap();
    world.another(|issuer| issuer.introspect(how()), |builder| builder.cache(cache, SECRET))
}

#[tokio::test]
async fn a_redis_that_stands_still_costs_a_tenth_of_a_second_once() {
    let Some(redis) = Redis::start().await else { return };
    let world = world(&redis);
    world.verify(&world.token(json!({}))).await.unwrap();
    redis.signal("-STOP");
    // It still accepts connections, and answers nothing.
    for process in [&world, &another(&world, &redis)] {
        let began = Instant::now();
        for n in 0..50 {
            process.verify(&world.token(json!({ "jti": format!("other-{n}") }))).await.unwrap();
        }
        let spent = began.elapsed();
        assert!(spent >= Duration::from_millis(100), "it was asked: {spent:?}");
        // Were it asked each time, ten seconds would pass. The rest is for a machine that is busy.
        assert!(spent < Duration::from_secs(5), "{spent:?}");
    }
    assert_eq!((world.net.count(JWKS), world.net.count(ENDPOINT)), (2, 101));

    // Once it is back, it is used again.
    redis.signal("-CONT");
    sleep(Duration::from_millis(1100)).await;
    let last = world.token(json!({ "jti": "last" }));
    world.verify(&last).await.unwrap();
    another(&world, &redis).verify(&last).await.unwrap();
    assert_eq!((world.net.count(JWKS), world.net.count(ENDPOINT)), (2, 102));
}

#[tokio::test]
async fn what_redis_answers_is_never_an_error_of_the_caller() {
    let Some(redis) = Redis::start().await else { return };
    let world = world(&redis);
    let token = world.token(json!({}));
    world.verify(&token).await.unwrap();
    let keys = redis.ask("KEYS *");
    let names: Vec<&str> = keys.lines().filter(|line| line.starts_with("keyward-guard:")).collect();
    // A password that is missing, values of another type, long ones, none.
    let spoil = |command: &str| names.iter().for_each(|name| drop(redis.ask(&command.replace("NAME", name))));
    for command in
        ["DEL NAME", "RPUSH NAME x", "DEL NAME", "SETRANGE NAME 5000000 x", "CONFIG SET requirepass x"]
    {
        spoil(command);
        another(&world, &redis).verify(&token).await.unwrap();
    }
}

#[test]
fn a_url_that_is_none_is_refused_and_a_password_is_not_shown() {
    for url in ["", "localhost", "http://localhost", "rediss://localhost", "redis://"] {
        assert_eq!(RedisCache::new(url).err(), Some(Misconfigured::CacheUrl), "{url}");
    }
    let cache = RedisCache::new("redis://:hidden@localhost").unwrap();
    assert!(!format!("{cache:?}").contains("hidden"));
}

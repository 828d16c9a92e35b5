//! What processes share, and what whoever owns the cache can't do.

use crate::fixture::{JWKS, Key, METADATA, NOW, World, claims_with, jwks};
use keyward_guard::{Cache, Caching, Introspection, Issuer, Misconfigured, Reason, Verifier};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECRET: &[u8; 32] = b"a secret that all processes know";
const ENDPOINT: &str = "https://login.example/introspect";

/// A cache that forgets nothing by itself.
#[derive(Clone, Default)]
struct Map(Arc<Mutex<Entries>>);

/// Values with the time for which they were put, by their names.
type Entries = BTreeMap<String, (Vec<u8>, Duration)>;

impl Cache for Map {
    fn get<'a>(&'a self, name: &'a str) -> Caching<'a, Option<Vec<u8>>> {
        let found = self.0.lock().unwrap().get(name).map(|(value, _)| value.clone());
        Box::pin(async { found })
    }

    fn put<'a>(&'a self, name: &'a str, value: Vec<u8>, ttl: Duration) -> Caching<'a, ()> {
        self.0.lock().unwrap().insert(name.to_owned(), (value, ttl));
        Box::pin(async {})
    }
}

impl Map {
    fn only(&self) -> (String, Vec<u8>, Duration) {
        let map = self.0.lock().unwrap();
        let (name, (value, ttl)) = map.first_key_value().unwrap();
        assert_eq!(map.len(), 1);
        (name.clone(), value.clone(), *ttl)
    }

    fn replace(&self, value: Vec<u8>) {
        self.0.lock().unwrap().first_entry().unwrap().get_mut().0 = value;
    }
}

fn first(cache: &Map) -> World {
    World::with(|issuer| issuer, |builder| builder.cache(cache.clone(), SECRET))
}

fn next(world: &World, cache: &Map) -> World {
    world.another(|issuer| issuer, |builder| builder.cache(cache.clone(), SECRET))
}

fn asking(issuer: Issuer, remember: u64) -> Issuer {
    let how = Introspection::new(ENDPOINT, "orders", "secret").remember(Duration::from_secs(remember));
    issuer.introspect(how)
}

#[tokio::test]
async fn one_process_fetches_for_all() {
    let cache = Map::default();
    let world = first(&cache);
    let token = world.token(json!({}));
    world.verify(&token).await.unwrap();
    assert_eq!(cache.only().2, Duration::from_secs(600), "the max-age of the set");
    for _ in 0..10 {
        next(&world, &cache).verify(&token).await.unwrap();
    }
    assert_eq!((world.net.count(METADATA), world.net.count(JWKS)), (1, 1));
    // As old as it was to the first: it isn't used for longer because it was passed on.
    world.clock.advance(599);
    next(&world, &cache).verify(&world.token(json!({ "exp": NOW + 9000 }))).await.unwrap();
    assert_eq!(world.net.count(JWKS), 1);
    world.clock.advance(1);
    next(&world, &cache).verify(&world.token(json!({ "exp": NOW + 9000 }))).await.unwrap();
    assert_eq!(world.net.count(JWKS), 2);
}

#[tokio::test]
async fn a_key_that_was_removed_counts_as_long_as_where_it_was_fetched() {
    let cache = Map::default();
    let world = first(&cache);
    let token = world.token(json!({ "exp": NOW + 9000 }));
    world.verify(&token).await.unwrap();
    world.net.serve(JWKS, &jwks(&[&Key::new(2)]));
    world.clock.advance(599);
    let next = next(&world, &cache);
    next.verify(&token).await.unwrap();
    world.clock.advance(1);
    assert_eq!(next.reason(&token).await, Reason::UnknownKey);
}

#[tokio::test]
async fn a_key_that_the_cache_has_not_is_fetched() {
    let cache = Map::default();
    let world = first(&cache);
    world.verifier.warm().await.unwrap();
    let rotated = Key::new(2);
    world.net.serve(JWKS, &jwks(&[&world.key, &rotated]));
    let token = rotated.sign(&rotated.header().to_string(), &claims_with(json!({})).to_string());
    let other = next(&world, &cache);
    other.verify(&world.token(json!({}))).await.unwrap();
    world.clock.advance(30);
    other.verify(&token).await.unwrap();
    assert_eq!(world.net.count(JWKS), 2);
    // The first process finds the new set in the cache.
    world.verify(&token).await.unwrap();
    assert_eq!(world.net.count(JWKS), 2);
}

#[tokio::test]
async fn a_newer_set_of_the_cache_is_not_enough_if_it_lacks_the_key() {
    let cache = Map::default();
    let world = first(&cache);
    world.verifier.warm().await.unwrap();
    let other = next(&world, &cache);
    other.verifier.warm().await.unwrap();
    world.clock.advance(300);
    // The first process fetches the set again, in the background.
    world.verify(&world.token(json!({}))).await.unwrap();
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.net.count(JWKS), 2);
    let rotated = Key::new(2);
    world.net.serve(JWKS, &jwks(&[&world.key, &rotated]));
    let token = rotated.sign(&rotated.header().to_string(), &claims_with(json!({})).to_string());
    other.verify(&token).await.unwrap();
    assert_eq!(world.net.count(JWKS), 3);
}

#[tokio::test]
async fn nobody_without_the_secret_can_put_keys_into_it() {
    let cache = Map::default();
    let world = first(&cache);
    world.verify(&world.token(json!({}))).await.unwrap();
    let (_, kept, _) = cache.only();
    let thief = Key::new(9);
    let forged = thief.sign(&thief.header().to_string(), &claims_with(json!({})).to_string());
    let mut fetches = 1;
    let mut entries: Vec<Vec<u8>> = (0..kept.len()).step_by(7).map(|at| flipped(&kept, at)).collect();
    // Dates and MAC as they are, with other keys; and pieces.
    entries.push([&kept[..48], jwks(&[&thief]).to_string().as_bytes()].concat());
    entries.extend([
        kept[..48].to_vec(),
        kept[..47].to_vec(),
        vec![0; 16],
        Vec::new(),
        jwks(&[&thief]).to_string().into(),
    ]);
    for entry in entries {
        cache.replace(entry);
        let other = next(&world, &cache);
        assert_eq!(other.reason(&forged).await, Reason::UnknownKey);
        other.verify(&world.token(json!({}))).await.unwrap();
        fetches += 1;
        assert_eq!(world.net.count(JWKS), fetches, "fetched instead");
    }
    // Another secret reads nothing, and finds nothing to overwrite.
    let stranger = Map::default();
    *stranger.0.lock().unwrap() = cache.0.lock().unwrap().clone();
    let other = world.another(|issuer| issuer, |builder| builder.cache(stranger.clone(), &[7; 32]));
    other.verify(&world.token(json!({}))).await.unwrap();
    assert_eq!((world.net.count(JWKS), stranger.0.lock().unwrap().len()), (fetches + 1, 2));
}

#[tokio::test]
async fn an_entry_counts_only_where_it_was_put_and_until_it_ends() {
    let cache = Map::default();
    let process = |issuer: Issuer| asking(issuer, 60);
    let world = World::with(process, |builder| builder.cache(cache.clone(), SECRET));
    world.net.serve(ENDPOINT, &json!({ "active": true }));
    let revoked = world.token(json!({ "jti": "id-2" }));
    world.verify(&revoked).await.unwrap();
    world.clock.advance(50);
    let token = world.token(json!({}));
    let before: Vec<String> = cache.0.lock().unwrap().keys().cloned().collect();
    world.verify(&token).await.unwrap();
    let entries = cache.0.lock().unwrap().clone();
    let (_, (active, _)) = entries.iter().find(|(name, _)| !before.contains(name)).unwrap();

    // Whoever owns the cache puts the answer about one token in the place of all others.
    world.clock.advance(11);
    world.net.serve(ENDPOINT, &json!({ "active": false }));
    for name in entries.keys() {
        cache.0.lock().unwrap().insert(name.clone(), (active.clone(), Duration::MAX));
    }
    let another = || world.another(process, |builder| builder.cache(cache.clone(), SECRET));
    assert_eq!(another().reason(&revoked).await, Reason::Inactive);
    another().verify(&token).await.unwrap();

    // And leaves it there after it has ended.
    world.clock.advance(49);
    assert_eq!(another().reason(&token).await, Reason::Inactive);
}

#[tokio::test]
async fn an_introspection_is_shared_as_far_as_each_process_permits() {
    let cache = Map::default();
    let process = |remember| move |issuer: Issuer| asking(issuer, remember);
    let with_cache = |builder: keyward_guard::Builder| builder.cache(cache.clone(), SECRET);
    let world = World::with(process(60), with_cache);
    world.net.serve(ENDPOINT, &json!({ "active": true }));
    let short = world.token(json!({ "exp": NOW + 20 }));
    world.verify(&short).await.unwrap();
    world.another(process(60), with_cache).verify(&short).await.unwrap();
    assert_eq!(world.net.count(ENDPOINT), 1);
    let ttls: Vec<Duration> = cache.0.lock().unwrap().values().map(|(_, ttl)| *ttl).collect();
    assert!(ttls.contains(&Duration::from_secs(20)), "the token's own end: {ttls:?}");
    // One that remembers for less, or not at all, asks for itself.
    for remember in [10, 0] {
        let before = world.net.count(ENDPOINT);
        world.another(process(remember), with_cache).verify(&short).await.unwrap();
        assert_eq!(world.net.count(ENDPOINT), before + 1, "{remember}");
    }
    // The issuer answers another client differently.
    let other = |issuer: Issuer| {
        issuer.introspect(Introspection::new(ENDPOINT, "stock", "secret").remember(Duration::from_secs(60)))
    };
    let before = world.net.count(ENDPOINT);
    world.another(other, with_cache).verify(&short).await.unwrap();
    assert_eq!(world.net.count(ENDPOINT), before + 1);
}

#[tokio::test]
async fn the_cache_holds_no_token() {
    let cache = Map::default();
    let world = World::with(|issuer| asking(issuer, 60), |builder| builder.cache(cache.clone(), SECRET));
    world.net.serve(ENDPOINT, &json!({ "active": true }));
    let token = world.token(json!({}));
    world.verify(&token).await.unwrap();
    let signature = token.rsplit('.').next().unwrap();
    let map = cache.0.lock().unwrap();
    assert_eq!(map.len(), 2);
    for (name, (value, _)) in &*map {
        let held = format!("{name} {}", String::from_utf8_lossy(value));
        for part in [signature, "user-1", "shop", "secret", "login.example", ENDPOINT] {
            assert!(!held.contains(part), "{held}");
        }
    }
}

#[test]
fn a_short_secret_is_refused() {
    let issuer = Issuer::new("https://login.example").audience("a");
    let built = Verifier::builder().issuer(issuer).cache(Map::default(), &[0; 31]).build();
    assert_eq!(built.err(), Some(Misconfigured::CacheSecret));
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

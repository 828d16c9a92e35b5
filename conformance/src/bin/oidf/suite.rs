//! The suite's REST interface, as far as a run needs it.

use crate::client::{Http, Reply};
use crate::output::Outcome;
use http::{Method, StatusCode};
use protocol::params::encode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::time::Instant;

/// Most answers come at once; creating a plan takes longer, and a machine may be busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the suite holds a poll at most.
const POLL: Duration = Duration::from_secs(30);

/// A suite.
pub(crate) struct Suite(Http);

/// A plan that the suite has made.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedPlan {
    pub(crate) id: String,
    pub(crate) modules: Vec<PlannedModule>,
}

/// A module of a plan.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlannedModule {
    pub(crate) test_module: String,
    #[serde(default)]
    pub(crate) variant: Map<String, Value>,
}

/// The state of a module.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Info {
    pub(crate) status: String,
    pub(crate) result: Option<String>,
}

/// An entry of a module's log; most members are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    src: Option<String>,
    result: Option<String>,
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Started {
    id: String,
}

#[derive(Deserialize)]
struct Polled {
    state: Option<String>,
}

/// What counts against a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Against {
    /// A broken rule.
    Failure,
    /// A recommendation that is not followed.
    Warning,
}

impl std::fmt::Display for Against {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Failure => "FAILURE",
            Self::Warning => "WARNING",
        })
    }
}

impl Entry {
    /// The entry as a finding, if it counts against the module.
    pub(crate) fn telling(self) -> Option<(Against, String)> {
        let against = match self.result?.as_str() {
            "FAILURE" => Against::Failure,
            "WARNING" => Against::Warning,
            _ => return None,
        };
        Some((against, format!("{}: {}", self.src.unwrap_or_default(), self.msg.unwrap_or_default())))
    }
}

impl Suite {
    pub(crate) const fn new(http: Http) -> Self {
        Self(http)
    }

    pub(crate) fn base(&self) -> &str {
        self.0.base()
    }

    /// Which release it is.
    pub(crate) async fn version(&self) -> Outcome<String> {
        let version: Version = self.call(Method::GET, "/api/server", None, StatusCode::OK).await?;
        Ok(version.version)
    }

    /// Makes a plan.
    pub(crate) async fn create(
        &self,
        plan: &str,
        variant: &Map<String, Value>,
        configuration: String,
    ) -> Outcome<CreatedPlan> {
        let path = format!("/api/plan?planName={}&variant={}", encode(plan), encode(&text(variant)?));
        self.call(Method::POST, &path, Some(configuration), StatusCode::CREATED).await
    }

    /// Starts a module; its id.
    pub(crate) async fn start(&self, plan: &str, module: &PlannedModule) -> Outcome<String> {
        let (name, variant) = (encode(&module.test_module), text(&module.variant)?);
        let path = format!("/api/runner?test={name}&plan={}&variant={}", encode(plan), encode(&variant));
        let started: Started = self.call(Method::POST, &path, None, StatusCode::CREATED).await?;
        Ok(started.id)
    }

    /// Waits until a module has ended; false if it has not within `patience`. Polls at least once.
    pub(crate) async fn wait(&self, id: &str, patience: Duration) -> Outcome<bool> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let hold = left.min(POLL);
            let path = format!(
                "/api/runner/{}/wait-state?states=FINISHED,INTERRUPTED&timeoutMs={}",
                encode(id),
                hold.as_millis()
            );
            let reply = self.0.send(Method::GET, &path, None, hold + PATIENCE).await?;
            let polled: Polled = read(&path, &reply, StatusCode::OK)?;
            if polled.state.is_some() {
                return Ok(true);
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// The state of a module.
    pub(crate) async fn info(&self, id: &str) -> Outcome<Info> {
        self.call(Method::GET, &format!("/api/info/{}", encode(id)), None, StatusCode::OK).await
    }

    /// What a module logged.
    pub(crate) async fn log(&self, id: &str) -> Outcome<Vec<Entry>> {
        self.call(Method::GET, &format!("/api/log/{}", encode(id)), None, StatusCode::OK).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
        wanted: StatusCode,
    ) -> Outcome<T> {
        let reply = self.0.send(method, path, body, PATIENCE).await?;
        read(path, &reply, wanted)
    }
}

fn text(variant: &Map<String, Value>) -> Outcome<String> {
    Ok(serde_json::to_string(variant)?)
}

fn read<T: DeserializeOwned>(path: &str, reply: &Reply, wanted: StatusCode) -> Outcome<T> {
    let path = path.split('?').next().unwrap_or_default();
    if reply.status != wanted {
        let why: Option<Value> = serde_json::from_slice(&reply.body).ok();
        let why = why.and_then(|why| Some(why.get("error")?.as_str()?.to_owned())).unwrap_or_default();
        return Err(format!("the suite answered {path} with {} {why}", reply.status.as_u16()).into());
    }
    serde_json::from_slice(&reply.body)
        .map_err(|error| format!("the suite's answer to {path} is not understood: {error}").into())
}

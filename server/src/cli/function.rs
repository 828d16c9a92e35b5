//! The binary as an AWS Lambda function: started without a command where Lambda's variables are set. The handler's name in
//! the function's configuration says what for: `rotate` for the function that only rotates the keys, anything else for the
//! one that serves.

use super::context::{Context, block_on_all_cores, unfinished_import};
use super::output::{Failed, Outcome, print};
use super::serve::{STOPS, open, stop_signal};
use crate::app::App;
use crate::assembly;
use crate::config::Settings;
use crate::config::env::Env;
use crate::config::resolve::{Surroundings, resolve};
use crate::every_minute::EveryMinute;
use crate::metrics::EmbeddedMetrics;
use crate::routes;
use crate::telemetry::{self, LogThrottle};
use crate::transport::bounds::{REQUEST_TIME, answer, bare};
use crate::transport::lambda::{self, Function, VARIABLES};
use crate::upkeep;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use keys::Run;
use keys::clock::{Clock as _, SystemClock};
use protocol::event::{Event, What};
use protocol::time::Timestamp;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use storage::UNFINISHED_IMPORT;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout};

/// The handler's name in the function that only rotates the keys.
const ROTATE: &str = "rotate";
/// How long the initialisation may take; Lambda gives it ten seconds.
const START_TIME: Duration = Duration::from_secs(8);
/// How long a request may take to start what the initialisation could not.
const RESTART_TIME: Duration = Duration::from_secs(4);
/// How long nothing is tried after a start that failed: requests in that time are answered at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the process is a function: Lambda started it, and without a command. In a container image, Lambda's emulator
/// included, the handler's name is the only argument.
pub(super) fn is_function(env: &Env, arguments: &[OsString]) -> bool {
    let started_by_lambda = env.get("AWS_LAMBDA_RUNTIME_API").is_some();
    let is_handler = |argument: &OsString| env.get("_HANDLER").is_some_and(|handler| argument == handler);
    started_by_lambda && arguments.iter().skip(1).all(is_handler)
}

pub(super) fn run(context: &Context) -> Outcome {
    let began = Instant::now();
    if let Some(missing) = VARIABLES.into_iter().find(|name| context.env.get(name).is_none()) {
        let why = format!(
            "{missing} is not set: Lambda sets it for every function; to run a server, use `keyward serve`"
        );
        return Err(Failed(why));
    }
    let settings = resolve(&context.raw()?, Surroundings { function: true, ..Surroundings::default() })?;
    telemetry::install(settings.log_format, context.env.log_filter());
    let rotates = context.env.get("_HANDLER") == Some(ROTATE);
    block_on_all_cores(async {
        let settings = Arc::new(settings);
        let stop = stop_signal(STOPS)?;
        if rotates {
            return Ok(lambda::run(Arc::new(Rotating(settings)), stop).await?);
        }
        let function = context.env.get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let serving = Arc::new(Serving::new(settings, function));
        // Lambda gives the initialisation more of a processor than the requests. What is away now is tried again by each.
        serving.started(START_TIME).await;
        let started_ms = began.elapsed().as_secs_f64() * 1e3;
        tracing::info!(started_ms, "ready for events");
        let ended = lambda::run(serving.clone(), stop).await;
        if let Some(started) = serving.started.get() {
            started.app.failure_log().tell_all();
            serving.tell_metrics(&started.app);
        }
        Ok(ended?)
    })
}

/// The function that serves.
struct Serving {
    settings: Arc<Settings>,
    started: OnceCell<Started>,
    /// Until when no start is tried.
    paused: Mutex<Option<Instant>>,
    failed: LogThrottle,
    metrics: EmbeddedMetrics,
}

struct Started {
    app: App,
    router: Router,
    /// When the keys are to be looked after.
    upkeep: EveryMinute,
}

impl Serving {
    fn new(settings: Arc<Settings>, function: &str) -> Self {
        let (started, paused, failed) = (OnceCell::new(), Mutex::default(), LogThrottle::default());
        Self { settings, started, paused, failed, metrics: EmbeddedMetrics::new(function) }
    }

    /// Writes what was counted since the last time, for CloudWatch.
    fn tell_metrics(&self, app: &App) {
        if let Some(line) = self.metrics.line(&app.metrics, &app.gauges())
            && let Err(Failed(why)) = print(&line)
        {
            tracing::warn!(why, "metrics can't be written");
        }
    }

    /// What answers, unless the store can't be opened within `limit`; then a request tries again after a pause. Requests
    /// that wait for the same start share its failure.
    async fn started(&self, limit: Duration) -> Option<&Started> {
        self.started.get_or_try_init(|| self.try_start(limit)).await.ok()
    }

    async fn try_start(&self, limit: Duration) -> Result<Started, ()> {
        let until = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if until.is_some_and(|until| Instant::now() < until) {
            return Err(());
        }
        let late = || Failed(format!("store and keys were not open after {} s", limit.as_secs()));
        match timeout(limit, self.start()).await.unwrap_or_else(|_| Err(late())) {
            Ok(started) => Ok(started),
            Err(Failed(why)) => {
                *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + PAUSE);
                if let Some(times) = self.failed.due(since_epoch(SystemClock.now())) {
                    tracing::error!(
                        times,
                        why,
                        "requests are answered with 503 until store and keys can be opened"
                    );
                }
                Err(())
            }
        }
    }

    async fn start(&self) -> Result<Started, Failed> {
        let app = open(&self.settings, false).await?;
        app.passwords.warm();
        let router = routes::router(app.clone(), None);
        let upkeep = EveryMinute::after(since_epoch(app.clock.now()));
        Ok(Started { app, router, upkeep })
    }
}

impl Started {
    /// Looks after the keys if nobody did for a minute. Between requests the process stands still, so no timer can.
    async fn look_after(&self) {
        if self.upkeep.is_due(since_epoch(self.app.clock.now())) {
            upkeep::look_after_keys(&self.app).await;
        }
    }
}

#[async_trait]
impl Function for Serving {
    async fn request(&self, request: Request<Body>) -> Response<Body> {
        let uri = request.uri().clone();
        let Some(started) = self.started(RESTART_TIME).await else {
            return bare(StatusCode::SERVICE_UNAVAILABLE, uri.path());
        };
        let answer = answer(started.router.clone(), request, REQUEST_TIME);
        let answered = tokio::join!(answer, started.look_after()).0;
        if self.metrics.is_due(started.app.clock.now()) {
            self.tell_metrics(&started.app);
        }
        answered.unwrap_or_else(|| bare(StatusCode::SERVICE_UNAVAILABLE, uri.path()))
    }

    async fn scheduled(&self) -> Result<Value, String> {
        rotate(&self.settings).await.map_err(|failed| failed.0)
    }
}

fn since_epoch(now: Timestamp) -> Duration {
    Duration::from_millis(now.millis())
}

/// The function that only rotates the keys: it opens none, and answers no requests.
struct Rotating(Arc<Settings>);

#[async_trait]
impl Function for Rotating {
    async fn request(&self, _: Request<Body>) -> Response<Body> {
        bare(StatusCode::NOT_FOUND, "")
    }

    async fn scheduled(&self) -> Result<Value, String> {
        rotate(&self.0).await.map_err(|failed| failed.0)
    }
}

/// What `keyward keys rotate --if-due` does.
async fn rotate(settings: &Settings) -> Result<Value, Failed> {
    let store = assembly::open_store(settings, false).await?;
    if store.issuer().await?.as_deref() == Some(UNFINISHED_IMPORT) {
        return Err(unfinished_import());
    }
    let custody = assembly::custody(settings, &settings.keys);
    let rotator = assembly::rotator(settings, Arc::clone(&store), &custody);
    let run = assembly::admin(store).change_ring(Event::new(What::KeysRenewed), rotator.run()).await?;
    let done = match run {
        Run::First => "first keys made",
        Run::Rotated => "new keys made",
        Run::Nothing => "nothing was due",
        Run::Claimed { .. } => "another process is making keys",
        Run::Moving { is_due: false, .. } => "nothing was due; the keys are being moved",
        Run::Moving { to, is_due: true } => {
            return Err(Failed(format!(
                "a rotation is due, but the keys are being moved to {to}: end the move"
            )));
        }
    };
    tracing::info!(done, "the scheduled run has ended");
    Ok(json!({ "done": done }))
}

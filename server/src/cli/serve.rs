//! `keyward serve`.

use super::context::{Context, block_on_all_cores, unfinished_import};
use super::notify::ServiceManager;
use super::output::{Failed, Outcome, print};
use super::reload::{Reloader, hangup, with_times};
use crate::app::App;
use crate::assembly;
use crate::config::raw::Raw;
use crate::config::resolve::{Surroundings, listen_address, resolve};
use crate::config::{ClientIp, Settings};
use crate::metrics::Registry;
use crate::transport::descriptors;
use crate::transport::http::{Limits, Served, serve_current};
use crate::transport::metrics::serve_metrics;
use crate::transport::tls::Certificate;
use crate::{routes, telemetry, upkeep};
use arc_swap::ArcSwap;
use axum::Router;
use keys::Keys;
use protocol::issuer::Issuer;
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use storage::{Store, UNFINISHED_IMPORT};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The most connections at a time behind front ends, of which one front end gets half.
const CONNECTIONS_OF_FRONT_ENDS: usize = 768;

/// With fewer the server doesn't start.
const LEAST_CONNECTIONS: usize = 48;
/// How many networks it takes at least to use all connections.
const NETWORKS_TO_FILL: usize = 16;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Certificate chain for HTTPS. A renewed certificate is used within a minute, or at once on SIGHUP
    #[arg(long, value_name = "PEM", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key
    #[arg(long, value_name = "PEM", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Assign the store to another issuer: clients then refuse every token issued before
    #[arg(long)]
    change_issuer: bool,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let raw = with_listen(context.raw()?, args.listen.clone());
    let tls = args.tls_cert.zip(args.tls_key);
    let tls = tls.map(|(chain, key)| Certificate::open(&chain, &key)).transpose()?;
    let (certificate, tls) = tls.unzip();
    block_on_all_cores(async {
        let hangup = hangup()?;
        let listening = Listening::bind(&raw, tls).await?;
        telemetry::install(listening.settings.log_format, context.env.log_filter());
        let links = raw.service_links().collect::<Vec<_>>().join(" ");
        if !links.is_empty() {
            tracing::info!(variables = links, "Kubernetes set these for a Service; they are not settings");
        }
        let app = listening.open(args.change_issuer).await?;
        let router = routes::router(app.clone(), None);
        print(&listening.ready_line())?;
        let (source, surroundings) = (context.clone(), listening.surroundings);
        let read = move || Ok(resolve(&with_listen(source.raw_again()?, args.listen.clone()), surroundings)?);
        let reloader = Reloader::new(hangup, certificate, read);
        listening.serve(app, router, &ServiceManager::of(&context.env), Some(reloader)).await
    })
}

/// The texts of the settings, with the flag that overrides one.
fn with_listen(mut raw: Raw, listen: Option<String>) -> Raw {
    if let Some(listen) = listen {
        raw.set_flag("listen", "--listen", listen);
    }
    raw
}

/// A bound listener and the settings that follow from it.
pub(super) struct Listening {
    listener: TcpListener,
    surroundings: Surroundings,
    tls: Option<TlsAcceptor>,
    limits: Limits,
    metrics: Option<TcpListener>,
    pub(super) settings: Arc<Settings>,
}

impl Listening {
    pub(super) async fn bind(raw: &Raw, tls: Option<TlsAcceptor>) -> Result<Self, Failed> {
        let wanted = listen_address(raw)?;
        let listener = TcpListener::bind(wanted).await.map_err(|error| {
            Failed(format!("can't listen on {wanted}: {error}; choose another address with --listen"))
        })?;
        let bound = listener.local_addr()?;
        let surroundings = Surroundings { tls: tls.is_some(), bound: Some(bound), ..Surroundings::default() };
        let settings = resolve(raw, surroundings)?;
        let limits = limits(&settings, descriptors::raise())?;
        let metrics = bind_metrics(raw, &settings).await?;
        Ok(Self { listener, surroundings, tls, limits, metrics, settings: Arc::new(settings) })
    }

    /// Opens store and keys, and creates those that don't exist.
    pub(super) async fn open(&self, change_issuer: bool) -> Result<App, Failed> {
        open(&self.settings, change_issuer).await
    }

    /// The line that says that the server is ready.
    pub(super) fn ready_line(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let Settings { listen, issuer, .. } = &*self.settings;
        format!("keyward listening on {scheme}://{listen} issuer {issuer}")
    }

    /// Serves until a signal stops the process, and lets open requests finish. Without a `reloader`, SIGHUP stops it, too.
    pub(super) async fn serve(
        self,
        app: App,
        router: Router,
        manager: &ServiceManager<'_>,
        reloader: Option<Reloader>,
    ) -> Outcome {
        if behind_a_front_end(&self.settings, self.tls.is_some())
            && self.settings.client_ip == ClientIp::Socket
        {
            tracing::warn!(
                "the issuer is https and this listener is not, so every call comes from a front end, and all callers share its \
                 limits: name the header with the caller's address in `client_ip`, and set `origin_secret`"
            );
        }
        let upkeep = tokio::spawn(upkeep::run(app.clone()));
        if let Some(listener) = &self.metrics {
            tracing::info!(address = %listener.local_addr()?, "metrics are served at /metrics");
        }
        let metrics = self.metrics.map(|listener| tokio::spawn(serve_metrics(listener, app.clone())));
        let connections = Arc::clone(&app.metrics.connections);
        let stopped = stop_signal(if reloader.is_some() { STOPS } else { STOPS_ON_TERMINAL })?;
        let served = Served { tls: self.tls, router, limits: self.limits };
        let served = Arc::new(ArcSwap::from_pointee(served));
        let reloading = reloader.map(|reloader| tokio::spawn(reloader.run(app.clone(), Arc::clone(&served))));
        manager.ready();
        let stop = async {
            stopped.await;
            manager.stopping();
        };
        let ended = serve_current(self.listener, served, connections, stop).await;
        upkeep.abort();
        metrics.inspect(JoinHandle::abort);
        reloading.inspect(JoinHandle::abort);
        app.failure_log().tell_all();
        Ok(ended?)
    }
}

/// The listener for metrics, if there is to be one.
async fn bind_metrics(raw: &Raw, settings: &Settings) -> Result<Option<TcpListener>, Failed> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(address).await.map_err(|error| {
        let fix = format!("can't listen there: {error}; choose another address or port, or remove it");
        raw.complaint("metrics_listen", fix)
    })?;
    Ok(Some(listener))
}

/// Whether a front end terminates TLS.
fn behind_a_front_end(settings: &Settings, tls: bool) -> bool {
    settings.issuer.is_https() && !tls
}

/// The limits that the settings and the process's file descriptors allow. Behind a front end that sends the origin secret all connections
/// are the front end's, which keeps few of them busy; so there are fewer, which limits what they hold together.
fn limits(settings: &Settings, descriptors: usize) -> Result<Limits, Failed> {
    let limits = with_times(Limits::default(), settings);
    let connections = limits.connections.min(descriptors::connections(descriptors));
    if connections < LEAST_CONNECTIONS {
        return Err(Failed(format!(
            "the process may open only {descriptors} files, which is too few: raise the hard limit to 1024 or more \
             (`ulimit -Hn`, or LimitNOFILE of the service)"
        )));
    }
    tracing::debug!(descriptors, connections, "connections at a time");
    if !settings.origin_secret.is_empty() {
        let connections = connections.min(CONNECTIONS_OF_FRONT_ENDS);
        let (connections_of_one, request_bytes_of_one) = (connections / 2, limits.request_bytes);
        return Ok(Limits { connections, connections_of_one, request_bytes_of_one, ..limits });
    }
    let connections_of_one = limits.connections_of_one.min(connections / NETWORKS_TO_FILL);
    Ok(Limits { connections, connections_of_one, ..limits })
}

/// Opens store and keys to serve, and creates those that don't exist.
pub(super) async fn open(settings: &Arc<Settings>, change_issuer: bool) -> Result<App, Failed> {
    let metrics = Arc::new(Registry::default());
    let store = assembly::metered(assembly::open_store(settings, true).await?, &metrics);
    let keys = own_keys(Arc::clone(&store), settings, &metrics, change_issuer).await?;
    Ok(assembly::app(Arc::clone(settings), store, keys, metrics)?)
}

/// Claims the store and opens its keys.
async fn own_keys(
    store: Arc<dyn Store>,
    settings: &Settings,
    metrics: &Registry,
    change_issuer: bool,
) -> Result<Arc<Keys>, Failed> {
    claim_store(Arc::clone(&store), settings, change_issuer).await?;
    let keys = assembly::open_keys(settings, Arc::clone(&store), metrics).await?;
    // They may be those of an import that has begun in between.
    claim_store(store, settings, false).await?;
    Ok(keys)
}

/// Assigns the store to our issuer. A store belongs to one issuer; a loopback issuer may be replaced, since it changes with
/// the port and no one depends on it.
async fn claim_store(store: Arc<dyn Store>, settings: &Settings, change_issuer: bool) -> Result<(), Failed> {
    let ours = settings.issuer.as_str();
    let admin = assembly::admin(store);
    // A lost race is repeated: other processes that start claim the store at most twice each.
    loop {
        let theirs = admin.store.issuer().await?;
        match theirs.as_deref() {
            Some(theirs) if theirs == ours => return Ok(()),
            Some(UNFINISHED_IMPORT) => return Err(unfinished_import()),
            Some(theirs) if !change_issuer && !is_loopback(theirs) => {
                return Err(Failed(format!(
                    "the store belongs to the issuer {theirs}, but the setting `issuer` says {ours}: correct the \
                     setting, or start once with --change-issuer (clients then refuse every token issued before)"
                )));
            }
            _ => {}
        }
        if admin.store.replace_issuer(theirs, ours, admin.call).await?.is_done() {
            return Ok(());
        }
    }
}

fn is_loopback(issuer: &str) -> bool {
    Issuer::parse(issuer).is_ok_and(|issuer| issuer.is_loopback())
}

/// What stops a server: SIGTERM from a supervisor, SIGINT from a keyboard.
pub(super) const STOPS: &[SignalKind] = &[SignalKind::terminate(), SignalKind::interrupt()];

/// What stops a command that belongs to a terminal: also SIGHUP when that is closed, and its other key.
pub(super) const STOPS_ON_TERMINAL: &[SignalKind] =
    &[SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup(), SignalKind::quit()];

/// Ready when one of these signals has come. None of them ends the process by itself from now on.
pub(super) fn stop_signal(kinds: &[SignalKind]) -> Result<impl Future<Output = ()> + use<>, Failed> {
    let mut signals = kinds.iter().map(|kind| signal(*kind)).collect::<Result<Vec<_>, _>>()?;
    Ok(async move {
        poll_fn(|cx| {
            let came = signals.iter_mut().any(|signal| signal.poll_recv(cx).is_ready());
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        tracing::info!("stopping: open requests have 10 s to finish");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::env::Env;
    use protocol::id::Realm;
    use storage::tap::{Meddler, Tap};
    use storage::{Location, RingDocument, Sqlite};
    use tempfile::TempDir;

    /// Starts on an empty store with a public issuer; just before the call of this name another program acts.
    async fn start<F>(
        call: &'static str,
        meddle: impl FnOnce(Arc<dyn Store>) -> F,
    ) -> (Arc<dyn Store>, String)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let folder = TempDir::new().unwrap();
        let keys = format!("local:{}", folder.path().join("master.key").display());
        let variables = [("KEYWARD_ISSUER", "https://op.example"), ("KEYWARD_KEYS", &keys)];
        let settings =
            resolve(&Raw::of(None, &Env::of(&variables)).unwrap(), Surroundings::default()).unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&Location::Memory, true, Realm::main()).unwrap());
        let tapped = Tap::new(Arc::clone(&store), Meddler::before(call, meddle(Arc::clone(&store))));
        let told = match own_keys(Arc::new(tapped), &settings, &Registry::default(), false).await {
            Ok(_) => "started".to_owned(),
            Err(Failed(why)) => why,
        };
        (store, told)
    }

    async fn give(store: Arc<dyn Store>, seen: Option<&str>, issuer: &str) {
        let stamp = assembly::admin(Arc::clone(&store)).call;
        let given = store.replace_issuer(seen.map(str::to_owned), issuer, stamp).await.unwrap();
        assert!(given.is_done());
    }

    #[tokio::test]
    async fn a_store_that_an_import_takes_meanwhile_is_left_alone() {
        let (store, told) = start("replace_issuer", |store| give(store, None, UNFINISHED_IMPORT)).await;
        assert!(told.contains("has not ended"), "{told}");
        assert_eq!(store.issuer().await.unwrap().as_deref(), Some(UNFINISHED_IMPORT));
        assert_eq!(store.ring(RingDocument::Ring).await.unwrap(), None, "it made no keys");
        let take = |store| give(store, Some("https://op.example"), UNFINISHED_IMPORT);
        let (store, told) = start("ring", take).await;
        assert!(told.contains("has not ended"), "{told}");
        assert_eq!(store.issuer().await.unwrap().as_deref(), Some(UNFINISHED_IMPORT));
    }

    #[tokio::test]
    async fn of_two_that_start_at_once_the_second_judges_again() {
        for (theirs, what) in [
            ("https://op.example", "started"),
            ("http://localhost:1234", "started"),
            ("https://other.example", "belongs to the issuer https://other.example"),
        ] {
            let (_, told) = start("replace_issuer", move |store| give(store, None, theirs)).await;
            assert!(told.contains(what), "{theirs}: {told}");
        }
    }
}

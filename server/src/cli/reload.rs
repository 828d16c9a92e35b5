//! What a running server takes over without a restart: on SIGHUP its settings and its certificate, and a certificate that
//! was renewed within a minute without a signal. What can't be used is logged, and what was in use stays.

use super::output::Failed;
use crate::app::App;
use crate::config::{Settings, changed, what_needs_a_restart};
use crate::routes;
use crate::transport::http::{Limits, Served};
use crate::transport::tls::{BadTlsFile, Certificate};
use arc_swap::ArcSwap;
use std::future::pending;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;

/// Where a running server's settings and certificate come from.
pub(super) struct Reloader {
    hangup: Signal,
    read: Arc<dyn Fn() -> Result<Settings, Failed> + Send + Sync>,
    certificate: Option<Certificate>,
}

/// The signal that reloads. From now on it no longer ends the process.
pub(super) fn hangup() -> Result<Signal, Failed> {
    Ok(signal(SignalKind::hangup())?)
}

impl Reloader {
    /// `read` reads the settings again.
    pub(super) fn new(
        hangup: Signal,
        certificate: Option<Certificate>,
        read: impl Fn() -> Result<Settings, Failed> + Send + Sync + 'static,
    ) -> Self {
        Self { hangup, read: Arc::new(read), certificate }
    }

    /// Keeps `served` as it should be, until it is dropped.
    pub(super) async fn run(mut self, mut app: App, served: Arc<ArcSwap<Served>>) {
        loop {
            let signalled = tokio::select! {
                signal = self.hangup.recv() => signal.is_some(),
                renewed = changed_certificate(&mut self.certificate) => {
                    replace_certificate(&served, renewed);
                    continue;
                }
            };
            if !signalled {
                return;
            }
            match self.settings(&app).await {
                Ok(None) => tracing::info!("the settings were read again and are as they were"),
                Ok(Some((new, changed))) => {
                    replace_settings(&served, &new);
                    app = new;
                    tracing::info!(changed, "the settings were reloaded");
                }
                Err(Failed(why)) => {
                    tracing::error!(why, "the settings were not reloaded: those in use stay");
                }
            }
            if let Some(certificate) = &mut self.certificate {
                replace_certificate(&served, certificate.reload().await);
            }
        }
    }

    /// The application with the settings as they are now, and the keys that changed. `None`: none did.
    async fn settings(&self, app: &App) -> Result<Option<(App, String)>, Failed> {
        let read = Arc::clone(&self.read);
        let settings = spawn_blocking(move || read()).await.map_err(|error| Failed(error.to_string()))??;
        let changed = changed(&app.settings, &settings);
        if changed.is_empty() {
            return Ok(None);
        }
        let fixed = what_needs_a_restart(&changed);
        if !fixed.is_empty() {
            return Err(Failed(format!("a change of {} needs a restart", fixed.join(", "))));
        }
        Ok(Some((app.with_settings(Arc::new(settings))?, changed.join(" "))))
    }
}

async fn changed_certificate(certificate: &mut Option<Certificate>) -> Result<TlsAcceptor, BadTlsFile> {
    match certificate {
        Some(certificate) => certificate.changed().await,
        None => pending().await,
    }
}

fn replace_certificate(served: &ArcSwap<Served>, renewed: Result<TlsAcceptor, BadTlsFile>) {
    match renewed {
        Ok(tls) => {
            let Served { router, limits, .. } = &**served.load();
            served.store(Arc::new(Served { tls: Some(tls), router: router.clone(), limits: *limits }));
            tracing::info!("the certificate was reloaded");
        }
        Err(error) => tracing::error!(%error, "the certificate was not reloaded: the one in use stays"),
    }
}

fn replace_settings(served: &ArcSwap<Served>, app: &App) {
    let Served { tls, limits, .. } = &**served.load();
    let limits = with_times(*limits, &app.settings);
    served.store(Arc::new(Served { tls: tls.clone(), router: routes::router(app.clone(), None), limits }));
}

/// The limits with the times that the settings say.
pub(super) fn with_times(limits: Limits, settings: &Settings) -> Limits {
    Limits { head_time: settings.header_timeout, idle_time: settings.idle_timeout, ..limits }
}

//! What commands share: the global flags, the settings, and the store opened for an operator.

use super::output::{Failed, Output};
use crate::admin::Admin;
use crate::assembly;
use crate::config::Origin;
use crate::config::Settings;
use crate::config::env::Env;
use crate::config::raw::Raw;
use crate::config::resolve::{Surroundings, resolve};
use crate::telemetry;
use protocol::issuer::Issuer;
use std::future::Future;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;
use storage::{FINISH_IMPORT, UNFINISHED_IMPORT};
use tokio::runtime::Builder;

/// What commands log by default, except `serve`: problems, and what they changed.
const QUIET: &str = "warn,audit=info";

/// How long a server that ends waits for threads that still compute or read.
const LAST_THREADS: Duration = Duration::from_secs(5);

/// The global flags and the environment.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) config: Option<PathBuf>,
    pub(super) json: bool,
    pub(super) env: Env,
}

impl Context {
    pub(super) const fn output(&self) -> Output {
        Output { json: self.json }
    }

    /// The texts of settings file and environment.
    pub(super) fn raw(&self) -> Result<Raw, Failed> {
        Ok(Raw::read(self.config.as_deref(), &self.env)?)
    }

    /// The texts of the settings while a server runs.
    pub(super) fn raw_again(&self) -> Result<Raw, Failed> {
        Ok(Raw::reread(self.config.as_deref(), &self.env)?)
    }

    /// Begins to log, as a command does.
    pub(super) fn log(&self, settings: &Settings) {
        telemetry::install(settings.log_format, Some(self.env.log_filter().unwrap_or(QUIET)));
    }

    /// The settings for an operator's command, which takes the issuer from the store: it may be set only in the server's
    /// environment.
    pub(super) fn operator_settings(&self) -> Result<Settings, Failed> {
        let mut raw = self.raw()?;
        raw.set_default("issuer", "http://localhost");
        Ok(resolve(&raw, Surroundings::default())?)
    }

    /// The issuer, if it is in file or environment.
    pub(super) fn configured_issuer(&self) -> Result<Option<Issuer>, Failed> {
        let is_set = self.raw()?.origin("issuer") != Origin::Default;
        Ok(if is_set { Some(self.operator_settings()?.issuer) } else { None })
    }

    /// Opens the existing store and runs `work` on it.
    pub(super) fn with_store<F>(&self, work: impl FnOnce(Admin, Settings) -> F) -> Result<(), Failed>
    where
        F: Future<Output = Result<(), Failed>>,
    {
        self.with_any_store(|admin, mut settings| async move {
            if let Some(issuer) = admin.store.issuer().await? {
                if issuer == UNFINISHED_IMPORT {
                    return Err(unfinished_import());
                }
                settings.issuer = Issuer::parse(&issuer).map_err(|why| {
                    Failed(format!("the store's issuer `{issuer}` is damaged: {}", why.fix()))
                })?;
            }
            work(admin, settings).await
        })
    }

    /// The same with a store into which an import may be incomplete. The settings don't have its issuer.
    pub(super) fn with_any_store<F>(&self, work: impl FnOnce(Admin, Settings) -> F) -> Result<(), Failed>
    where
        F: Future<Output = Result<(), Failed>>,
    {
        let settings = self.operator_settings()?;
        self.log(&settings);
        block_on(async move {
            let store = assembly::open_store(&settings, false).await?;
            let claims = settings.claims.clone();
            work(Admin { claims, ..assembly::admin(store) }, settings).await
        })
    }
}

/// The error for a store into which an import is incomplete.
pub(super) fn unfinished_import() -> Failed {
    Failed(format!("an import into this store has not ended: {FINISH_IMPORT}"))
}

/// Runs a command's work, on one thread: commands mostly wait.
pub(super) fn block_on(work: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Runs a server's work, with a thread for each core that the process may use. On one core, tokio's scheduler for one
/// thread is cheaper: it runs tasks in the order in which they are woken, so that simultaneous requests take the same step
/// one after another, with warm caches (bench S11: a quarter less per signature by KMS).
pub(super) fn block_on_all_cores(work: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    let has_one_core = available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let mut builder = if has_one_core { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.enable_all().build()?;
    let done = runtime.block_on(work);
    // A thread may hang in a file system that is away.
    runtime.shutdown_timeout(LAST_THREADS);
    done
}

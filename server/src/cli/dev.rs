//! `keyward dev`: everything on loopback, to try it out.

use super::context::{Context, block_on_all_cores};
use super::notify::ServiceManager;
use super::output::{Failed, Outcome, print};
use super::serve::Listening;
use crate::config::resolve::listen_address;
use crate::demo::{self, Demo};
use crate::{routes, telemetry};
use serde_json::json;

/// What is logged by default: little, since a person reads the terminal.
const QUIET: &str = "warn";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Loopback address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

pub(super) fn run(context: &Context, args: Args) -> Outcome {
    let mut raw = context.raw()?;
    if let Some(listen) = args.listen {
        raw.set_flag("listen", "--listen", listen);
    }
    raw.set_default("signup", "open");
    if !listen_address(&raw)?.ip().is_loopback() {
        let why = "keyward dev shows passwords and tokens, so it listens on loopback only: use 127.0.0.1 or [::1], \
                   or `keyward serve`";
        return Err(Failed(why.into()));
    }
    block_on_all_cores(async {
        let listening = Listening::bind(&raw, None).await?;
        if !listening.settings.issuer.is_loopback() {
            return Err(Failed("keyward dev needs a loopback issuer: remove the setting `issuer`".into()));
        }
        telemetry::install(listening.settings.log_format, Some(context.env.log_filter().unwrap_or(QUIET)));
        let app = listening.open(false).await?;
        let demo = Demo::prepare(&app).await?;
        let text = greeting(&listening.ready_line(), &demo);
        let document = json!({
            "listening": listening.ready_line(),
            "issuer": app.settings.issuer.as_str(),
            "demo": demo.url(),
            "username": demo.username(),
            "password": demo.password(),
            "client_id": demo.machine().id,
            "client_secret": demo.machine().secret,
            "curl": demo.curl(),
        });
        let router = routes::router(app.clone(), Some(demo::router(&app, demo)));
        print(&if context.json { document.to_string() } else { text })?;
        listening.serve(app, router, &ServiceManager::of(&context.env), None).await
    })
}

fn greeting(ready: &str, demo: &Demo) -> String {
    format!(
        "{ready}\n\n\
         Sign in to the demo application:\n\n    {}\n\n    user name  {}\n    password   {}\n\n\
         Get a token for a machine:\n\n    {}\n\n\
         Stop with Ctrl-C. Everything is stored in ./keyward-data, including the demo user and clients; delete that folder to \
         start over.",
        demo.url(),
        demo.username(),
        demo.password(),
        demo.curl(),
    )
}

//! The cases of `TRACE.md`, by what they are about. Each test target that includes this folder says by its `HARNESS`
//! how requests reach the server.

mod account;
mod attempt_isolation;
mod attempt_limits;
mod authorize;
mod busy_store;
mod client_credentials;
mod client_tokens;
mod clock;
mod code;
mod code_replay;
mod confusable_names;
mod consent;
mod cors;
mod documents;
mod flow;
mod front_end;
mod interrupted;
mod introspect;
mod invalidation;
mod login;
mod logout;
mod metrics;
mod per_user_bounds;
mod refresh;
mod refresh_lifetime;
mod refused;
pub(crate) mod requests;
mod signing;
mod signup;
mod store_faults;
mod token;
mod traces;
mod upkeep;
mod userinfo;
mod warm_processes;
mod way_back;

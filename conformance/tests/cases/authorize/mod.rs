//! `/authorize`, never a redirect until client and URI are proven.

mod answer;
mod methods;
mod parameters;
mod pkce;
mod progress;
mod prompt;
mod redirect;
mod requests;

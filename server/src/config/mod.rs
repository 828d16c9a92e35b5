//! What an operator decides. Settings come from a file, then the environment, then the command line. [`table`] lists
//! each of them once; parsing, `config show` and the reference page follow that table.
//!
//! There are two stages, so that each can be read on its own: [`raw`] collects texts and refuses unknown keys,
//! [`resolve`] turns them into [`Settings`] and refuses what is unsafe. Nothing else in the server reads the
//! environment.

mod bad_setting;
mod draft;
pub mod env;
pub mod page;
pub mod raw;
mod readers;
mod reload;
pub mod resolve;
mod row;
mod service_links;
mod settings;
mod store;
pub mod table;
#[cfg(test)]
mod tests;
mod text;

pub use bad_setting::{BadSetting, Origin};
pub use reload::{changed, what_needs_a_restart};
pub use settings::{ClientIp, KeysSetting, LogFormat, OriginSecret, RotatedBy, Settings};
pub use store::StorageSetting;
pub use text::{duration, show_duration};

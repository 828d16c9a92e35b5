//! `/account`: people see and change what is theirs. One file a section; `owner` lets them in.
//!
//! Everything here needs a session in which the password was entered within the last hour, and every form needs a token
//! of this browser and session.

mod apps;
mod list;
mod owner;
mod page;
mod password;
mod profile;
mod sessions;

pub use apps::post as apps;
pub use page::{get, lead};
pub use password::post as password;
pub use profile::post as profile;
pub use sessions::post as sessions;

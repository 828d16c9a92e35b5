//! The claims of tokens and of `/userinfo`.

pub mod access_token;
pub mod audience;
pub mod catalog;
pub mod custom;
pub mod id_token;
pub mod standard;

pub use audience::Audience;
pub use catalog::Catalog;

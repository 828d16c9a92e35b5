//! What tokens say.

pub mod access_token;

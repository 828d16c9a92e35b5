//! Ways into the router. The router is the product; a transport is a few lines around it.

pub mod body;
pub mod descriptors;
pub mod http;
mod slots;
pub mod tls;
mod wire;

//! Ways into the router. The router is the product; a transport is a few lines around it.

pub mod body;
pub mod bounds;
pub mod descriptors;
mod framing;
pub mod http;
pub mod lambda;
pub mod metrics;
mod slots;
pub mod tls;
mod wire;

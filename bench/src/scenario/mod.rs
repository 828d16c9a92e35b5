//! Scenarios: what is asked of a server, one a file. Each makes what it needs in the product, and compares the
//! two servers by a [`Flow`](crate::load::Flow).

pub mod pile;
pub mod s1;
pub mod s10;
pub mod s2;
pub mod s3;
pub mod s4;
pub mod s5;
pub mod s6;
pub mod s7;
pub mod s8;
pub mod s9;
pub mod testbed;

//! Scenarios, one per file. Each makes the clients and users that it needs, and compares the two servers by a
//! [`Flow`](crate::load::Flow). `bench/README.md` lists them.

pub mod pile;
pub mod s1;
pub mod s10;
pub mod s11;
pub mod s2;
pub mod s3;
pub mod s4;
pub mod s5;
pub mod s6;
pub mod s7;
pub mod s8;
pub mod s9;
pub mod testbed;

//! The programs `seed` and `oidf` as they are run by hand. The suite they speak to is a stand-in that plays its REST
//! interface and ends each module as a test wants it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod fake_suite;
mod run;
mod seed;

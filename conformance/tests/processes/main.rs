//! The product as operators run it: real processes on a real file.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at the first surprise"
)]

mod authorizer;
mod cloud;
mod commands;
mod connections;
mod core_dumps;
mod disk_failures;
mod doctor_aws;
mod front_end;
mod function;
mod function_start;
mod guides;
mod hostile_connections;
mod kill;
mod kms_away;
mod metrics;
mod moves;
mod platforms;
mod programs;
mod reload;
mod rewrapping;
mod shared_file;
mod sign_in;
mod signatures;
mod start_and_stop;
mod supervised;

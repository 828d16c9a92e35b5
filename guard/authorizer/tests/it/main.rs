//! The authorizer with events of each shape, written from AWS's documentation, and a clock that stands still.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at the first surprise")]

mod events;
mod fixture;
mod settings;

//! What is sent to DynamoDB and KMS: how much it costs, and what happens when the connection breaks at any call. And a store
//! that moves from SQLite to DynamoDB and back.

mod broken_connection;
mod cost;
mod interrupted_import;
mod kms_calls;
mod kms_page;
mod log;
mod requests;
mod skeletons;
mod transfer;

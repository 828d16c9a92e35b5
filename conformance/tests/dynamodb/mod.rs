//! What is sent to DynamoDB: how much it costs, and what happens when the connection breaks at any call. And a store
//! that moves from SQLite to DynamoDB and back.

mod broken_connection;
mod cost;
mod interrupted_import;
mod log;
mod requests;
mod skeletons;
mod transfer;

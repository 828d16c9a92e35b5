//! The authorization server: endpoints, keys, configuration and transports around the rules of `protocol`.

pub mod admin;
pub mod admission;
pub mod app;
pub mod assembly;
pub mod attempts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod endpoints;
pub mod entropy;
pub mod in_flight;
pub mod interaction;
pub mod jose;
pub mod keys;
pub mod pages;
pub mod password;
pub mod routes;
pub mod seal;
pub mod single_flight;
pub mod tasks;
pub mod telemetry;
pub mod token;
pub mod transport;
pub mod upkeep;
pub mod web;

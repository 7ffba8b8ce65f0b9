//! Shards: each owns one store and runs commands on it, alone or together with others.

pub mod claim;
pub mod driven;
mod errands;
pub mod executor;
pub mod handler;
pub mod hub;
pub mod lent_time;
pub mod operation;
pub mod parking;
mod pause;
pub mod probe;
pub mod replies;
mod rest;
pub mod route;
pub mod runner;
pub mod serve;
pub mod slices;
mod submit;
pub mod together;
pub mod transaction;
mod turn;

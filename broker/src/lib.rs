//! The Schleuse broker as a library; `main.rs` is a thin program around it.
//!
//! Modules import only downwards: [`operations`] → [`server`] and [`config`] → [`edge`] → [`engine`] →
//! [`witness`], [`record`] → [`journal`], [`index`] → [`domain`]. A tidy test enforces it.

pub mod config;
pub mod domain;
pub mod edge;
pub mod engine;
pub mod index;
pub mod journal;
pub mod operations;
pub mod record;
pub mod server;
pub mod witness;

//! The Schleuse broker as a library; `main.rs` is a thin program around it.
//!
//! Modules import only downwards: [`edge`] → [`engine`] → [`record`] → [`journal`], [`index`] →
//! [`domain`]. A tidy test enforces it.

pub mod domain;
pub mod index;
pub mod journal;
pub mod record;

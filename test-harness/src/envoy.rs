//! Real Envoys: where the binary comes from, what configures one sidecar, and its life as a process.

pub mod admin;
pub mod binary;
pub mod config;
pub mod process;

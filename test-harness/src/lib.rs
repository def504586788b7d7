//! Scenarios, a simulated Proxy-Wasm host, real Envoys, and the local mesh sandbox.

pub mod artifact;
pub mod authorization_policy;
pub mod bench;
pub mod client;
pub mod debian;
pub mod demo;
pub mod egress;
pub mod envoy;
pub mod fragile;
pub mod host;
pub mod istio;
pub mod mesh;
pub mod numbered;
pub mod outside;
pub mod pki;
pub mod policy_directory;
pub mod registry;
pub mod runner;
pub mod sbom;
pub mod scenario;
pub mod sdk;
pub mod service;
pub mod soak;
pub mod unruly;
pub mod upstream;
pub mod wheel;

//! Istio's own control plane and agent, on this machine and without Kubernetes: a stand-in for the API server, the real
//! `pilot-discovery` that reads it, and pods that are a real `pilot-agent` with the stock Envoy each.

pub mod api_server;
pub mod binaries;
pub mod control_plane;
pub mod pod;

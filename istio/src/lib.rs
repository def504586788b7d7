//! Istio objects and the OCI image from compiled policy.

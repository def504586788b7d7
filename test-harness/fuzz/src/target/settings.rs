//! Plugin configurations.

use ambit_filter::settings::{Role, Settings};

pub(crate) fn run(bytes: &[u8]) {
    match Settings::parse(bytes) {
        Ok(settings) => assert!(settings.role == Role::Inbound || settings.live.is_some()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

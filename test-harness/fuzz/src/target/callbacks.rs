//! Callbacks in any order, and host calls that fail. An input is a script: see [`ambit_harness::unruly`].

use ambit_harness::unruly;

pub(crate) fn run(bytes: &[u8]) {
    unruly::run(bytes);
}

//! What is claimed, each about one kind of bytes.

pub(crate) mod blob;
pub(crate) mod callbacks;
pub(crate) mod lineage;
pub(crate) mod names;
mod policies;
pub(crate) mod policy;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod settings;

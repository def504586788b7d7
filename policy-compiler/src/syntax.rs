//! From text to documents: YAML with places, then the shape of each kind.

pub mod ast;
mod conform;
pub mod decode;
pub mod limits;
pub mod node;
pub mod shape;
pub mod suggest;
pub mod yaml;

//! From the bytes of a request to the facts that policy reads.
//!
//! Everything a caller controls arrives here as bytes: the path, the query, the body, the headers that
//! repeat the body, and the spelling of the identity in the certificate. This crate turns them into facts
//! that have one meaning only, or refuses them with a stable word. Two parsers that disagree about a
//! request are how authorization is bypassed; so wherever receivers differ, there is a refusal here.
//!
//! - [`path`], [`query`], [`uri`]: one spelling for a path, the fields of a query, one spelling for a URI;
//! - [`destination`]: the host and the port that a call is for;
//! - [`spiffe`]: the identity of the peer;
//! - [`json`]: a strict scanner that takes its input in pieces;
//! - [`extract`]: one pass over a body that keeps only the selected fields;
//! - [`jsonrpc`], [`mcp`], [`a2a`], [`grpc`]: what a request of each protocol asks for;
//! - [`action`]: the action keys by which policy names what is asked;
//! - [`media`]: whether a body is what it must be to be read.
//!
//! It does not decide anything, knows no policy, makes no hostcalls and does no I/O. It does not undo
//! content-encodings, read Protobuf, or follow references. It depends on `alloc` only, is total (no input
//! makes it panic), and its memory is bounded by [`limits`] and by the selection, whatever the request.
//!
//! For fuzzing, these take arbitrary bytes: [`path::canonicalize`], [`query::Query::field`],
//! [`uri::canonicalize_uri`], [`destination::Authority::parse`], [`destination::Url::parse`],
//! [`spiffe::SpiffeId::parse`], [`grpc::GrpcMethod::parse`], [`media::media`], [`action::check_name`], and
//! [`extract::extract`] followed by [`mcp::messages`], [`a2a::Call::read`] or [`a2a::PushFields::urls`].
//!
//! ```
//! use ambit_request::extract::{Root, Selection, Step, Value, extract};
//!
//! let mut selection = Selection::builder(Root::Document);
//! let table = selection.field(&[Step::Key("args"), Step::Key("table")])?;
//! let amounts = selection.field(&[Step::Key("items"), Step::Elements, Step::Key("amount")])?;
//! let selection = selection.build();
//!
//! let facts = extract(&selection, br#"{"args": {"table": "orders"}, "items": [{"amount": 5}, {}]}"#)?;
//! let document = facts.document(0).ok_or("no document")?;
//! assert_eq!(document.value(table), Value::Text(b"orders"));
//! let Value::List(amounts) = document.value(amounts) else { return Err("no list".into()) };
//! assert_eq!(amounts.get(0), Some(Value::Number(5.into())));
//! assert_eq!(amounts.get(1), Some(Value::Absent));
//!
//! assert!(extract(&selection, br#"{"args": {"table": "orders", "table": "users"}}"#).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![doc = ""]
#![doc = include_str!("../REFUSALS.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "tests may panic"
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod a2a;
pub mod action;
pub mod destination;
pub mod extract;
pub mod grpc;
pub mod json;
pub mod jsonrpc;
pub mod limits;
pub mod mcp;
pub mod media;
pub mod path;
pub mod query;
pub mod spiffe;
pub mod uri;

mod spelling;

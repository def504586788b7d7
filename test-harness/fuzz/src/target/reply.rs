//! Replies that list what there is. An input is lines: choices, then a content type, cuts, and the body.

use ambit_filter::head::Pairs;
use ambit_filter::listing::{Head, Listing, Passed};
use ambit_filter::record::DecisionId;

use super::policies;
use super::request;
use crate::input::{Input, pieces};

const ASK: &[u8] = b"\n\nPOST\n/mcp\n\n\n\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";

pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut choices = Input::new(input.line());
    let is_event = choices.byte() % 2 == 1;
    let cuts = input.line();
    let body = input.rest();
    let whole = rest(&[body], is_event);
    let mut single: Vec<&[u8]> = body.chunks(1).collect();
    single.push(&[]);
    for cut in [pieces(body, cuts), single] {
        assert_eq!(rest(&cut, is_event), whole, "{cut:?}");
    }
}

/// What is left of a reply, or why it is refused.
fn rest(pieces: &[&[u8]], is_event: bool) -> Result<Vec<u8>, &'static str> {
    let policy = &policies::all()[0];
    let mut ask = Input::new(ASK);
    let mut choices = Input::new(ask.line());
    ask.line();
    let inbound = request::inbound(&mut choices, &mut ask);
    ask.line();
    let decision = request::decide(policy, &inbound, &[ask.rest()]);
    assert!(decision.verdict.allows() && decision.lists, "the request asks for a list");
    let media = if is_event { "text/event-stream" } else { "application/json" };
    let head =
        [(b":status".to_vec(), b"200".to_vec()), (b"content-type".to_vec(), media.as_bytes().to_vec())];
    let mut listing = Listing::new(inbound, decision);
    let Head::Without(_) = listing.head(&Pairs::from_headers(&head), false) else {
        panic!("it is rewritten")
    };
    let mut left = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let is_last = place + 1 == pieces.len();
        match listing.body(policy, piece, is_last, 1_800_000_000, || DecisionId(1)) {
            Passed::AsIt => left.extend_from_slice(piece),
            Passed::Bytes(bytes) => left.extend(bytes),
            Passed::Refused(_, decision, _) => return Err(decision.detail.unwrap_or("")),
        }
    }
    Ok(left)
}

use std::vec::Vec;

use super::{Correlation, Ids};
use crate::secret::Secret;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn ids(headers: &[(&str, &str)]) -> Ids {
    let mut correlation = Correlation::default();
    for (name, value) in headers {
        correlation.header(name.as_bytes(), value.as_bytes());
    }
    correlation.ids(&Secret::new([7; 16]))
}

#[track_caller]
fn check_count(headers: &[(&str, &str)], count: usize) {
    assert_eq!(ids(headers).as_slice().len(), count, "{headers:?}");
}

fn traceparent() -> std::string::String {
    std::format!("00-{TRACE}-{SPAN}-01")
}

#[test]
fn a_traceparent_is_read_strictly() {
    check_count(&[("traceparent", &traceparent())], 1);
    check_count(&[("traceparent", &std::format!("01-{TRACE}-{SPAN}-01-more"))], 1);
    let wrong: Vec<std::string::String> = [
        "".into(),
        std::format!("ff-{TRACE}-{SPAN}-01"),
        std::format!("00-{TRACE}-{SPAN}-01-more"),
        std::format!("01-{TRACE}-{SPAN}-01more"),
        std::format!("00-{TRACE}-{SPAN}-0"),
        std::format!("00-{TRACE}-{SPAN}"),
        std::format!("00-{TRACE}-0000000000000000-01"),
        std::format!("00-{}-{SPAN}-01", "0".repeat(32)),
        std::format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        std::format!("00_{TRACE}-{SPAN}-01"),
        std::format!(" {}", traceparent()),
    ]
    .into();
    for value in &wrong {
        check_count(&[("traceparent", value)], 0);
    }
}

#[test]
fn b3_is_read_in_both_forms() {
    check_count(&[("x-b3-traceid", TRACE)], 1);
    check_count(&[("x-b3-traceid", &TRACE[16..])], 1);
    check_count(&[("b3", &std::format!("{TRACE}-{SPAN}-1-{SPAN}"))], 1);
    check_count(&[("b3", &std::format!("{TRACE}-{SPAN}"))], 1);
    for wrong in ["0", "1", "d", "", TRACE, "x", "4bf9-00f067aa0ba902b7"] {
        check_count(&[("b3", wrong)], 0);
    }
    for wrong in ["", "4bf9", "000000000000000", "0000000000000000", "4bf92f3577b34da6a3ce929d0e0e473g"] {
        check_count(&[("x-b3-traceid", wrong)], 0);
    }
}

#[test]
fn a_trace_id_is_one_id_in_every_format() {
    let w3c = ids(&[("traceparent", &traceparent())]);
    assert_eq!(ids(&[("x-b3-traceid", TRACE)]), w3c);
    assert_eq!(ids(&[("b3", &std::format!("{TRACE}-{SPAN}"))]), w3c);
    assert_eq!(ids(&[("b3", &std::format!("{TRACE}-{SPAN}")), ("traceparent", &traceparent())]), w3c);
    assert_ne!(ids(&[("x-request-id", TRACE)]), w3c);
    let short = ids(&[("x-b3-traceid", SPAN)]);
    assert_eq!(ids(&[("x-b3-traceid", &std::format!("0000000000000000{SPAN}"))]), short);
}

#[test]
fn an_id_with_two_values_is_none() {
    let other = std::format!("00-{}-{SPAN}-01", "1".repeat(32));
    check_count(&[("traceparent", &traceparent()), ("traceparent", &traceparent())], 1);
    check_count(&[("traceparent", &traceparent()), ("traceparent", &other)], 0);
    check_count(&[("traceparent", &traceparent()), ("traceparent", &other), ("traceparent", &other)], 0);
    check_count(&[("traceparent", "junk"), ("traceparent", &other)], 0);
    check_count(&[("x-b3-traceid", TRACE), ("b3", &std::format!("{SPAN}-{SPAN}"))], 0);
    check_count(&[("x-b3-traceid", TRACE), ("b3", "0")], 1);
}

#[test]
fn request_ids_are_bounded_and_visible() {
    check_count(&[("x-request-id", "a/b+c=,;")], 1);
    check_count(&[("x-request-id", &"a".repeat(128))], 1);
    for wrong in ["", "a b", "a\u{7f}", "ä", &"a".repeat(129)] {
        check_count(&[("x-request-id", wrong)], 0);
    }
}

#[test]
fn ids_depend_on_the_secret() {
    let mut correlation = Correlation::default();
    correlation.header(b"x-request-id", b"r");
    assert_ne!(correlation.ids(&Secret::new([1; 16])), correlation.ids(&Secret::new([2; 16])));
    assert_eq!(correlation.ids(&Secret::new([1; 16])), correlation.ids(&Secret::new([1; 16])));
}

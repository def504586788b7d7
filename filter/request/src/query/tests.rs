use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[track_caller]
fn check(raw: &str, name: &str, expected: Result<Option<&str>, QueryError>) {
    let value = Query::new(raw.as_bytes()).field(name.as_bytes());
    let expected = expected.map(|value| value.map(|value| Cow::Borrowed(value.as_bytes())));
    assert_eq!(value, expected, "`{name}` in `{raw}`");
}

#[test]
fn fields() {
    check("", "a", Ok(None));
    check("a", "a", Ok(Some("")));
    check("a=1&b=2", "b", Ok(Some("2")));
    check("&&a=1&", "a", Ok(Some("1")));
    check("a=b=c", "a", Ok(Some("b=c")));
    check("%61=x%20y+z%2B", "a", Ok(Some("x y z+")));
    check("a=caf%c3%a9", "a", Ok(Some("café")));
    check("a=1&%61=2", "a", Err(QueryError::Duplicate));
    check("b=1&b=2&a=3", "a", Ok(Some("3")));
    check("A=1", "a", Ok(None));
    check("a=1;b=2", "a", Err(QueryError::Semicolon));
    check("a=1%3Bb=2", "a", Ok(Some("1;b=2")));
    check("b=%zz&a=1", "a", Err(QueryError::MalformedEscape));
    check("a=%ff", "a", Err(QueryError::NotUtf8));
    check("a=%00", "a", Err(QueryError::ControlByte));
    check(&"a=1&".repeat(MAX_QUERY_PAIRS + 1), "b", Err(QueryError::TooManyPairs));
    check(&"a".repeat(MAX_QUERY_BYTES + 1), "b", Err(QueryError::TooLong));
}

proptest! {
    #[test]
    fn what_was_encoded_is_what_is_read(
        pairs in prop::collection::vec(("[a-zA-Z0-9 é&=;+%]{1,6}", "[a-zA-Z0-9 é&=;+%]{0,6}"), 0..6),
    ) {
        let encode = |text: &str| -> std::string::String {
            text.bytes().map(|byte| std::format!("%{byte:02x}")).collect()
        };
        let raw: Vec<_> =
            pairs.iter().map(|(name, value)| std::format!("{}={}", encode(name), encode(value))).collect();
        let raw = raw.join("&");
        let read: Vec<_> = Query::new(raw.as_bytes()).pairs().map(|pair| {
            let pair = pair.unwrap();
            (std::string::String::from_utf8(pair.name.into_owned()).unwrap(),
             std::string::String::from_utf8(pair.value.into_owned()).unwrap())
        }).collect();
        prop_assert_eq!(read, pairs);
    }

    #[test]
    fn any_bytes_end(raw in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(Query::new(&raw).pairs().count() <= raw.len() + 1);
    }
}

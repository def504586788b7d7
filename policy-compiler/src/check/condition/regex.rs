//! Regular expressions: their syntax. What they match is compiled elsewhere.

use regex_syntax::ParserBuilder;

use crate::syntax::limits::MAX_REGEX_BYTES;

/// Deepest nesting of groups.
const MAX_NESTING: u32 = 32;

/// Checks a regular expression; says what is wrong with it.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    if pattern.len() > MAX_REGEX_BYTES {
        return Err(format!("it is longer than {MAX_REGEX_BYTES} bytes"));
    }
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).nest_limit(MAX_NESTING).build();
    match parser.parse(pattern) {
        Ok(_) => Ok(()),
        Err(regex_syntax::Error::Parse(error)) => Err(error.kind().to_string()),
        Err(regex_syntax::Error::Translate(error)) => Err(error.kind().to_string()),
        Err(_) => Err(String::from("it cannot be read")),
    }
}

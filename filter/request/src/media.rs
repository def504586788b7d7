//! What a body is, from its `content-type` and `content-encoding`.

/// What a body may be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// `application/json`, or a type that ends in `+json` such as `application/a2a+json`; UTF-8.
    Json,
    /// `application/grpc`, with or without a suffix.
    Grpc,
    /// Anything else, also JSON in a character set other than UTF-8 and sequences of JSON texts.
    Other,
}

/// Reads a `content-type`. A message with more than one has none that can be trusted.
#[must_use]
pub fn media(content_type: &[u8]) -> Media {
    // What nearly everyone sends.
    if content_type == b"application/json" {
        return Media::Json;
    }
    let mut parts = content_type.split(|&byte| byte == b';');
    let essence = parts.next().unwrap_or_default().trim_ascii();
    if starts_with(essence, b"application/grpc") && matches!(essence.get(16), None | Some(b'+')) {
        return Media::Grpc;
    }
    let is_token =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+' | b'/');
    let is_json = essence.eq_ignore_ascii_case(b"application/json")
        || (starts_with(essence, b"application/")
            && ends_with(essence, b"+json")
            && essence.iter().all(is_token));
    let is_utf8 = |parameter: &[u8]| {
        let parameter = parameter.trim_ascii();
        !starts_with(parameter, b"charset")
            || [&b"charset=utf-8"[..], b"charset=\"utf-8\""]
                .iter()
                .any(|utf8| parameter.eq_ignore_ascii_case(utf8))
    };
    if is_json && parts.all(is_utf8) { Media::Json } else { Media::Other }
}

/// Whether a body with this `content-type` is a stream of events.
#[must_use]
pub fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// Whether a body with this `content-encoding` is sent as it is.
#[must_use]
pub fn is_identity(content_encoding: &[u8]) -> bool {
    let encoding = content_encoding.trim_ascii();
    encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity")
}

fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let at = text.len().checked_sub(end.len());
    at.and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn types() {
        for (content_type, expected) in [
            ("application/json", Media::Json),
            ("Application/JSON ; Charset=UTF-8", Media::Json),
            ("application/json;charset=\"utf-8\";q=1", Media::Json),
            ("application/a2a+json", Media::Json),
            ("application/json; charset=utf-16", Media::Other),
            ("application/json; charset = utf-16", Media::Other),
            ("application/json; charset*=utf-16", Media::Other),
            ("application/json, text/plain", Media::Other),
            ("application/json-seq", Media::Other),
            ("application/x,y+json", Media::Other),
            ("text/json", Media::Other),
            ("text/plain", Media::Other),
            ("", Media::Other),
            ("application/grpc", Media::Grpc),
            ("application/grpc+proto", Media::Grpc),
            ("application/grpc-web", Media::Other),
        ] {
            assert_eq!(media(content_type.as_bytes()), expected, "for `{content_type}`");
        }
    }

    #[test]
    fn encodings() {
        for (encoding, expected) in
            [("", true), ("identity", true), (" Identity ", true), ("gzip", false), ("identity, gzip", false)]
        {
            assert_eq!(is_identity(encoding.as_bytes()), expected, "for `{encoding}`");
        }
    }
}

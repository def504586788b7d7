//! gRPC methods.
//!
//! The path of a gRPC request is `/`, the service, `/`, the method ("gRPC over HTTP2", Requests). It is
//! compared as it is: gRPC servers neither decode nor normalise it.

use core::fmt;

use crate::limits::MAX_NAME_BYTES;

/// A gRPC method. Its action key is its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcMethod<'a> {
    path: &'a [u8],
    service: &'a [u8],
    method: &'a [u8],
}

/// Why a path names no gRPC method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum GrpcError {
    /// Longer than [`MAX_NAME_BYTES`].
    TooLong,
    /// Not two parts, each after a slash.
    Shape,
    /// A part is not made of Protobuf identifiers, with dots between them in the service.
    Identifier,
}

impl<'a> GrpcMethod<'a> {
    /// Reads the path of a request, as it came.
    ///
    /// # Errors
    /// A [`GrpcError`] naming the first rule it breaks.
    pub fn parse(path: &'a [u8]) -> Result<Self, GrpcError> {
        if path.len() > MAX_NAME_BYTES {
            return Err(GrpcError::TooLong);
        }
        let mut parts = path.split(|&byte| byte == b'/');
        let (Some([]), Some(service), Some(method), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(GrpcError::Shape);
        };
        if !service.split(|&byte| byte == b'.').all(is_identifier) || !is_identifier(method) {
            return Err(GrpcError::Identifier);
        }
        Ok(Self { path, service, method })
    }

    /// The whole path, which is the action key.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.path
    }

    /// The service with its package, such as `lf.a2a.v1.A2AService`.
    #[must_use]
    pub const fn service(&self) -> &'a [u8] {
        self.service
    }

    /// The method, such as `SendMessage`.
    #[must_use]
    pub const fn method(&self) -> &'a [u8] {
        self.method
    }
}

fn is_identifier(text: &[u8]) -> bool {
    text.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && text.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

impl GrpcError {
    /// The stable word for this refusal, in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLong => "grpc-too-long",
            Self::Shape => "grpc-shape",
            Self::Identifier => "grpc-identifier",
        }
    }
}

impl fmt::Display for GrpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl core::error::Error for GrpcError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[track_caller]
    fn check(path: &str, expected: Result<(&str, &str), GrpcError>) {
        let actual = GrpcMethod::parse(path.as_bytes()).map(|method| (method.service(), method.method()));
        assert_eq!(actual, expected.map(|(a, b)| (a.as_bytes(), b.as_bytes())), "for `{path}`");
    }

    #[test]
    fn methods() {
        check("/lf.a2a.v1.A2AService/SendMessage", Ok(("lf.a2a.v1.A2AService", "SendMessage")));
        check("/Greeter/_x", Ok(("Greeter", "_x")));
        for path in ["", "/", "//", "/a", "a/b", "/a/b/", "/a/b/c", "//a/b"] {
            let expected = if path == "//" { GrpcError::Identifier } else { GrpcError::Shape };
            check(path, Err(expected));
        }
        for path in [
            "/a./b", "/.a/b", "/a..b/c", "/a/b?c", "/a/b%20", "/a/b.c", "/1a/b", "/a/é", "/a-b/c", "/a/b;c",
            "/a/",
        ] {
            check(path, Err(GrpcError::Identifier));
        }
        check(&["/a/", &"b".repeat(MAX_NAME_BYTES)].concat(), Err(GrpcError::TooLong));
    }

    proptest! {
        #[test]
        fn parts_join_to_the_whole(path in "(/[a-zA-Z_.1]{0,5}){1,3}") {
            if let Ok(method) = GrpcMethod::parse(path.as_bytes()) {
                prop_assert_eq!([b"/", method.service(), b"/", method.method()].concat(), path.as_bytes());
            }
        }
    }
}

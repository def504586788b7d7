//! Paths, SPIFFE ids and destinations.

use ambit_request::destination::{Authority, Host, Url};
use ambit_request::path::{PathBuffer, canonicalize};
use ambit_request::spiffe::SpiffeId;

pub(crate) fn run(bytes: &[u8]) {
    path(bytes);
    if let Ok(id) = SpiffeId::parse(bytes) {
        assert_eq!(id.as_str().as_bytes(), bytes);
        assert_eq!(format!("spiffe://{}{}", id.trust_domain(), id.path()).as_bytes(), bytes);
    }
    if let Ok(authority) = Authority::parse(bytes) {
        let spelled = match &authority.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) if address.contains(&b':') => [b"[", *address, b"]"].concat(),
            Host::Address(address) => address.to_vec(),
        };
        let again = Authority::parse(&spelled).expect("its one spelling is read");
        assert_eq!(again.host, authority.host, "{}", spelled.escape_ascii());
    }
    if let Ok(url) = Url::parse(bytes) {
        assert!(url.port > 0 && bytes.len() > url.target.len());
    }
}

fn path(bytes: &[u8]) {
    let mut buffer = PathBuffer::new();
    let Ok(path) = canonicalize(bytes, &mut buffer) else { return };
    let canonical = path.as_bytes().to_vec();
    assert!(canonical.starts_with(b"/"));
    assert!(!canonical.windows(2).any(|pair| pair == b"//"), "{}", canonical.escape_ascii());
    // Decoded once: what a percent sign has become is not one again.
    if !canonical.contains(&b'%') && !canonical.contains(&b'?') && !canonical.contains(&b'#') {
        let mut again = PathBuffer::new();
        let twice = canonicalize(&canonical, &mut again).expect("a canonical path is one");
        assert_eq!(twice.as_bytes(), canonical);
    }
}

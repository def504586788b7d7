//! The lineage header.

use ambit_lineage::header;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(lineage) = header::parse(bytes) else { return };
    let mut written = Vec::new();
    if header::encode(&lineage, &mut written).is_err() {
        // Its one spelling may be longer than the one that was read.
        return;
    }
    let again = header::parse(&written).expect("what is written can be read");
    assert_eq!(again, lineage, "{}", String::from_utf8_lossy(&written));
    let mut twice = Vec::new();
    header::encode(&again, &mut twice).expect("it fits as it did");
    assert_eq!(twice, written);
}

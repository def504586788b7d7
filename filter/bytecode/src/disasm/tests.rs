use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn list(code: &[u8]) -> Result<String, NotCode> {
    disassemble(code, &mut |operand, id| (operand == Operand::Literal).then(|| format!("literal {id}")))
}

#[test]
fn a_listing_is_for_people() {
    let all = [0x38, 3, 0, 4, 0, 0x02, 4, 0, 0x1a];
    let code: Vec<u8> = [&[0x01, 0, 1][..], &[0x03, 2, 0], &[0x15], &[0x33, 10, 0], &all, &[0x31]].concat();
    let listing = "\
field 256
literal 2                ; literal 2
less-or-equal
skip-if-false l1
all 3 {
  element 4
  truth
}
and
l1:
";
    assert_eq!(list(&code), Ok(listing.to_string()));
}

#[test]
fn what_is_no_code_is_said_where() {
    for (code, at) in [
        (&[0x10, 0xff][..], 1),
        (&[0x10, 0x01, 0], 1),
        // A jump that leaves the code, one to the next instruction, and one into an instruction.
        (&[0x10, 0x33, 2, 0, 0x30], 1),
        (&[0x10, 0x33, 0, 0, 0x30], 1),
        (&[0x10, 0x33, 2, 0, 0x01, 0, 0], 6),
        // A body that leaves the code, and a jump that leaves a body.
        (&[0x38, 0, 0, 2, 0, 0x10], 0),
        (&[0x38, 0, 0, 4, 0, 0x10, 0x33, 1, 0, 0x30], 6),
        // Three deep.
        (&[0x38, 0, 0, 11, 0, 0x38, 0, 0, 6, 0, 0x38, 0, 0, 1, 0, 0x10], 15),
    ] {
        assert_eq!(list(code), Err(NotCode { at }), "{code:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_listed_or_refused(code in proptest::collection::vec(prop_oneof![0_u8..6, 0x10_u8..0x3a, any::<u8>()], 0..64)) {
        let _ = list(&code);
    }
}

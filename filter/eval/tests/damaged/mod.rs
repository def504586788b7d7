//! Damage done to blobs, and that it does no harm.

#![allow(dead_code, reason = "no test uses all of it")]

pub mod conditions;

use ambit_bytecode::blob::{CHECKED_FROM, CHECKSUM_AT};
use ambit_bytecode::hash::hash;
use ambit_eval::{Code, Program};

use crate::asked::Asked;

/// Makes the blob say its own length, and the checksum that belongs to what is there.
pub fn repair(blob: &mut [u8]) {
    if blob.len() >= CHECKED_FROM {
        let length = u32::try_from(blob.len()).unwrap();
        blob[8..12].copy_from_slice(&length.to_le_bytes());
        let checksum = hash(0, &blob[CHECKED_FROM..]);
        blob[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// Every cut, and every byte with some of its bits changed.
pub fn damages<'b>(blob: &'b [u8], bits: &'b [u8]) -> impl Iterator<Item = Vec<u8>> + 'b {
    let cuts = (0..blob.len()).map(|length| blob[..length].to_vec());
    let changed = bits.iter().flat_map(move |bits| {
        (0..blob.len()).map(move |at| {
            let mut changed = blob.to_vec();
            changed[at] ^= bits;
            changed
        })
    });
    cuts.chain(changed)
}

/// A blob is refused; or it is a program that judges every request, always alike, within its bound, without fault.
/// Says whether it is a program.
pub fn harmless(blob: &[u8], battery: &[Asked]) -> bool {
    let Ok(program) = Program::verify(blob) else { return false };
    for asked in battery {
        let verdict = asked.of(&program);
        assert_ne!(verdict.code, Code::InternalFault, "{asked:?}");
        assert!(verdict.steps <= program.step_bound(), "{verdict:?} {asked:?}");
        assert_eq!(verdict, asked.of(&program), "{asked:?}");
    }
    // What the program says of itself is total, too.
    program.for_each_read(|field, _| assert!(program.field(field).is_some()));
    for listing in 0..program.listings() {
        let listing = program.listing(listing).unwrap();
        assert!(program.protocol(listing.action).is_some());
        for field in [listing.objects, listing.arguments].into_iter().flat_map(|set| program.set_members(set))
        {
            assert!(program.field(field).is_some());
        }
    }
    for field in 0..program.fields() {
        let keys = program.field(field).unwrap().keys;
        assert!((0..keys).all(|place| program.field_key(field, place).is_some()));
    }
    assert!((0..program.agents()).all(|agent| program.agent_name(u16::try_from(agent).unwrap()).is_some()));
    true
}

/// Requests that between them look at all of the world (`writer/world.rs`).
pub fn battery() -> Vec<Asked> {
    const FIELDS: [&str; 3] = [
        "0=5 1=\"orders\" 2=true 3=null 4=[1 \"a\" 3] 5=[\"a\" unread true] 6=[true false 5] 7=[1 2] 8=[true 5]",
        "0=unread 1=unusable 2=\"10.0.0.1\" 3=2.5 4=many:64 6=[1] 7=many:65 8=[null]",
        "0=\"12\" 1=\"2\" 2=\"\\xff\" 3=-7 4=unread 7=[]",
    ];
    const CHAINS: [&str; 10] = [
        "",
        "unstated",
        "members=first,second",
        "members=second,first merged",
        "members=spare,first mission=refund",
        "members=first mission=refund,report,unknown",
        "caller=spare mission=report",
        "caller=/y members=/x/any",
        "caller=spiffe://old.example/ns/default/sa/first members=nobody",
        "members=first,second,first,second,first,second,first,second,first,second,first,second,first,second,first,second",
    ];
    const KEYS: [&str; 4] = [
        "key=\"GET /orders\"",
        "key=\"GET /\"",
        "protocol=2 key=tools/call:write",
        "protocol=2 key=tx now=1800000000",
    ];
    // Every chain with all fields, and keys in turn.
    let chains = CHAINS.iter().flat_map(|chain| FIELDS.iter().map(move |fields| (chain, fields)));
    let requests = chains.zip(KEYS.iter().cycle());
    requests.map(|((chain, fields), key)| Asked::read(&format!("{chain} {key} {fields}"))).collect()
}

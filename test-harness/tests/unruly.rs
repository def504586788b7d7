//! The module that ships under a host that keeps to no order, in steps drawn from a seed. See [`unruly`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]

use ambit_fuzz::damage::Random;
use ambit_harness::unruly::{self, Vm};

/// Scripts; `AMBIT_CASES` in their place.
const SCRIPTS: usize = 4_000;
const LETTERS: &[u8] = b"RSSCHHHHBBBBTTThhbbbNDDKXXPFFFGM";

/// A proxy's beginning, so that most of what follows is about something, and then anything.
fn script(random: &mut Random) -> Vec<u8> {
    let mut script = b"R1 R2 R3 R4 C100 C210 C320 C430 ".to_vec();
    for _ in 0..random.below(90) {
        script.push(LETTERS[random.below(LETTERS.len())]);
        for _ in 0..5 {
            // Most are digits that mean something; a letter is as good as any other step.
            let byte =
                if random.below(8) == 0 { random.below(256) } else { usize::from(b'0') + random.below(14) };
            script.push(u8::try_from(byte).unwrap());
        }
        if random.below(3) > 0 {
            script.push(b' ');
        }
    }
    script
}

fn fails(script: &[u8]) -> bool {
    std::panic::catch_unwind(|| unruly::run(script)).is_err()
}

/// What is left of a script that fails when nothing can be taken away any more.
fn shrunk(mut script: Vec<u8>) -> Vec<u8> {
    for length in [64, 16, 6, 5, 4, 3, 2, 1, 6, 5, 4, 3, 2, 1] {
        let mut at = 0;
        while at + length <= script.len() {
            let shorter = [&script[..at], &script[at + length..]].concat();
            if fails(&shorter) {
                script = shorter;
            } else {
                at += 1;
            }
        }
    }
    script
}

fn scripts() -> usize {
    std::env::var("AMBIT_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(SCRIPTS)
}

#[test]
fn no_order_of_callbacks_widens_or_breaks_anything() {
    let mut random = Random::new(3);
    for _ in 0..scripts() {
        let script = script(&mut random);
        if fails(&script) {
            panic!("{}", shrunk(script).escape_ascii());
        }
    }
}

/// The memory of a VM never shrinks, so that what it has at the end is the most that it ever took.
#[test]
fn nothing_is_left_of_contexts_that_are_deleted() {
    let mut random = Random::new(4);
    let mut vm = Vm::new();
    let mut settled = 0;
    let scripts = scripts();
    for number in 0..scripts {
        vm.run_frugally(&script(&mut random));
        if number == scripts / 3 {
            settled = vm.memory_bytes();
        }
    }
    assert_eq!(vm.memory_bytes(), settled, "over {scripts} scripts");
}

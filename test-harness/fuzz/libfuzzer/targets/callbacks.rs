#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ambit_fuzz::run("callbacks", bytes));

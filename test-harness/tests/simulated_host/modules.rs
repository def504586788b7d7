//! What a module must be to be loaded, and what can be told of it.

use ambit_harness::host::{Module, Place};

use crate::guest;

fn refused(source: &str) -> String {
    let bytes = wat::parse_str(source).expect("valid Wasm text");
    match Module::from_bytes(&bytes) {
        Ok(_) => panic!("this module should be refused: {source}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn refusals_name_the_reason() {
    let marker = r#"(func (export "proxy_abi_version_0_2_1"))"#;
    let memory = r#"(memory (export "memory") 1)"#;
    let malloc = r#"(func (export "malloc") (param i32) (result i32) (i32.const 8))"#;
    let whole = format!("{memory} {marker} {malloc}");
    let cases = [
        (format!(r#"(module (import "env" "proxy_fly" (func)) {whole})"#), "unknown import `env.proxy_fly`"),
        (
            format!(r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)) {whole})"#),
            "unknown import `wasi_snapshot_preview1.fd_write`",
        ),
        (format!(r#"(module (import "env" "memory" (memory 1)) {whole})"#), "unknown import `env.memory`"),
        (format!(r#"(module (import "env" "proxy_log" (func)) {whole})"#), "proxy_log"),
        (format!("(module {memory} {malloc})"), "no export `proxy_abi_version_0_2_1`"),
        (
            format!(r#"(module {memory} {malloc} (func (export "proxy_abi_version_0_2_0")))"#),
            "no export `proxy_abi_version_0_2_1`",
        ),
        (format!("(module {marker} {malloc})"), "no export `memory`"),
        (format!("(module {marker} {memory})"), "no allocator"),
        (
            format!(r#"(module {whole} (func (export "proxy_on_tick") (param i64)))"#),
            "`proxy_on_tick` has the wrong signature",
        ),
    ];
    for (source, reason) in cases {
        let error = refused(&source);
        assert!(error.contains(reason), "`{error}` should say `{reason}`");
    }
    let error = Module::from_bytes(b"\0asm").err().expect("a refusal").to_string();
    assert!(error.contains("not a valid module"), "{error}");
    let error = Module::from_file("no/such/file.wasm").err().expect("a refusal").to_string();
    assert!(error.contains("`no/such/file.wasm`"), "{error}");
}

#[test]
fn inspection_lists_imports_and_exports() {
    let source = guest::source(r#"(func (export "proxy_on_tick") (param i32))"#);
    let bytes = wat::parse_str(source).expect("valid Wasm text");
    let inspection = Module::from_bytes(&bytes).expect("a module").inspect();
    assert_eq!(inspection.size_bytes, bytes.len());
    assert_eq!(inspection.exports, ["malloc", "memory", "proxy_abi_version_0_2_1", "proxy_on_tick"]);
    assert!(inspection.imports.is_sorted());
    assert!(inspection.imports.iter().all(|import| import.module == "env"));
    assert!(inspection.imports.iter().any(|import| import.name == "proxy_get_property"));
}

#[test]
fn the_other_allocator_will_do() {
    let source = guest::source(
        r#"(data (i32.const 1024) "plugin_root_id")
           (func (export "proxy_on_configure") (param i32 i32) (result i32)
             (call $note 'p' (call $get_property (i32.const 1024) (i32.const 14) (i32.const 0) (i32.const 4)))
             (call $said) (i32.const 1))"#,
    )
    .replace(r#"(export "malloc")"#, r#"(export "proxy_on_memory_allocate")"#);
    let module = Module::from_bytes(&wat::parse_str(source).expect("valid Wasm text")).expect("a module");
    let mut proxy = ambit_harness::host::Proxy::new(&module);
    assert!(proxy.configure(b"").accepted);
    assert_eq!(guest::said_at(&mut proxy, Place::Canary), ["p0", "ambit"]);
}

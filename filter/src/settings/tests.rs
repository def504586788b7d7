//! The plugin configuration against what `serde_json` makes of the same text.

use proptest::prelude::*;
use serde::Deserialize;

use super::document::Document;
use super::{Identity, Role, Settings};

/// What is read, as derived code reads it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Derived {
    policy: Option<String>,
    keys: Option<Vec<String>>,
    #[serde(default)]
    role: DerivedRole,
    #[serde(default)]
    identity: DerivedIdentity,
    #[serde(default)]
    hold_headers: bool,
    lineage: Option<DerivedLineage>,
    agent: Option<String>,
    internal: Option<Vec<String>>,
    records: Option<DerivedRecords>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DerivedRecords {
    loggable: Option<Vec<String>>,
    allows: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DerivedLineage {
    secret: String,
    window_ms: Option<u32>,
    #[serde(default)]
    strict: bool,
    mesh: Option<Vec<String>>,
    #[serde(default)]
    hide: bool,
    mission: Option<String>,
    budgets: Option<Vec<String>>,
    #[serde(default)]
    shadow: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DerivedRole {
    #[default]
    Inbound,
    Outbound,
    Network,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DerivedIdentity {
    #[default]
    Connection,
    Waypoint,
}

fn check(text: &str) {
    let ours = Document::read(text.as_bytes());
    let theirs = serde_json::from_str::<Derived>(text);
    let (ours, theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(_), Err(_)) => return,
        (ours, theirs) => panic!("{text}\nours: {ours:?}\ntheirs: {theirs:?}"),
    };
    assert_eq!(ours.policy, theirs.policy, "{text}");
    assert_eq!(ours.keys, theirs.keys, "{text}");
    let role = match theirs.role {
        DerivedRole::Inbound => Role::Inbound,
        DerivedRole::Outbound => Role::Outbound,
        DerivedRole::Network => Role::Network,
    };
    assert_eq!(ours.role, role, "{text}");
    assert_eq!(ours.agent, theirs.agent, "{text}");
    assert_eq!(ours.internal, theirs.internal, "{text}");
    let is_waypoint = matches!(theirs.identity, DerivedIdentity::Waypoint);
    assert_eq!(ours.identity == Identity::Waypoint, is_waypoint, "{text}");
    assert_eq!(ours.hold_headers, theirs.hold_headers, "{text}");
    let records = theirs.records.map_or((None, None), |records| (records.loggable, records.allows));
    assert_eq!((ours.loggable, ours.allows), records, "{text}");
    assert_eq!(ours.lineage.is_some(), theirs.lineage.is_some(), "{text}");
    if let (Some(ours), Some(theirs)) = (ours.lineage, theirs.lineage) {
        assert_eq!(ours.secret, theirs.secret, "{text}");
        assert_eq!(ours.window_ms, theirs.window_ms, "{text}");
        assert_eq!(ours.strict, theirs.strict, "{text}");
        assert_eq!(ours.mesh, theirs.mesh, "{text}");
        assert_eq!(ours.hide, theirs.hide, "{text}");
        assert_eq!(ours.mission, theirs.mission, "{text}");
        assert_eq!(ours.budgets, theirs.budgets, "{text}");
        assert_eq!(ours.shadow, theirs.shadow, "{text}");
    }
}

fn value() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&[
        "null",
        "true",
        "false",
        "0",
        "7",
        "70",
        "1000000",
        "4294967295",
        "4294967296",
        "-1",
        "0.5",
        "{}",
        "[]",
        "\"\"",
        "\"inbound\"",
        "\"outbound\"",
        "\"network\"",
        "\"connection\"",
        "\"waypoint\"",
        "\"a\\/b\\u0041+=\"",
        "[\"svc\", \"a.b\"]",
        "[\"svc\", 1]",
        "[[]]",
        "{\"secret\": \"AA==\"}",
        "{\"secret\": 1}",
        "nul",
        "\"x",
        "",
    ])
}

fn object(names: &'static [&'static str], values: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let member =
        (prop::sample::select(names), values).prop_map(|(name, value)| format!("\"{name}\": {value}"));
    prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(", "))).boxed()
}

const MEMBERS: &[&str] =
    &["policy", "keys", "role", "identity", "holdHeaders", "lineage", "agent", "internal", "mode"];

fn text() -> BoxedStrategy<String> {
    let value = value().prop_map(String::from).boxed();
    let lineage = object(
        &["secret", "windowMs", "strict", "mesh", "hide", "mission", "budgets", "shadow", "other"],
        value.clone(),
    );
    // A secret, so that the rest of it matters.
    let lineage =
        lineage.prop_map(|text| text.replacen('{', "{\"secret\": \"AA==\", ", 1).replace(", }", "}"));
    let records = object(&["loggable", "allows", "other"], value.clone());
    let values = prop_oneof![value.clone(), lineage, records].boxed();
    prop_oneof![value, object(MEMBERS, values)].boxed()
}

proptest! {
    #[test]
    fn reads_what_derived_code_reads(text in text()) {
        check(&text);
    }
}

#[test]
fn reads_long_texts() {
    check(&format!("{{\"policy\": \"{}\"}}", "A".repeat(1 << 20)));
}

#[test]
fn says_what_is_wrong() {
    let check = |text: &str, wanted: &str| {
        let said = Settings::parse(text.as_bytes()).err().map(|error| error.to_string());
        assert_eq!(said.as_deref(), Some(wanted), "{text}");
    };
    check("{", "code=configuration-malformed reason=json-unexpected-end offset=1");
    check("[]", "code=configuration-malformed reason=no-object");
    check("{\"mode\": 1}", "code=configuration-malformed unknown=mode");
    check(
        "{\"lineage\": {\"a\nb\": 1}}",
        "code=configuration-malformed reason=json-control-character offset=15",
    );
    check("{\"lineage\": {\"a\\nb\": 1}}", "code=configuration-malformed unknown=a\\nb");
    check(
        "{\"lineage\": {\"secret\": \"\", \"windowMs\": \"7\"}}",
        "code=configuration-malformed member=windowMs",
    );
    check("{\"Policy\": \"\"}", "code=configuration-malformed reason=json-look-alike-key offset=14");
    check("{\"role\": \"outbound\"}", "code=lineage-missing");
    check("{\"role\": \"network\"}", "code=policy-missing");
    let calls = |more: &str| {
        let lineage = "\"lineage\": {\"secret\": \"AAAAAAAAAAAAAAAAAAAAAA==\"}";
        format!("{{\"role\": \"outbound\", {lineage}{more}}}")
    };
    // Who calls is said where it is judged, and only there.
    check(&calls(", \"agent\": \"spiffe://a/b\""), "code=configuration-malformed member=agent");
    check(&calls(", \"internal\": []"), "code=configuration-malformed member=internal");
}

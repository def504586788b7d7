//! From trees to documents. What does not fit its shape has been reported by then, and is passed over in silence here.

mod egress;
mod object;
mod rule;

use self::object::Object;
use super::ast::{
    Action, Agent, Budget, Documents, Identity, Mesh, Mission, SelectorField, Service, Toolset,
};
use super::conform;
use super::limits::MAX_NAME_BYTES;
use super::node::{Node, Value};
use super::shape::{API_VERSION, DOCUMENT, KINDS, Kind};
use super::suggest::did_you_mean;
use super::yaml;
use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Cycles, Mode, Protocol};
use crate::source::{Sources, Spanned};

/// Reads every document of every file.
pub fn decode(sources: &Sources, diagnostics: &mut Diagnostics) -> Documents {
    let mut documents = Documents::default();
    for (id, file) in sources.iter() {
        for node in yaml::parse(id, file, diagnostics) {
            document(&node, &mut documents, diagnostics);
        }
    }
    documents
}

fn document(node: &Node, documents: &mut Documents, diagnostics: &mut Diagnostics) {
    let Value::Map(entries) = &node.value else {
        if node.value != Value::Broken {
            diagnostics.push(
                Diagnostic::new(
                    Code::NotAnObject,
                    node.span,
                    format!("a document must be a mapping, not {}", node.describe()),
                )
                .help(format!("start it with `apiVersion: {API_VERSION}`")),
            );
        }
        return;
    };
    let object = Object::new(entries, node.span);
    if !version(&object, diagnostics) {
        return;
    }
    let first = entries.first().map_or(node.span, |entry| entry.key.span);
    let Some(kind) = kind(&object, diagnostics) else {
        conform::fields(entries, DOCUMENT, first, diagnostics);
        return;
    };
    let known: Vec<_> = DOCUMENT
        .iter()
        .map(|field| {
            let mut field = *field;
            if field.name == "spec" {
                field.shape = super::shape::Shape::Object(kind.spec);
                field.required = kind.spec_required;
            }
            field
        })
        .collect();
    conform::fields(entries, &known, first, diagnostics);
    let Some(name) = object.object("metadata").and_then(|metadata| metadata.text("name")) else { return };
    if !is_name(&name.value) {
        diagnostics.push(
            Diagnostic::new(Code::BadName, name.span, format!("`{}` is not a name", name.value))
                .help("lower-case letters, digits, `-` and `.`, as in `support-agent`, at most 64 bytes"),
        );
    }
    let spec = object.object("spec").unwrap_or_else(|| Object::new(&[], name.span));
    match kind.name {
        "Mesh" => documents.meshes.push(mesh(name, &spec)),
        "Service" => documents.services.push(service(name, &spec)),
        "Agent" => documents.agents.push(agent(name, &spec)),
        "Mission" => documents.missions.push(Mission {
            name,
            grants: rule::rules(&spec, "grants"),
            denies: rule::rules(&spec, "denies"),
            ceiling: ceiling(&spec),
            not_after: spec.text("notAfter"),
            budget: budget(&spec),
            egress: egress::of_holder(&spec),
        }),
        _ => documents.toolsets.push(Toolset { name, grants: rule::rules(&spec, "grants") }),
    }
}

/// Whether the document is of our version; says so if not.
fn version(object: &Object<'_>, diagnostics: &mut Diagnostics) -> bool {
    let Some(version) = object.text("apiVersion") else { return true };
    if version.value == API_VERSION {
        return true;
    }
    let diagnostic =
        Diagnostic::new(Code::ApiVersion, version.span, format!("unknown version `{}`", version.value));
    diagnostics.push(if version.value.starts_with("ambit.dev/") {
        diagnostic
            .help(format!("this compiler reads `{API_VERSION}`; a newer version needs a newer compiler"))
    } else {
        diagnostic.help(format!(
            "policy documents start with `apiVersion: {API_VERSION}`; keep other objects elsewhere"
        ))
    });
    false
}

fn kind(object: &Object<'_>, diagnostics: &mut Diagnostics) -> Option<&'static Kind> {
    let name = object.text("kind")?;
    let kind = Kind::of(&name.value);
    if kind.is_none() {
        let names = || KINDS.iter().map(|kind| kind.name);
        let all: Vec<String> = names().map(|name| format!("`{name}`")).collect();
        let help =
            did_you_mean(&name.value, names()).unwrap_or_else(|| format!("the kinds are {}", all.join(", ")));
        diagnostics.push(
            Diagnostic::new(Code::UnknownKind, name.span, format!("unknown kind `{}`", name.value))
                .help(help),
        );
    }
    kind
}

/// Whether `text` can name a document.
fn is_name(text: &str) -> bool {
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    let outer =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= MAX_NAME_BYTES && bytes.iter().all(inner) && outer(bytes.first()) && outer(bytes.last())
}

fn mesh(name: Spanned<String>, spec: &Object<'_>) -> Mesh {
    let records = spec.object("records");
    Mesh {
        name,
        trust_domains: spec.texts("trustDomains"),
        max_depth: spec.integer("maxDepth").and_then(|depth| u8::try_from(depth).ok()),
        cycles: spec.text("cycles").and_then(|word| match word.value.as_str() {
            "refuse" => Some(Cycles::Refuse),
            "tolerate" => Some(Cycles::Tolerate),
            _ => None,
        }),
        mode: mode(spec),
        revoked: spec.texts("revoked"),
        egress: egress::of_mesh(spec),
        loggable: records.as_ref().map(|records| records.texts("loggable")).unwrap_or_default(),
        recorded_allows: records.and_then(|records| u32::try_from(records.integer("allows")?).ok()),
    }
}

fn service(name: Spanned<String>, spec: &Object<'_>) -> Service {
    let workload = spec.object("workload");
    let part = |key: &str| workload.as_ref().and_then(|workload| workload.text(key));
    Service {
        name,
        namespace: part("namespace"),
        service_account: part("serviceAccount"),
        protocol: spec.text("protocol").and_then(|word| match word.value.as_str() {
            "http" => Some(Protocol::Http),
            "mcp" => Some(Protocol::Mcp),
            "a2a" => Some(Protocol::A2a),
            "grpc" => Some(Protocol::Grpc),
            _ => None,
        }),
        actions: spec.objects("actions").map(|entry| action(&entry)).collect(),
        body_limit: spec.object("limits").and_then(|limits| limits.text("body")),
        mode: mode(spec),
    }
}

fn action(entry: &Object<'_>) -> Action {
    let single = ["path", "tool", "resource", "prompt", "method"].into_iter().filter_map(|field| {
        let values = vec![entry.text(field)?];
        Some(SelectorField { field: Spanned::new(field, entry.key_span(field)), values })
    });
    let methods = entry.has("methods").then(|| SelectorField {
        field: Spanned::new("methods", entry.key_span("methods")),
        values: entry.texts("methods"),
    });
    Action {
        span: entry.span(),
        name: entry.text("name"),
        selectors: methods.into_iter().chain(single).collect(),
        effects: entry.texts("effects"),
        arguments: entry.has("arguments").then(|| entry.texts("arguments")),
    }
}

fn agent(name: Spanned<String>, spec: &Object<'_>) -> Agent {
    let missions = spec.object("missions");
    let delegates = spec.object("delegates");
    let lineage = spec.object("lineage");
    Agent {
        name,
        identity: spec.objects("identity").map(|entry| identity(&entry)).collect(),
        originates: spec.bool("originates").unwrap_or(false),
        stamping: spec.bool("stamping").unwrap_or(true),
        revoked: spec.bool("revoked").unwrap_or(false),
        missions: missions.as_ref().filter(|object| object.has("oneOf")).map(|object| object.texts("oneOf")),
        mission_required: missions.as_ref().and_then(|object| object.bool("required")).unwrap_or(false),
        default_mission: missions.as_ref().and_then(|object| object.text("default")),
        grants: rule::rules(spec, "grants"),
        denies: rule::rules(spec, "denies"),
        delegates_to: delegates.as_ref().map(|object| object.texts("to")).unwrap_or_default(),
        delegates_depth: delegates
            .as_ref()
            .and_then(|object| object.integer("maxDepth"))
            .and_then(|depth| u8::try_from(depth).ok()),
        ceiling: ceiling(spec),
        strict: lineage.as_ref().and_then(|object| object.bool("strict")).unwrap_or(false),
        window: lineage.as_ref().and_then(|object| object.text("window")),
        budget: budget(spec),
        mode: mode(spec),
        egress: egress::of_holder(spec),
    }
}

fn budget(spec: &Object<'_>) -> Option<Budget> {
    let object = spec.object("budget")?;
    let number = |key: &str| object.integer(key).and_then(|number| u32::try_from(number).ok());
    Some(Budget {
        span: spec.key_span("budget"),
        says_calls: object.has("perRoot") || object.has("perWindow"),
        per_root: number("perRoot"),
        per_window: number("perWindow"),
        window: object.text("window"),
    })
}

fn identity(entry: &Object<'_>) -> Identity {
    Identity {
        span: entry.span(),
        namespace: entry.text("namespace"),
        service_account: entry.text("serviceAccount"),
        spiffe: entry.text("spiffe"),
        spiffe_pattern: entry.text("spiffePattern"),
    }
}

fn ceiling(spec: &Object<'_>) -> Option<Vec<Spanned<String>>> {
    spec.object("effects").filter(|effects| effects.has("ceiling")).map(|effects| effects.texts("ceiling"))
}

fn mode(spec: &Object<'_>) -> Option<Mode> {
    match spec.text("mode")?.value.as_str() {
        "enforce" => Some(Mode::Enforce),
        "shadow" => Some(Mode::Shadow),
        _ => None,
    }
}

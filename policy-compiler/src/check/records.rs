//! What decision records show.

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{Loggable, Records};
use crate::syntax::ast::{Mesh, Name};
use crate::syntax::suggest::did_you_mean;

/// The most fields that one mesh may mark: the filter reads no longer list.
const MAX_LOGGABLE: usize = 64;

/// How fields may begin that can be marked.
const ROOTS: [&str; 5] = ["args", "request.headers.NAME", "request.query.NAME", "source.ip", "*"];

pub(super) fn of_mesh(written: Option<&Mesh>, diagnostics: &mut Diagnostics) -> Records {
    let Some(written) = written else { return Records::default() };
    let mut loggable = Vec::new();
    for field in &written.loggable {
        match read(&field.value) {
            Some(_) if loggable.len() >= MAX_LOGGABLE => {
                let message = format!("more than {MAX_LOGGABLE} loggable fields");
                diagnostics.push(Diagnostic::new(Code::TooMuch, field.span, message));
                break;
            }
            Some(one) => loggable.push(one),
            None => refuse(field, diagnostics),
        }
    }
    Records { loggable, allows: written.recorded_allows.unwrap_or(0) }
}

fn read(text: &str) -> Option<Loggable> {
    let named = |name: &str| !name.is_empty();
    match text {
        "*" => return Some(Loggable::Everything),
        "args" => return Some(Loggable::Arguments(Vec::new())),
        "source.ip" => return Some(Loggable::PeerAddress),
        _ => {}
    }
    if let Some(keys) = text.strip_prefix("args.") {
        let keys: Vec<String> = keys.split('.').map(str::to_owned).collect();
        return keys.iter().all(|key| named(key)).then_some(Loggable::Arguments(keys));
    }
    if let Some(name) = text.strip_prefix("request.headers.") {
        return named(name).then(|| Loggable::Header(name.to_ascii_lowercase()));
    }
    let name = text.strip_prefix("request.query.")?;
    named(name).then(|| Loggable::Query(name.to_owned()))
}

fn refuse(field: &Name, diagnostics: &mut Diagnostics) {
    let near = did_you_mean(&field.value, ["args", "source.ip"]);
    let roots: Vec<String> = ROOTS.iter().map(|root| format!("`{root}`")).collect();
    let help = near.unwrap_or_else(|| {
        format!("there are {}; what a request asks for is shown always", roots.join(", "))
    });
    diagnostics.push(
        Diagnostic::new(
            Code::BadLoggable,
            field.span,
            format!("`{}` is no field that records have", field.value),
        )
        .help(help),
    );
}

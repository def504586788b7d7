//! What `ambit render` says of what it wrote, and why it wrote nothing.

use ambit_compiler::diagnostics::Diagnostics;
use ambit_istio::render::{Delivered, Outside, Refusal, Rendered, Rendering};
use serde_json::{Value, json};

use super::{Render, file_stem, outside_name};
use crate::failure::{Failure, Problem};
use crate::input::shown;
use crate::policy::{Loaded, refusal, refuse_with, written};
use crate::terminal::Terminal;

impl Render {
    pub(super) fn line_outside(&self, one: &Outside) -> String {
        let count = one.reach.0.len();
        let word = if count == 1 { "destination" } else { "destinations" };
        format!("{}: {}: {count} {word} outside\n", self.file(&outside_name(one)), one.namespace)
    }

    /// What of an object is in which file.
    fn file(&self, name: &str) -> String {
        if self.helm_values { shown(&self.output) } else { shown(&self.output.join(name)) }
    }

    /// What was written, for programs.
    pub(super) fn object(&self, rendering: &Rendering, removed: &[String]) -> Value {
        let policy = |policy: &Option<Delivered>| {
            policy
                .as_ref()
                .map(|policy| json!({"bytes": policy.compiled.blob.len(), "generation": policy.generation}))
        };
        let workload = |one: &Rendered| {
            json!({
                "file": self.file(&format!("{}.yaml", file_stem(one))),
                "workload": written(&one.governed.workload),
                "parts": parts(one),
                "policy": policy(&one.policy),
                "egress": policy(&one.egress),
            })
        };
        let outside = |one: &Outside| {
            json!({
                "file": self.file(&outside_name(one)),
                "namespace": one.namespace,
                "destinations": one.reach.0.len(),
            })
        };
        json!({
            "version": 1,
            "workloads": rendering.workloads.iter().map(workload).collect::<Vec<_>>(),
            "outside": rendering.outside.iter().map(outside).collect::<Vec<_>>(),
            "removed": removed,
            "notes": rendering.notes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }

    pub(super) fn line(&self, one: &Rendered) -> String {
        let policy: String = [(&one.policy, "policy"), (&one.egress, "policy outside")]
            .into_iter()
            .filter_map(|(policy, word)| Some((policy.as_ref()?, word)))
            .map(|(policy, word)| {
                format!("; {} bytes of {word}, generation {}", policy.compiled.blob.len(), policy.generation)
            })
            .collect();
        let file = self.file(&format!("{}.yaml", file_stem(one)));
        format!("{file}: {}: {}{policy}\n", written(&one.governed.workload), parts(one).join(", "))
    }
}

/// What there is of a workload, each kind once.
fn parts(one: &Rendered) -> Vec<&'static str> {
    let mut parts: Vec<&str> = one.objects.iter().map(|object| object.component.word()).collect();
    parts.dedup();
    parts
}

pub(super) fn tell_placeholders(rendered: &[Rendered], terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let count = rendered.iter().filter(|one| one.secret.is_some()).count();
    if count > 0 {
        writeln!(
            terminal.err,
            "note: {count} lineage secret{} left as placeholders, to be given when the manifests are applied; \
             until then the filter refuses its configuration",
            if count == 1 { " is" } else { "s are" }
        )?;
    }
    Ok(())
}

/// Shows why nothing is rendered: what is about policy with its place there.
pub(super) fn refuse(loaded: &Loaded, refusals: Vec<Refusal>, terminal: &mut Terminal<'_>) -> Failure {
    let mut diagnostics = Diagnostics::new();
    let mut problems = Vec::new();
    for refused in refusals {
        match refused {
            Refusal::Compile { workload, error } => {
                diagnostics.push(refusal(&loaded.policy, &workload, &error));
            }
            other => {
                problems.push(Problem::new(other.to_string()).maybe_help(other.help().map(String::from)))
            }
        }
    }
    refuse_with(&problems, &diagnostics, &loaded.sources, terminal)
}

//! `ambit render`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::diagnostics::Diagnostic;
use ambit_compiler::span_map::span_map;
use ambit_istio::render::secret::{Key, placeholder};
use ambit_istio::render::{
    self, Api, Delivery, ImageReference, Options, Refusal, Rendered, Secrets, check_label_key, yaml,
};
use clap::{Args, ValueEnum};

use crate::blob_options::BlobOptions;
use crate::failure::{Failure, Problem};
use crate::input::{PolicyPaths, cannot_open, shown};
use crate::key;
use crate::manifests::{MARK, Manifests};
use crate::output::{Batch, cannot_write};
use crate::policy::{Loaded, load, refusal, written};
use crate::terminal::Terminal;

/// Write the Istio objects that put a policy in force
///
/// For each workload: strict mTLS, a baseline behind the filter, and the plugins that carry the filter and its policy.
/// One file each is written, for `kubectl apply`, Argo CD or Flux to own. Files of an earlier render are replaced, and
/// removed where nothing takes their place; other files are never touched. A workload whose part of the policy has not
/// changed keeps the bytes that it has.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit render -f policy/ -o manifests/ --image registry.example/ambit@sha256:... --selector-label app
  ambit render -f policy/ -o manifests/ --image ... --delivery delivery.yaml --kustomize
  ambit render -f policy/ -o - --image ... --selector-label app --lineage-key lineage.key |
    kubectl apply --server-side -f -

Lineage secrets do not belong into Git. Without `--lineage-key` the manifests hold placeholders, which Flux, kustomize
or `envsubst` replace; docs/install.md shows how.

Exit status:
  0  the manifests are written
  1  the policy is refused, or cannot be delivered
  2  the command line is wrong, or a file cannot be read or written")]
pub struct Render {
    #[command(flatten)]
    paths: PolicyPaths,

    /// Where to write: a directory, or `-` for standard output
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,

    /// The filter's image, by digest: `REPOSITORY@sha256:...`
    #[arg(long, value_name = "REFERENCE", value_parser = ImageReference::parse)]
    image: ImageReference,

    /// What policy does not say: labels of pods, waypoints, ports
    #[arg(long, value_name = "FILE")]
    delivery: Option<PathBuf>,

    /// Pods carry this label with the name of their service account; `--delivery` may say otherwise of some
    #[arg(long, value_name = "KEY", value_parser = label_key)]
    selector_label: Option<String>,

    /// Which objects carry the filter: `wasm-plugin`, or `traffic-extension` from Istio 1.30 on
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    api: ApiName,

    /// The `Secret` with credentials for the registry, in the namespace of each workload
    #[arg(long, value_name = "NAME")]
    image_pull_secret: Option<String>,

    /// Derive lineage secrets from this key, which `ambit keygen --lineage` makes, and write them into the manifests
    #[arg(long, value_name = "FILE")]
    lineage_key: Option<PathBuf>,

    /// Write the secrets here, as lines `NAME=SECRET`, and only their names into the manifests
    #[arg(long, value_name = "FILE", requires = "lineage_key")]
    lineage_env: Option<PathBuf>,

    /// Write the span map of each blob into this directory
    #[arg(long, value_name = "DIRECTORY")]
    span_maps: Option<PathBuf>,

    /// Also write a `kustomization.yaml`
    #[arg(long)]
    kustomize: bool,

    #[command(flatten)]
    blobs: BlobOptions,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ApiName {
    #[default]
    WasmPlugin,
    TrafficExtension,
}

fn label_key(text: &str) -> Result<String, String> {
    check_label_key(text).map(|()| text.to_owned())
}

impl Render {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let to_stdout = self.output == Path::new("-");
        if to_stdout && self.kustomize {
            return Err(
                Problem::new("`--kustomize` writes a file beside others, and so needs a directory").into()
            );
        }
        let delivery = self.delivery()?;
        let key = self.lineage_key.as_deref().map(lineage_key).transpose()?;
        let mut compile = self.blobs.read()?;
        let loaded = load(&self.paths, terminal)?;
        compile.source_digest = loaded.sources.digest();
        let manifests = if to_stdout { None } else { Some(Manifests::read(&self.output)?) };
        let former = manifests.iter().flat_map(Manifests::texts).flat_map(render::blobs).collect();
        let in_manifests = key.clone().filter(|_| self.lineage_env.is_none());
        let options = Options {
            image: self.image.clone(),
            api: match self.api {
                ApiName::WasmPlugin => Api::WasmPlugin,
                ApiName::TrafficExtension => Api::TrafficExtension,
            },
            image_pull_secret: self.image_pull_secret.clone(),
            secrets: in_manifests.map_or(Secrets::Placeholders, Secrets::Derived),
            compile,
            former,
        };
        let (rendered, notes) = render::render(&loaded.policy, &delivery, &options)
            .map_err(|refusals| refuse(&loaded, refusals, terminal))?;
        if rendered.is_empty() {
            return Err(Problem::new(
                "no workload of the policy is delivered, so there is nothing to render",
            )
            .into());
        }
        for note in &notes {
            writeln!(terminal.err, "note: {note}")?;
        }
        if matches!(options.secrets, Secrets::Placeholders) && self.lineage_env.is_none() {
            self.tell_placeholders(&rendered, terminal)?;
        }
        let files = self.files(&rendered)?;
        let mut batch = Batch::default();
        self.stage_beside(&loaded, &rendered, key.as_ref(), &mut batch)?;
        let Some(manifests) = manifests else {
            batch.commit()?;
            let texts: Vec<&str> = files.values().map(String::as_str).collect();
            return Ok(terminal.out.write_all(texts.join("---\n").as_bytes())?);
        };
        manifests.stage(&files, &mut batch)?;
        batch.commit()?;
        for path in manifests.remove_stale(&files)? {
            writeln!(terminal.err, "note: removed `{}`, which nothing takes the place of", shown(&path))?;
        }
        for one in &rendered {
            terminal.out.write_all(self.line(one).as_bytes())?;
        }
        Ok(())
    }

    fn delivery(&self) -> Result<Delivery, Problem> {
        let mut delivery = match &self.delivery {
            None => Delivery::default(),
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| cannot_open(path, &error))?;
                Delivery::parse(&text)
                    .map_err(|problem| Problem::new(format!("`{}`: {problem}", shown(path))))?
            }
        };
        if let Some(key) = &self.selector_label {
            delivery.selector_label = Some(key.clone());
        }
        Ok(delivery)
    }

    /// The files of the directory, by name.
    fn files(&self, rendered: &[Rendered]) -> Result<BTreeMap<String, String>, Problem> {
        let failed = |problem| Problem::new(format!("cannot write YAML: {problem}"));
        let mut files = BTreeMap::new();
        for one in rendered {
            let values = one.objects.iter().map(|object| &object.value);
            let text = yaml::to_documents(values).map_err(failed)?;
            let of = written(&one.governed.workload);
            files.insert(
                file_name(one),
                format!("{MARK} for {of}. Change the policy and render again, not this.\n{text}"),
            );
        }
        if self.kustomize {
            let names: Vec<String> = files.keys().cloned().collect();
            let text =
                yaml::to_yaml(&render::kustomization(rendered, &names, self.env_beside())).map_err(failed)?;
            files.insert(String::from("kustomization.yaml"), format!("{MARK}.\n{text}"));
        }
        Ok(files)
    }

    /// Stages what is no manifest.
    fn stage_beside(
        &self,
        loaded: &Loaded,
        rendered: &[Rendered],
        key: Option<&Key>,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        if let Some((path, key)) = self.lineage_env.as_ref().zip(key) {
            let workloads = rendered.iter().filter(|one| one.secret.is_some());
            let lines: String = workloads
                .map(|one| &one.governed.workload)
                .map(|workload| format!("{}={}\n", placeholder(workload), key.secret(workload)))
                .collect();
            batch.stage_private(path, lines.as_bytes())?;
        }
        if let Some(directory) = &self.span_maps {
            fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
            for one in rendered {
                let Some(policy) = &one.policy else { continue };
                let map = span_map(&loaded.policy, &loaded.sources, &policy.compiled, &policy.digest);
                let name = format!("{}.json", file_name(one).trim_end_matches(".yaml"));
                batch.stage(&directory.join(name), map.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The file with lineage secrets, as kustomize finds it: from the directory, and in it.
    fn env_beside(&self) -> Option<&str> {
        self.lineage_env.as_ref()?.strip_prefix(&self.output).ok()?.to_str()
    }

    fn tell_placeholders(&self, rendered: &[Rendered], terminal: &mut Terminal<'_>) -> Result<(), Failure> {
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

    fn line(&self, one: &Rendered) -> String {
        let kinds: Vec<&str> = one.objects.iter().map(|object| object.component.word()).collect();
        let policy = one.policy.as_ref().map(|policy| {
            format!("; {} bytes of policy, generation {}", policy.compiled.blob.len(), policy.generation)
        });
        format!(
            "{}: {}: {}{}\n",
            shown(&self.output.join(file_name(one))),
            written(&one.governed.workload),
            kinds.join(", "),
            policy.unwrap_or_default()
        )
    }
}

/// A namespace holds no dot, so that no two workloads share a name.
fn file_name(one: &Rendered) -> String {
    let workload = &one.governed.workload;
    format!("{}.{}.yaml", workload.namespace, workload.service_account)
}

fn lineage_key(path: &Path) -> Result<Key, Problem> {
    let bytes = key::read_bytes(path, "a lineage key", "`ambit keygen --lineage -o FILE`")?;
    Key::new(&bytes).ok_or_else(|| Problem::new(format!("`{}` is too short for a key", shown(path))))
}

/// Shows why nothing is rendered: what is about policy with its place there.
fn refuse(loaded: &Loaded, refusals: Vec<Refusal>, terminal: &mut Terminal<'_>) -> Failure {
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
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
    for problem in problems {
        let text = problem.render(terminal.colours_err());
        if let Err(error) = terminal.err.write_all(text.as_bytes()) {
            return error.into();
        }
    }
    if diagnostics.is_empty() { Failure::Rejected } else { loaded.refuse(diagnostics, terminal) }
}

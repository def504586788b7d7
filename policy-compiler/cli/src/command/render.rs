//! `ambit render`

mod show;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ambit_compiler::compile;
use ambit_compiler::span_map::span_map;
use ambit_istio::render::secret::{Key, placeholder};
use ambit_istio::render::{
    self, Api, Blobs, Delivered, Delivery, Gateway, ImageReference, Options, Outside, Rendered, Rendering,
    Secrets, check_label_key, yaml,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};

use crate::audience::Audience;
use crate::blob_options::BlobOptions;
use crate::failure::{Failure, Problem};
use crate::input::{PolicyPaths, cannot_open, shown};
use crate::key;
use crate::manifests::{MARK, Manifests};
use crate::output::{Batch, create_directory};
use crate::policy::{Loaded, load, written};
use crate::terminal::Terminal;
use show::{refuse, tell_placeholders};

/// The most keys that are named on the command line: a filter takes four, with that of `--signing-key`.
const MAX_TRUSTED_KEYS: usize = 3;

/// Write the Istio objects that put a policy in force
///
/// For each workload: strict mTLS, a baseline behind the filter, and the plugins that carry the filter and its policy; for
/// agents with `egress` also what closes every other way to the outside. One file each is written, for `kubectl apply`, Argo CD or Flux to own. Files of an earlier render are replaced, and
/// removed where nothing takes their place; other files are never touched. A workload whose part of the policy has not
/// changed keeps the bytes that it has.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ambit render -f policy/ -o manifests/ --selector-label app \\
    --image registry.example/ambit@sha256:...
  ambit render -f policy/ -o manifests/ --delivery delivery.yaml \\
    --kustomize --image ...
  ambit render -f policy/ -o - --selector-label app \\
    --lineage-key lineage.key --image ... |
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

    /// Where to write: a directory, for Helm values a file, or `-` for standard output
    #[arg(short, long, value_name = "PATH")]
    output: PathBuf,

    /// Write values for the chart, which gives the same objects, in place of manifests
    #[arg(long)]
    helm_values: bool,

    /// With `--helm-values`: write policies into this directory, and leave them out of the values
    #[arg(long, value_name = "DIRECTORY")]
    policy_files: Option<PathBuf>,

    /// The filter's image, by digest: `REPOSITORY@sha256:...`
    #[arg(long, value_name = "REFERENCE", value_parser = ImageReference::parse)]
    image: ImageReference,

    /// What policy does not say: labels of pods, waypoints, ports
    #[arg(long, value_name = "FILE")]
    delivery: Option<PathBuf>,

    /// Pods carry this label with the name of their service account; `--delivery` may say otherwise of some
    #[arg(long, value_name = "KEY", value_parser = label_key)]
    selector_label: Option<String>,

    /// Lead calls to hosts outside through this egress gateway, whose pods carry `istio: egressgateway`; `--delivery` may say
    /// other labels
    #[arg(long, value_name = "NAMESPACE/SERVICE", value_parser = Gateway::parse)]
    egress_gateway: Option<Gateway>,

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

    /// Have filters take only policy that this public key has signed, besides that of `--signing-key`; may be repeated
    #[arg(long, value_name = "PUBLIC_KEY", value_parser = public_key)]
    trust: Vec<String>,

    /// Write the span map of each blob into this directory
    #[arg(long, value_name = "DIRECTORY")]
    span_maps: Option<PathBuf>,

    /// Also write a `kustomization.yaml`
    #[arg(long)]
    kustomize: bool,

    #[command(flatten)]
    blobs: BlobOptions,

    #[command(flatten)]
    audience: Audience,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ApiName {
    #[default]
    WasmPlugin,
    TrafficExtension,
}

/// Where to write, and what is there.
enum Place {
    Stdout,
    /// The text of the file, if there is one.
    File(String),
    Directory(Manifests),
}

impl Place {
    /// The blobs that are there.
    fn former(&self) -> Blobs {
        match self {
            Self::Stdout => Blobs::new(),
            Self::File(text) => render::blobs(text),
            Self::Directory(manifests) => manifests.texts().flat_map(render::blobs).collect(),
        }
    }
}

/// A public key as `ambit keygen` prints it.
fn public_key(text: &str) -> Result<String, String> {
    match STANDARD.decode(text) {
        Ok(bytes) if bytes.len() == 32 => Ok(text.to_owned()),
        _ => Err(String::from("it is no public key: 32 bytes in base64")),
    }
}

fn label_key(text: &str) -> Result<String, String> {
    check_label_key(text).map(|()| text.to_owned())
}

impl Render {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let place = self.place()?;
        if self.trust.len() > MAX_TRUSTED_KEYS {
            return Err(
                Problem::new(format!("more than {MAX_TRUSTED_KEYS} keys, which no filter takes")).into()
            );
        }
        let delivery = self.delivery()?;
        let key = self.lineage_key.as_deref().map(lineage_key).transpose()?;
        let mut compile = self.blobs.read()?;
        let loaded = load(&self.paths, terminal)?;
        compile.source_digest = loaded.sources.digest();
        let in_manifests = key.clone().filter(|_| self.lineage_env.is_none());
        let options = Options {
            image: self.image.clone(),
            api: match self.api {
                ApiName::WasmPlugin => Api::WasmPlugin,
                ApiName::TrafficExtension => Api::TrafficExtension,
            },
            image_pull_secret: self.image_pull_secret.clone(),
            secrets: in_manifests.map_or(Secrets::Placeholders, Secrets::Derived),
            trusted_keys: self.trusted_keys(&compile),
            compile,
            former: place.former(),
        };
        let rendering = render::render(&loaded.policy, &delivery, &options)
            .map_err(|refusals| refuse(&loaded, refusals, terminal))?;
        let rendered = &rendering.workloads;
        if rendered.is_empty() {
            return Err(Problem::new(
                "no workload of the policy is delivered, so there is nothing to render",
            )
            .into());
        }
        for note in &rendering.notes {
            writeln!(terminal.err, "note: {note}")?;
        }
        if matches!(options.secrets, Secrets::Placeholders) && self.lineage_env.is_none() {
            tell_placeholders(rendered, terminal)?;
        }
        let mut batch = Batch::default();
        self.stage_beside(&loaded, rendered, key.as_ref(), &mut batch)?;
        let files = match self.helm_values {
            false => self.files(&rendering)?,
            true => self.values(&rendering, &options, &mut batch)?,
        };
        let removed = self.write(&place, &files, batch, terminal)?;
        match (&place, self.audience.is_program()) {
            (Place::Stdout, _) => Ok(()),
            (_, true) => Ok(writeln!(terminal.out, "{}", self.object(&rendering, &removed))?),
            (_, false) => {
                let outside = rendering.outside.iter().map(|one| self.line_outside(one));
                let lines: String = outside.chain(rendered.iter().map(|one| self.line(one))).collect();
                Ok(terminal.out.write_all(lines.as_bytes())?)
            }
        }
    }

    /// Who may sign policy: whoever signs this one, and those that are named.
    fn trusted_keys(&self, compile: &compile::Options) -> Vec<String> {
        let own = compile.signing_key.as_ref().map(|key| STANDARD.encode(key.public()));
        let mut keys: Vec<String> = own.into_iter().chain(self.trust.iter().cloned()).collect();
        keys.dedup();
        keys
    }

    /// Where to write, and what is there.
    fn place(&self) -> Result<Place, Failure> {
        let is_values = self.helm_values;
        if self.policy_files.is_some() && !is_values {
            return Err(Problem::new("`--policy-files` goes with `--helm-values`").into());
        }
        if self.audience.is_program() && self.output == Path::new("-") {
            let problem =
                Problem::new("the manifests are written to standard output, which `--format json` takes");
            return Err(problem.help("leave out `--format json`, or write to a directory").into());
        }
        if self.kustomize && (is_values || self.output == Path::new("-")) {
            return Err(Problem::new("`--kustomize` writes a file beside manifests in a directory").into());
        }
        if self.output == Path::new("-") {
            return Ok(Place::Stdout);
        }
        if !is_values {
            return Ok(Place::Directory(Manifests::read(&self.output)?));
        }
        match fs::read_to_string(&self.output) {
            Ok(text) => Ok(Place::File(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Place::File(String::new())),
            Err(error) => Err(cannot_open(&self.output, &error).into()),
        }
    }

    /// Writes everything; gives what it removed.
    fn write(
        &self,
        place: &Place,
        files: &BTreeMap<String, String>,
        mut batch: Batch,
        terminal: &mut Terminal<'_>,
    ) -> Result<Vec<String>, Failure> {
        let mut removed = Vec::new();
        match place {
            Place::Stdout => {
                batch.commit()?;
                let texts: Vec<&str> = files.values().map(String::as_str).collect();
                terminal.out.write_all(texts.join("---\n").as_bytes())?;
            }
            Place::File(_) => {
                for text in files.values() {
                    batch.stage(&self.output, text.as_bytes())?;
                }
                batch.commit()?;
            }
            Place::Directory(manifests) => {
                manifests.stage(
                    files,
                    &mut batch,
                    &mut terminal.progress("writing", "files", Some(files.len())),
                )?;
                batch.commit()?;
                for path in manifests.remove_stale(files)? {
                    let path = shown(&path);
                    writeln!(terminal.err, "note: removed `{path}`, which nothing takes the place of")?;
                    removed.push(path);
                }
            }
        }
        Ok(removed)
    }

    /// The values of the chart, as one file; policies as files are staged.
    fn values(
        &self,
        rendering: &Rendering,
        options: &Options,
        batch: &mut Batch,
    ) -> Result<BTreeMap<String, String>, Failure> {
        if let Some(directory) = &self.policy_files {
            create_directory(directory)?;
            for one in &rendering.workloads {
                for (policy, extension) in delivered(one) {
                    let name = format!("{}.{extension}", file_stem(one));
                    batch.stage(&directory.join(name), &policy.compiled.blob)?;
                }
            }
        }
        let values = render::values(rendering, options, self.policy_files.is_none());
        let text = yaml::to_yaml(&values).map_err(cannot_write_yaml)?;
        Ok(BTreeMap::from([(String::from("values.yaml"), format!("{MARK} for Helm.\n{text}"))]))
    }

    fn delivery(&self) -> Result<Delivery, Problem> {
        let mut delivery = match &self.delivery {
            None => Delivery::default(),
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| cannot_open(path, &error))?;
                if text.trim().is_empty() {
                    return Err(Problem::new(format!("`{}` is empty", shown(path)))
                        .help("`ambit schema delivery` says what a delivery document has"));
                }
                Delivery::parse(&text)
                    .map_err(|problem| Problem::new(format!("`{}`: {problem}", shown(path))))?
            }
        };
        if let Some(gateway) = &self.egress_gateway {
            delivery.egress.gateway = Some(gateway.clone());
        }
        if let Some(key) = &self.selector_label {
            delivery.selector_label = Some(key.clone());
        }
        Ok(delivery)
    }

    /// The files of the directory, by name.
    fn files(&self, rendering: &Rendering) -> Result<BTreeMap<String, String>, Problem> {
        let mut files = BTreeMap::new();
        for one in &rendering.outside {
            let values = one.objects.iter().map(|object| &object.value);
            let text = yaml::to_documents(values).map_err(cannot_write_yaml)?;
            let of = &one.namespace;
            files.insert(
                outside_name(one),
                format!(
                    "{MARK} for what agents of {of} call outside. Change the policy and render again, not this.\n{text}"
                ),
            );
        }
        for one in &rendering.workloads {
            let values = one.objects.iter().map(|object| &object.value);
            let text = yaml::to_documents(values).map_err(cannot_write_yaml)?;
            let of = written(&one.governed.workload);
            files.insert(
                format!("{}.yaml", file_stem(one)),
                format!("{MARK} for {of}. Change the policy and render again, not this.\n{text}"),
            );
        }
        if self.kustomize {
            let names: Vec<String> = files.keys().cloned().collect();
            let text = yaml::to_yaml(&render::kustomization(&rendering.workloads, &names, self.env_beside()))
                .map_err(cannot_write_yaml)?;
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
            if path.starts_with(&self.output) {
                create_directory(&self.output)?;
            }
            batch.stage_private(path, lines.as_bytes())?;
        }
        if let Some(directory) = &self.span_maps {
            create_directory(directory)?;
            for one in rendered {
                for (policy, extension) in delivered(one) {
                    let of = policy.part.as_deref().unwrap_or(&loaded.policy);
                    let map = span_map(of, &loaded.sources, &policy.compiled, &policy.digest);
                    // Those of blobs of requests have had no extension of their own.
                    let name = match extension {
                        "ambit" => format!("{}.json", file_stem(one)),
                        other => format!("{}.{other}.json", file_stem(one)),
                    };
                    batch.stage(&directory.join(name), map.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// The file with lineage secrets, as kustomize finds it: from the directory, and in it.
    fn env_beside(&self) -> Option<&str> {
        self.lineage_env.as_ref()?.strip_prefix(&self.output).ok()?.to_str()
    }
}

/// A namespace holds no dot, so that no two workloads share a name.
fn file_stem(one: &Rendered) -> String {
    let workload = &one.governed.workload;
    format!("{}.{}", workload.namespace, workload.service_account)
}

/// The blobs of a workload, with the extensions of their files.
fn delivered(one: &Rendered) -> impl Iterator<Item = (&Delivered, &'static str)> {
    let both = [(&one.policy, "ambit"), (&one.egress, "egress")];
    both.into_iter().filter_map(|(policy, extension)| Some((policy.as_ref()?, extension)))
}

/// The file of what a namespace is to know. Of a workload, it would have a dot before its extension.
fn outside_name(one: &Outside) -> String {
    format!("outside-{}.yaml", one.namespace)
}

fn cannot_write_yaml(problem: String) -> Problem {
    Problem::new(format!("cannot write YAML: {problem}"))
}

fn lineage_key(path: &Path) -> Result<Key, Problem> {
    let bytes = key::read_bytes(path, "a lineage key", "`ambit keygen --lineage -o FILE`")?;
    Key::new(&bytes).ok_or_else(|| Problem::new(format!("`{}` is too short for a key", shown(path))))
}

//! Helm's chart and kustomize give the objects that `ambit render` gives, and those are pinned: `istio/kustomize/base` is
//! what it writes for the sample. `BLESS=1` writes that anew, for review.
//!
//! Both tools are built at first use by `go install`, at versions that are pinned here and whose sources Go's checksum
//! database vouches for, into `target/go`. Where there is no Go, a loud line says what was not checked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests may panic")]
#![allow(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may panic"
)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What is built, and of which version.
const HELM: (&str, &str) = ("helm", "helm.sh/helm/v3/cmd/helm@v3.22.0");
const KUSTOMIZE: (&str, &str) = ("kustomize", "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1");

const IMAGE: &str =
    "registry.example/ambit@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// Sixteen bytes and more that are no secret.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A tool, built if it has not been; none where there is no Go, or no way to its modules.
fn tool((name, module): (&str, &str)) -> Option<PathBuf> {
    let (_, version) = module.split_once('@').unwrap();
    let place = root().join("target/go");
    let binary = place.join(format!("{name}-{version}")).join(name);
    fs::create_dir_all(&place).unwrap();
    let lock = File::create(place.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if binary.is_file() {
        return Some(binary);
    }
    eprintln!("building {module} (once)");
    let built = Command::new("go")
        .args(["install", module])
        .env("GOPATH", &place)
        .env("GOBIN", binary.parent().unwrap())
        .env("GOFLAGS", "-modcacherw")
        .output();
    let problem = match built {
        Ok(Output { status, .. }) if status.success() => return Some(binary),
        Ok(Output { stderr, .. }) => String::from_utf8_lossy(&stderr).trim().to_owned(),
        Err(error) => format!("cannot run `go`: {error}"),
    };
    eprintln!("*** NOT CHECKED: {name} could not be built, so what it gives is not compared: {problem}");
    None
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// An empty directory with the key in it.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("lineage.key"), KEY).unwrap();
    directory
}

/// Renders a policy with the shop's pods.
fn render(directory: &Path, policy: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ambit"));
    command.current_dir(directory).args(["render", "--generation", "1", "--image", IMAGE]);
    run(command.arg("-f").arg(root().join(policy)).args(arguments))
}

/// The objects of a text, by kind, namespace and name.
fn objects(text: &str) -> BTreeMap<String, Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let objects = documents.into_iter().filter(|object| object.get("kind").is_some());
    objects
        .map(|object| {
            let metadata = &object["metadata"];
            (format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"]), object)
        })
        .collect()
}

#[track_caller]
fn same(actual: &str, expected: &str) {
    let (mut actual, expected) = (objects(actual), objects(expected));
    assert!(!expected.is_empty());
    for (title, expected) in &expected {
        let actual = actual.remove(title).unwrap_or_else(|| panic!("{title} is missing"));
        assert_eq!(embedded(&actual), embedded(expected), "{title}");
    }
    assert!(actual.is_empty(), "too many: {:?}", actual.keys());
}

/// The object with the configuration in an `EnvoyFilter`, which is JSON in a text, read: its blanks mean nothing.
fn embedded(object: &Value) -> Value {
    let mut object = object.clone();
    for patch in object.pointer_mut("/spec/configPatches").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if let Some(config) = patch.pointer_mut("/patch/value/typed_config/config/configuration/value") {
            *config = serde_json::from_str(config.as_str().unwrap()).unwrap();
        }
    }
    object
}

/// What the chart is to write for some arguments of `ambit render`.
fn chart_gives_the_same(helm: &Path, name: &str, policy: &str, arguments: &[&str]) {
    let directory = directory(name);
    let with = |more: &[&str]| -> Vec<String> {
        arguments.iter().chain(more).map(|&argument| argument.to_owned()).collect()
    };
    let call = |more: &[&str]| {
        let arguments = with(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        render(&directory, policy, &arguments)
    };
    let expected = call(&["-o", "-"]);
    let chart = root().join("istio/chart");
    // Policies in the values.
    fs::write(directory.join("values.yaml"), call(&["-o", "-", "--helm-values"])).unwrap();
    let template = |chart: &Path, values: &str| {
        run(Command::new(helm)
            .current_dir(&directory)
            .args(["lint", "--strict", "--quiet"])
            .arg(chart)
            .args(["-f", values]));
        run(Command::new(helm)
            .current_dir(&directory)
            .args(["template", "ambit"])
            .arg(chart)
            .args(["-f", values]))
    };
    same(&template(&chart, "values.yaml"), &expected);
    // Policies as files beside the chart's.
    let copy = directory.join("chart");
    run(Command::new("cp").arg("-r").arg(&chart).arg(&copy));
    call(&["-o", "short.yaml", "--helm-values", "--policy-files", "chart/policies"]);
    let short = fs::read_to_string(directory.join("short.yaml")).unwrap();
    assert!(!short.contains("blob:"), "{short}");
    same(&template(&copy, "short.yaml"), &expected);
}

const DELIVERY: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Delivery
spec:
  lineage: {windowMs: 5000, mesh: [svc, mesh.internal]}
  workloads:
    - {namespace: data, serviceAccount: orders-db, pods: {app: orders}, ports: [8080, 8443], holdHeaders: true}
    - {namespace: billing, serviceAccount: billing, pods: {}, lineage: {strict: true, hide: false}, holdHeaders: true}
    - {namespace: support, serviceAccount: support-agent, pods: {app: support}}
";

const WAYPOINTS: &str = "
apiVersion: ambit.dev/v1alpha1
kind: Delivery
spec:
  selectorLabel: app
  accessLogs: {providers: [otel, ambit-access-log]}
  workloads:
    - {namespace: data, serviceAccount: orders-db, pods: {app: orders}, waypoint: {gateway: way, service: orders}}
    - {namespace: billing, serviceAccount: billing, waypoint: {gateway: way}}
";

#[test]
fn the_chart_gives_what_is_rendered() {
    let Some(helm) = tool(HELM) else { return };
    let seed = "policy-compiler/samples/seed";
    let shop = "policy-compiler/cli/tests/shop";
    chart_gives_the_same(&helm, "chart-seed", seed, &["--selector-label", "app.kubernetes.io/name"]);
    chart_gives_the_same(
        &helm,
        "chart-traffic-extension",
        shop,
        &["--selector-label", "app", "--api", "traffic-extension", "--image-pull-secret", "registry"],
    );
    chart_gives_the_same(
        &helm,
        "chart-secrets",
        shop,
        &[
            "--selector-label",
            "app",
            "--lineage-key",
            "lineage.key",
            "--require-stamp",
            "--signing-key",
            "lineage.key",
        ],
    );
    let file = |name: &str, text: &str| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let delivery = file("delivery.yaml", DELIVERY);
    chart_gives_the_same(&helm, "chart-delivery", shop, &["--delivery", &delivery]);
    let waypoints = file("waypoints.yaml", WAYPOINTS);
    chart_gives_the_same(&helm, "chart-waypoints", shop, &["--delivery", &waypoints]);
    // Agents whose calls outside are bounded, without and with a gateway.
    let bounded = "istio/tests/egress/policy.yaml";
    let signed = ["--lineage-key", "lineage.key", "--signing-key", "lineage.key"];
    chart_gives_the_same(
        &helm,
        "chart-egress",
        bounded,
        &[&["--selector-label", "app", "--access-logs", "mesh-config.yaml"], &signed[..]].concat(),
    );
    let gateway =
        ["--selector-label", "app", "--egress-gateway", "way-out/egress", "--api", "traffic-extension"];
    chart_gives_the_same(&helm, "chart-egress-gateway", bounded, &gateway);
    // In shadow: no strict mTLS, and a baseline that only records.
    let mesh = "apiVersion: ambit.dev/v1alpha1\nkind: Mesh\nmetadata: {name: mesh}\nspec: {mode: shadow}\n";
    let mesh = file("mesh.yaml", mesh);
    chart_gives_the_same(&helm, "chart-shadow", shop, &["--selector-label", "app", "-f", &mesh]);
}

#[test]
fn the_chart_refuses_what_it_cannot_deliver() {
    let Some(helm) = tool(HELM) else { return };
    let directory = directory("chart-refuses");
    let refuses = |values: &str, expected: &str| {
        fs::write(directory.join("values.yaml"), values).unwrap();
        let mut command = Command::new(&helm);
        command.current_dir(&directory).args(["template", "ambit"]).arg(root().join("istio/chart"));
        let output = command.args(["-f", "values.yaml"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{values}: {said}");
    };
    refuses("workloads: []", "`image` is missing");
    refuses("image: registry.example/ambit:v1", "image");
    let one =
        |rest: &str| format!("image: {IMAGE}\nworkloads: [{{namespace: a, serviceAccount: b, {rest}}}]");
    refuses(&one("policy: {generation: '1', source: x}"), "neither `policy.blob` in the values nor the file");
    refuses(&one("port: [1]"), "port");
    refuses(&format!("image: {IMAGE}\nlineage: {{secrets: {{a/b: short}}}}"), "secrets");
}

#[test]
fn kustomize_gives_what_is_rendered() {
    let base = root().join("istio/kustomize/base");
    let seed = "policy-compiler/samples/seed";
    let label = ["--selector-label", "app.kubernetes.io/name"];
    let of = |policy: &'static str| {
        move |directory: &Path, output: &str, more: &[&str]| {
            let arguments: Vec<&str> = label.iter().chain(more).copied().chain(["-o", output]).collect();
            render(directory, policy, &arguments)
        }
    };
    let into = of(seed);
    // The base is what is rendered, byte for byte.
    let fresh = directory("kustomize-fresh");
    into(&fresh, "base", &["--kustomize"]);
    if std::env::var_os("BLESS").is_some() {
        let _ = fs::remove_dir_all(&base);
        run(Command::new("cp").arg("-r").arg(fresh.join("base")).arg(&base));
    }
    let read = |directory: &Path| -> BTreeMap<String, String> {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(&path).unwrap())
            })
            .collect()
    };
    assert_eq!(read(&fresh.join("base")), read(&base), "BLESS=1 writes what is actual");

    let Some(kustomize) = tool(KUSTOMIZE) else { return };
    let build = |directory: &Path| run(Command::new(&kustomize).arg("build").arg(directory));
    same(&build(&base), &into(&fresh, "-", &[]));

    // The overlay takes the image from a mirror: the same digest, elsewhere.
    let mirrored = build(&root().join("istio/kustomize/mirror"));
    let expected =
        into(&fresh, "-", &[]).replace("oci://registry.example/ambit@", "oci://mirror.internal/ambit@");
    same(&mirrored, &expected);

    // Secrets from a file beside the manifests come to stand where placeholders were, and nowhere else.
    let secret = directory("kustomize-secrets");
    let with_key = ["--lineage-key", "lineage.key"];
    into(&secret, "out", &[&with_key[..], &["--lineage-env", "out/lineage.env", "--kustomize"]].concat());
    same(&build(&secret.join("out")), &into(&secret, "-", &with_key));

    // Those of agents whose calls outside are bounded have one place more.
    let into = of("istio/tests/egress/policy.yaml");
    let bounded = directory("kustomize-egress");
    into(&bounded, "out", &[&with_key[..], &["--lineage-env", "out/lineage.env", "--kustomize"]].concat());
    same(&build(&bounded.join("out")), &into(&bounded, "-", &with_key));

    // What turns access logs on is among the manifests, and what it needs of Istio beside them.
    let logged = ["--access-logs", "mesh-config.yaml"];
    into(&bounded, "logged", &[&logged[..], &["--kustomize"]].concat());
    let built = build(&bounded.join("logged"));
    assert!(built.contains("kind: Telemetry"), "{built}");
    same(&built, &into(&bounded, "-", &logged));
}

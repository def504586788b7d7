//! A run of every command, and what they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Makes what the runs need, out of the samples.
const PREPARE: &str = r#"
mkdir other && cp -L samples/swarm/*.yaml other && sed -i 's/args.amount <= 50/args.amount <= 5000/' other/agents.yaml
ambit test -f samples/swarm --records records.log > /dev/null
ambit keygen -o policy.key > /dev/null
ambit render -f samples/swarm -o - --image r.example/ambit@sha256:$(printf '%064d' 1) --selector-label app 2> /dev/null | sed s/STRICT/PERMISSIVE/ > objects.yaml
cat >> objects.yaml <<'END'
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: payments, namespace: finance}
spec: {template: {metadata: {labels: {app: payments}}, spec: {serviceAccountName: payments, containers: [{name: a}]}}}
END
cat > broken.yaml <<'END'
apiVersion: ambit.dev/v1alpha1
kind: Mesh
metadata: {name: Mesh}
END
cat > ugly.yaml <<'END'
apiVersion: ambit.dev/v1alpha1
kind: Mesh   
metadata: {name: mesh}
END
echo 'tests: [{name: no, from: support, to: payments, send: ping, expect: cycle}]' > wrong.test.yaml
"#;

/// A command line for each command, and for each way in which it shows something.
pub(crate) struct Run {
    pub(crate) arguments: &'static str,
    pub(crate) exit: i32,
    /// Whether there is something to colour.
    pub(crate) has_colour: bool,
}

const fn run(arguments: &'static str, exit: i32, has_colour: bool) -> Run {
    Run { arguments, exit, has_colour }
}

const PLAIN: bool = false;
const COLOURED: bool = true;

pub(crate) const RUNS: &[Run] = &[
    run("", 2, COLOURED),
    run("--help", 0, COLOURED),
    run("--version", 0, PLAIN),
    run("chekc", 2, COLOURED),
    run("check -f missing", 2, COLOURED),
    run("check -f broken.yaml", 1, COLOURED),
    run("check -f broken.yaml --format short", 1, PLAIN),
    run("check -f broken.yaml --format json", 1, PLAIN),
    run("check -f broken.yaml --format github", 1, PLAIN),
    run("build -f samples/swarm --all -o out", 0, PLAIN),
    run("build -f broken.yaml --all -o out", 1, COLOURED),
    run("test -f samples/swarm --coverage", 0, COLOURED),
    run("test -f samples/swarm wrong.test.yaml", 1, COLOURED),
    run("test -f samples/swarm wrong.test.yaml --format json", 1, PLAIN),
    run("diff samples/swarm other", 0, COLOURED),
    run("diff samples/swarm other --fail-on any --format markdown", 1, PLAIN),
    run("diff samples/swarm other --fail-on any --format json", 1, PLAIN),
    run("replay records.log --policy other", 0, COLOURED),
    run("replay records.log --policy other --fail-on any --format json", 1, PLAIN),
    run(
        "render -f samples/swarm -o manifests --selector-label app --image r.example/ambit@sha256:0000000000000000000000000000000000000000000000000000000000000001",
        0,
        PLAIN,
    ),
    run(
        "render -f samples/swarm -o - --selector-label app --image r.example/ambit@sha256:0000000000000000000000000000000000000000000000000000000000000001",
        0,
        PLAIN,
    ),
    run("lint-cluster -f objects.yaml", 1, COLOURED),
    run("lint-cluster -f objects.yaml --format github", 1, PLAIN),
    run("inspect -f samples/swarm --workload finance/payments", 0, PLAIN),
    run("inspect -f samples/swarm --workload finance/payments --stage model", 0, PLAIN),
    run("graph -f samples/swarm", 0, PLAIN),
    run("graph -f samples/swarm --format html", 0, PLAIN),
    run("graph -f samples/swarm --format dot", 0, PLAIN),
    run("escalations -f samples/swarm", 0, PLAIN),
    run("explain -f samples/swarm records.log", 0, COLOURED),
    run("explain -f other records.log --id 0000000000000004", 1, COLOURED),
    run("explain -f samples/swarm records.log --as-test", 0, PLAIN),
    run("explain-code", 0, PLAIN),
    run("explain-code P0103", 0, PLAIN),
    run("fmt -f ugly.yaml --check", 1, PLAIN),
    run("image build -o image --module none.wasm", 2, COLOURED),
    run("image push nowhere", 2, COLOURED),
    run("image verify --layout none", 2, COLOURED),
    run("schema", 0, PLAIN),
    run("schema delivery", 0, PLAIN),
    run("keygen --show policy.key", 0, PLAIN),
    run("completions bash", 0, PLAIN),
    run("completions zsh", 0, PLAIN),
    run("man", 0, PLAIN),
    run("man image build", 0, PLAIN),
];

/// Where everything lies that the runs need.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manners");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let samples = fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")).unwrap();
        std::os::unix::fs::symlink(samples, directory.join("samples")).unwrap();
        let output = bare(Command::new("sh").args(["-ec", PREPARE]), &directory).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        directory
    })
}

/// A process with nothing around it but the command.
pub(crate) fn bare<'c>(command: &'c mut Command, directory: &Path) -> &'c mut Command {
    let program = Path::new(env!("CARGO_BIN_EXE_ambit"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    command.current_dir(directory).env_clear().env("PATH", path).env("LC_ALL", "C").stdin(Stdio::null())
}

/// The command without a terminal.
pub(crate) fn ambit(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ambit"));
    bare(command.args(arguments.split_whitespace()), directory());
    command
}

/// The command on a terminal; what comes out of it is on standard output.
pub(crate) fn on_terminal(arguments: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("script");
    command.args(["-qefc", &format!("ambit {arguments}"), "/dev/null"]);
    let command = bare(&mut command, directory()).env("SHELL", "/bin/sh").envs(variables.iter().copied());
    command.output().unwrap()
}

#[test]
fn every_command_has_a_run() {
    for command in crate::commands().iter().filter(|command| *command != "image") {
        let has = |run: &&Run| format!("{} ", run.arguments).starts_with(&format!("{command} "));
        assert!(RUNS.iter().any(|run| has(&run)), "no run of `ambit {command}`");
    }
}

//! `ambit lint-cluster`

use std::path::PathBuf;

use ambit_compiler::diagnostics::render::render;
use ambit_istio::lint::{Settings, lint};
use clap::Args;

use crate::command::check::OutputFormat;
use crate::failure::{Failure, Problem};
use crate::input::PolicyPaths;
use crate::policy::{load, refuse, tally};
use crate::terminal::Terminal;

/// Find what makes enforcement hollow in the objects of a cluster
///
/// It looks at plugins, mTLS, ports, what sidecars do not capture, versions, and calls outside, of every workload that our plugins are
/// for. What is not given counts as absent, so give everything of the kinds below. With `--policy`, it also finds
/// workloads that should have a plugin and have none.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kinds=namespaces,pods,deployments,statefulsets,daemonsets,jobs,cronjobs
  kinds=$kinds,services,wasmplugins,trafficextensions,envoyfilters
  kinds=$kinds,peerauthentications,authorizationpolicies,sidecars
  kinds=$kinds,serviceentries,networkpolicies
  kubectl get -A -o yaml $kinds | ambit lint-cluster -f -
  ambit lint-cluster -f apps/ -f manifests/ --policy policy/

`human` and `short` are written to standard error; `json` and `github`, which programs read, to standard output.
`ambit explain-code C0201` says what a finding means.

Exit status:
  0  nothing is hollow; there may be warnings
  1  something is, or there are warnings and `--deny-warnings` is given
  2  the command line is wrong, an object is unreadable, or none is governed")]
pub struct LintCluster {
    /// A file of objects in YAML or JSON, a directory of `*.yaml` and `*.yml`, or `-` for standard input; may be repeated
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,

    /// The policy that is meant to be in force: a file or a directory; may be repeated
    #[arg(long, value_name = "PATH")]
    policy: Vec<PathBuf>,

    /// The namespace whose objects count for the whole mesh
    #[arg(long, value_name = "NAME", default_value = "istio-system")]
    root_namespace: String,

    /// How to show what is found: `human`, `short` (a line each), `json`, or `github` (annotations of a pull request)
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t, hide_possible_values = true)]
    format: OutputFormat,

    /// Take warnings for errors
    #[arg(long)]
    deny_warnings: bool,
}

impl LintCluster {
    pub(crate) fn run(&self, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
        let loaded = match self.policy.as_slice() {
            [] => None,
            paths => Some(load(&PolicyPaths::of(paths), terminal)?),
        };
        let sources = PolicyPaths::of(&self.paths).any_sources(terminal)?;
        let settings = Settings {
            root_namespace: &self.root_namespace,
            policy: loaded.as_ref().map(|loaded| &loaded.policy),
        };
        let lint = lint(&sources, &settings);
        let format = self.format.for_terminal(terminal);
        if !lint.unread.is_empty() {
            let problem = Problem::new("not all objects can be read, so nothing is said of any");
            if terminal.is_for_programs {
                refuse(&lint.unread, &sources, terminal);
                terminal.err.write_all(problem.render(terminal.colours_err()).as_bytes())?;
                return Err(Problem::said().into());
            }
            terminal.err.write_all(render(&lint.unread, &sources, format).as_bytes())?;
            return Err(problem.into());
        }
        if lint.governed == 0 {
            let problem = Problem::new("no workload there is governed, so there is nothing to look at");
            return Err(problem
                .help("give both the plugins and what makes the pods: see `ambit lint-cluster --help`")
                .into());
        }
        let text = render(&lint.findings, &sources, format);
        if self.format.is_for_programs() {
            terminal.out.write_all(text.as_bytes())?;
        } else {
            terminal.err.write_all(text.as_bytes())?;
        }
        if matches!(self.format, OutputFormat::Human) && !lint.findings.is_empty() {
            terminal.err.write_all(tally(&lint.findings).as_bytes())?;
        }
        if lint.findings.has_errors() || (self.deny_warnings && lint.findings.warnings() > 0) {
            return Err(Failure::Rejected);
        }
        Ok(())
    }
}

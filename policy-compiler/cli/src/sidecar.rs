//! Sidecars as ordinary code: the policy of each workload, compiled and loaded as its proxy loads it, and the filter's
//! own judgement. There is no second evaluator here.

use std::collections::BTreeMap;

use ambit_compiler::compile::{Compiled, Options, compile};
use ambit_compiler::diagnostics::Diagnostic;
use ambit_compiler::egress;
use ambit_compiler::ir::RuleOrigin;
use ambit_compiler::model::{self, Rule, RuleId, Service, Workload};
use ambit_eval::{Hop, Verdict};
use ambit_filter::decision::Decision;
use ambit_filter::evidence::Records;
use ambit_filter::inbound::{Inbound, Step};
use ambit_filter::policy::Policy;
use ambit_filter::record::{DecisionId, Record as FilterRecord};

use crate::failure::{Failure, Problem};
use crate::policy::{Loaded, refusal, workloads, written};
use crate::record::Record;
use crate::terminal::Terminal;

/// The sidecars of a mesh.
pub(crate) struct Sidecars<'p> {
    pub(crate) loaded: &'p Loaded,
    by_workload: BTreeMap<Workload, Sidecar>,
    /// Those that judge what their workload calls outside.
    calling: BTreeMap<Workload, Sidecar>,
}

/// A filter of one workload, with its policy loaded.
pub(crate) struct Sidecar {
    pub(crate) policy: Policy,
    pub(crate) compiled: Compiled,
    /// What was compiled, where that is not the policy of the mesh itself.
    model: Option<Box<model::Policy>>,
}

/// A request as it comes over a connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) inbound: Inbound,
    /// Empty if it has none.
    pub(crate) body: Vec<u8>,
}

impl<'p> Sidecars<'p> {
    /// Compiles the policy of every workload.
    pub(crate) fn start(
        loaded: &'p Loaded,
        options: &Options,
        terminal: &mut Terminal<'_>,
    ) -> Result<Self, Failure> {
        let mut refusals = Vec::new();
        let mut by_workload = BTreeMap::new();
        let (serving, calling_out) = (workloads(&loaded.policy), egress::workloads(&loaded.policy));
        let all = serving.len().saturating_add(calling_out.len());
        let mut progress = terminal.progress("compiling", "blobs", Some(all));
        for workload in serving {
            progress.advance(1);
            if let Some(sidecar) = Sidecar::start(loaded, None, workload, options, &mut refusals)? {
                by_workload.insert(workload.clone(), sidecar);
            }
        }
        let mut calling = BTreeMap::new();
        for workload in calling_out {
            progress.advance(1);
            let Some(model) = egress::policy(&loaded.policy, &workload).map(Box::new) else { continue };
            if let Some(sidecar) = Sidecar::start(loaded, Some(model), &workload, options, &mut refusals)? {
                calling.insert(workload, sidecar);
            }
        }
        drop(progress);
        if refusals.is_empty() {
            Ok(Self { loaded, by_workload, calling })
        } else {
            Err(loaded.refuse(refusals, terminal))
        }
    }

    /// The sidecar of a workload.
    pub(crate) fn at(&self, workload: &Workload) -> Option<&Sidecar> {
        self.by_workload.get(workload)
    }

    /// The sidecar that wrote a record.
    pub(crate) fn of_record(&self, record: &Record<'_>) -> Result<&Sidecar, Problem> {
        let Some(name) = record.workload.as_deref() else {
            let problem = Problem::new(format!("nothing was judged: the code is `{}`", record.code));
            return Err(problem.help(format!("`ambit explain-code {}` says what to do", record.code)));
        };
        // Whose own calls they are says who calls. Of a URL that another names, the workload judges by what it is asked by.
        let own = name.split_once('/').map(|(namespace, account)| format!("/ns/{namespace}/sa/{account}"));
        let calls = record.peer.as_deref().zip(own).is_some_and(|(peer, own)| peer.ends_with(&own));
        let (sidecars, what) = match record.protocol.as_deref() {
            Some("egress") if calls => (&self.calling, "whose calls outside nothing bounds"),
            _ => (&self.by_workload, "which serves nothing"),
        };
        let found = sidecars.iter().find(|(workload, _)| written(workload) == name);
        found.map(|(_, sidecar)| sidecar).ok_or_else(|| {
            Problem::new(format!("the record is of the workload `{name}`, {what} in this policy"))
        })
    }

    /// Every filter: of what its workload is asked, and (`true`) of what it asks of the outside.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Workload, bool, &Sidecar)> {
        let asked = self.by_workload.iter().map(|(workload, sidecar)| (workload, false, sidecar));
        asked.chain(self.calling.iter().map(|(workload, sidecar)| (workload, true, sidecar)))
    }

    /// The sidecar of the workload that serves `service`.
    pub(crate) fn of(&self, service: &Service) -> Result<&Sidecar, Problem> {
        self.by_workload
            .get(&service.workload)
            .ok_or_else(|| Problem::new(format!("`{}` has no sidecar", service.name)))
    }
}

impl Sidecar {
    fn start(
        loaded: &Loaded,
        model: Option<Box<model::Policy>>,
        workload: &Workload,
        options: &Options,
        refusals: &mut Vec<Diagnostic>,
    ) -> Result<Option<Self>, Problem> {
        let source = model.as_deref().unwrap_or(&loaded.policy);
        let compiled = match compile(source, workload, options) {
            Ok(compiled) => compiled,
            Err(error) => {
                refusals.push(refusal(source, workload, &error));
                return Ok(None);
            }
        };
        let policy = Policy::load(compiled.blob.clone()).map_err(|error| {
            Problem::new(format!("a sidecar refuses the policy of `{}`: {error}", written(workload)))
        })?;
        Ok(Some(Self { policy: policy.recorded(Records::all()), compiled, model }))
    }

    /// The policy that was compiled for it.
    pub(crate) fn model<'l>(&'l self, loaded: &'l Loaded) -> &'l model::Policy {
        self.model.as_deref().unwrap_or(&loaded.policy)
    }

    /// Judges a request as the filter does: by its headers if they are enough, else by its body.
    pub(crate) fn judge(&self, wire: &Wire, now: u64) -> Decision {
        let Wire { inbound, body } = wire;
        let mut reading = match inbound.begin(&self.policy, body.is_empty(), now) {
            Step::Decided(decision) => return self.pass(wire, decision, now),
            Step::Read(reading) => reading,
        };
        reading.last(inbound, &self.policy, body, now)
    }

    /// Holds a body that nobody reads to what its service declares.
    fn pass(&self, wire: &Wire, decision: Decision, now: u64) -> Decision {
        let Some(mut passing) = decision.passing else { return decision };
        let refused = passing.push(&wire.inbound, &self.policy, wire.body.len(), now);
        refused.unwrap_or(decision)
    }

    /// The record that it would write of a decision, the first one if it wrote them all, with everything in it.
    pub(crate) fn record(&self, decision: &Decision, number: u64, now: u64) -> String {
        FilterRecord {
            id: DecisionId(number),
            verdict: &decision.verdict,
            detail: decision.detail,
            policy: Some(&self.policy),
            leaving: None,
            evidence: decision.evidence.as_ref(),
            now,
            dropped: 0,
        }
        .json()
    }

    /// What a rule number of this sidecar's blob stands for.
    pub(crate) fn origin(&self, number: u32) -> Option<&RuleOrigin> {
        self.compiled.rules.get(usize::try_from(number).ok()?)
    }

    /// The rule of the policy text that a rule number of this sidecar's blob stands for.
    pub(crate) fn rule<'l>(&'l self, loaded: &'l Loaded, number: u32) -> Option<(RuleId, &'l Rule)> {
        let origin = self.origin(number)?;
        let rule = self.model(loaded).rules.get(usize::try_from(origin.rule.0).ok()?)?;
        Some((origin.rule, rule))
    }
}

/// The place in a lineage that limits a request, if there is one, and whether it is among the missions.
pub(crate) fn limiting(verdict: &Verdict) -> Option<(usize, bool)> {
    match verdict.hop? {
        Hop::Member(place) => Some((usize::from(place), false)),
        Hop::Mission(place) => Some((usize::from(place), true)),
    }
}

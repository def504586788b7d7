//! Who is called what: names of documents to their places in the policy.

use std::collections::HashMap;

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::model::{AgentId, MissionId, ServiceId};
use crate::source::Span;
use crate::syntax::ast::{Documents, Name};
use crate::syntax::limits::MAX_DIAGNOSTICS;
use crate::syntax::suggest::did_you_mean;

/// The names of all documents, by kind.
pub(super) struct Names<'a> {
    agents: Table<'a>,
    services: Table<'a>,
    missions: Table<'a>,
    toolsets: Table<'a>,
}

/// The names of one kind.
struct Table<'a> {
    kind: &'static str,
    unknown: Code,
    places: HashMap<&'a str, (u32, Span)>,
}

impl<'a> Names<'a> {
    /// Collects them, and refuses what is named twice.
    pub(super) fn collect(documents: &'a Documents, diagnostics: &mut Diagnostics) -> Self {
        let agents = documents.agents.iter().map(|agent| &agent.name);
        let services = documents.services.iter().map(|service| &service.name);
        let missions = documents.missions.iter().map(|mission| &mission.name);
        let toolsets = documents.toolsets.iter().map(|toolset| &toolset.name);
        Self {
            agents: Table::collect("agent", Code::UnknownAgent, agents, diagnostics),
            services: Table::collect("service", Code::UnknownService, services, diagnostics),
            missions: Table::collect("mission", Code::UnknownMission, missions, diagnostics),
            toolsets: Table::collect("toolset", Code::UnknownToolset, toolsets, diagnostics),
        }
    }

    pub(super) fn agent(&self, name: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<AgentId> {
        self.agents.find(name, span, diagnostics).map(AgentId)
    }

    /// The agents of a list, without repetitions, in order.
    pub(super) fn agents(&self, names: &[Name], diagnostics: &mut Diagnostics) -> Vec<AgentId> {
        let mut found: Vec<AgentId> =
            names.iter().filter_map(|name| self.agent(&name.value, name.span, diagnostics)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(super) fn service(&self, name: &Name, diagnostics: &mut Diagnostics) -> Option<ServiceId> {
        self.services.find(&name.value, name.span, diagnostics).map(ServiceId)
    }

    /// The service, if there is one; says nothing.
    pub(super) fn service_quietly(&self, name: &str) -> Option<ServiceId> {
        self.services.places.get(name).map(|(place, _)| ServiceId(*place))
    }

    pub(super) fn mission(&self, name: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<MissionId> {
        self.missions.find(name, span, diagnostics).map(MissionId)
    }

    pub(super) fn toolset(&self, name: &Name, diagnostics: &mut Diagnostics) -> Option<usize> {
        self.toolsets.find(&name.value, name.span, diagnostics).and_then(|place| usize::try_from(place).ok())
    }
}

impl<'a> Table<'a> {
    fn collect(
        kind: &'static str,
        unknown: Code,
        names: impl Iterator<Item = &'a Name>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut places: HashMap<&str, (u32, Span)> = HashMap::new();
        for (name, place) in names.zip(0_u32..) {
            if let Some((_, first)) = places.get(name.value.as_str()) {
                diagnostics.push(
                    Diagnostic::new(
                        Code::DuplicateName,
                        name.span,
                        format!("{kind} `{}` exists already", name.value),
                    )
                    .label("again here")
                    .also(*first, "first here")
                    .help("put everything about it in one document"),
                );
            } else {
                places.insert(&name.value, (place, name.span));
            }
        }
        Self { kind, unknown, places }
    }

    fn find(&self, name: &str, span: Span, diagnostics: &mut Diagnostics) -> Option<u32> {
        let found = self.places.get(name).map(|(place, _)| *place);
        if found.is_none() {
            let diagnostic = Diagnostic::new(self.unknown, span, format!("unknown {} `{name}`", self.kind));
            // Comparing with every name takes time, and beyond the limit nobody would see what came of it.
            let help = if diagnostics.errors() < MAX_DIAGNOSTICS {
                let mut known: Vec<&str> = self.places.keys().copied().collect();
                known.sort_unstable();
                did_you_mean(name, known)
            } else {
                None
            };
            let otherwise =
                format!("no document of `kind: {}{}` has this name", capital(self.kind), rest(self.kind));
            diagnostics.push(diagnostic.help(otherwise).maybe_help(help));
        }
        found
    }
}

fn capital(word: &str) -> String {
    word.chars().take(1).flat_map(char::to_uppercase).collect()
}

fn rest(word: &str) -> String {
    word.chars().skip(1).collect()
}

//! Looks for requests that one policy lets pass and the other does not.
//!
//! What is the same under both blobs is not looked at: equal blobs judge alike, and a lineage with a member that holds
//! nothing of an action is denied by both.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;

use ambit_compiler::model::{ActionId, Policy, Protocol, ServiceId, Workload};
use ambit_eval::{Code, Verdict};
use ambit_filter::decision::Decision;
use ambit_filter::head::Pairs;
use ambit_filter::inbound::Inbound;
use ambit_lineage::header::HEADER_NAME;

use super::ask::{Asked, bare, fill};
use super::chains::{Behind, Who, everyone, holds, missions};
use super::change::{Change, Found, Said, Way, Witness};
use super::values::{action_of, combinations, dimensions};
use crate::failure::{Failure, Problem};
use crate::policy::workloads;
use crate::request::Sent;
use crate::sidecar::{Sidecar, Sidecars, Wire, limiting};
use crate::terminal::Terminal;

/// Both policies.
pub(super) struct Sides<'p> {
    pub(super) old: Sidecars<'p>,
    pub(super) new: Sidecars<'p>,
    /// Shadow mode counts for nothing.
    pub(super) is_enforced: bool,
}

/// How far to look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    requests: u64,
}

/// An action of one policy, or of both by its name.
struct Target<'p> {
    old: Option<(&'p Policy, ActionId)>,
    new: Option<(&'p Policy, ActionId)>,
    /// Sidecars that stand before it; none if the policy has no service there.
    old_sidecar: Option<&'p Sidecar>,
    new_sidecar: Option<&'p Sidecar>,
    name: (&'p str, &'p str),
}

/// What was found of one action.
#[derive(Default)]
struct Partial {
    changes: Vec<Change>,
    judged: u64,
    is_cut: bool,
}

impl Bounds {
    pub(super) const fn of(requests: u64) -> Self {
        Self { requests }
    }

    /// The requests of one of so many actions.
    fn share(self, actions: usize) -> u64 {
        let actions = u64::try_from(actions).unwrap_or(u64::MAX);
        self.requests.checked_div(actions).unwrap_or(0).max(1)
    }
}

pub(super) fn search(
    sides: &Sides<'_>,
    bounds: Bounds,
    terminal: &mut Terminal<'_>,
) -> Result<Found, Failure> {
    let (old, new) = (&sides.old.loaded.policy, &sides.new.loaded.policy);
    let everyone = everyone(old, new);
    let targets = targets(sides);
    let share = bounds.share(targets.len());
    let mut found = Found { workloads: sides.workloads(), ..Found::default() };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(targets.len()).max(1);
    let mut progress = terminal.progress("comparing", "actions", Some(targets.len()));
    // Every thread takes each so many-th action; what comes of them is put in order again.
    let mut partials: Vec<(usize, Partial)> = std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        let work = |first: usize| {
            let (targets, everyone, sender) = (&targets, &everyone, sender.clone());
            move || {
                let mine = targets.iter().enumerate().skip(first).step_by(threads);
                let search = |(place, target): (usize, &Target<'_>)| {
                    let partial = target.search(sides, everyone, share);
                    // Only who waits at a terminal is told.
                    let _ = sender.send(());
                    (place, partial)
                };
                mine.map(search).collect::<Vec<_>>()
            }
        };
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(work(first))).collect();
        // With the last thread the last sender goes.
        drop(sender);
        receiver.iter().for_each(|()| progress.advance(1));
        let done = running.into_iter().map(|thread| thread.join().ok()).collect::<Option<Vec<_>>>();
        done.map(|done| done.into_iter().flatten().collect())
    })
    .ok_or_else(|| Problem::new("the search broke off: this is a bug"))?;
    partials.sort_by_key(|(place, _)| *place);
    for (target, (_, partial)) in targets.iter().zip(partials) {
        found.judged = found.judged.saturating_add(partial.judged);
        if partial.is_cut {
            found.cut.push(format!("{}/{}", target.name.0, target.name.1));
        }
        partial.changes.into_iter().for_each(|change| found.add(change));
    }
    found.changes.sort_by_key(|change| change.way);
    Ok(found)
}

/// Every action of which requests may be judged otherwise: those of the new policy, then those that only the old one has.
fn targets<'p>(sides: &'p Sides<'_>) -> Vec<Target<'p>> {
    let (old, new) = (&sides.old.loaded.policy, &sides.new.loaded.policy);
    let mut targets = Vec::new();
    for (policy, other, is_new) in [(new, old, true), (old, new, false)] {
        for (service, id) in policy.services.iter().zip((0..).map(ServiceId)) {
            let same = other.services.iter().zip((0..).map(ServiceId));
            let same = same.into_iter().find(|(known, _)| known.name == service.name);
            let (own, others) = if is_new { (&sides.new, &sides.old) } else { (&sides.old, &sides.new) };
            let sidecar = own.of(service).ok();
            // A service that only one policy has is asked for at the same workload in the other one.
            let other_sidecar = others.of(same.map_or(service, |(service, _)| service)).ok();
            if let (Some(one), Some(other)) = (sidecar, other_sidecar)
                && one.compiled.blob == other.compiled.blob
            {
                continue;
            }
            for (action, index) in service.actions.iter().zip(0..) {
                let mine = Some((policy, ActionId { service: id, index }));
                let theirs = same.and_then(|(service, id)| {
                    let found = service.actions.iter().zip(0..).find(|(known, _)| known.name == action.name);
                    found.map(|(_, index)| (other, ActionId { service: id, index }))
                });
                // It was met as an action of the new policy.
                if !is_new && theirs.is_some() {
                    continue;
                }
                let name = (service.name.as_str(), action.name.as_str());
                targets.push(if is_new {
                    Target { old: theirs, new: mine, old_sidecar: other_sidecar, new_sidecar: sidecar, name }
                } else {
                    Target { old: mine, new: theirs, old_sidecar: sidecar, new_sidecar: other_sidecar, name }
                });
            }
        }
    }
    targets
}

impl Sides<'_> {
    /// How many blobs differ, of how many.
    fn workloads(&self) -> (usize, usize) {
        let of = |sidecars: &Sidecars<'_>| -> Vec<Workload> {
            workloads(&sidecars.loaded.policy).into_iter().cloned().collect()
        };
        let all: BTreeSet<Workload> = of(&self.old).into_iter().chain(of(&self.new)).collect();
        let blob = |sidecars: &Sidecars<'_>, workload: &Workload| {
            sidecars.at(workload).map(|sidecar| sidecar.compiled.blob.clone())
        };
        let differing = all.iter().filter(|workload| blob(&self.old, workload) != blob(&self.new, workload));
        (differing.count(), all.len())
    }

    fn passes(&self, verdict: &Verdict) -> bool {
        if self.is_enforced { verdict.allows() } else { verdict.passes() }
    }
}

/// A request of an action, put on the wire.
struct Prepared {
    asked: Asked,
    sent: Sent,
    protocol: Protocol,
}

/// What one side says.
struct Judged {
    verdict: Verdict,
    detail: Option<&'static str>,
    passes: bool,
}

impl<'p> Target<'p> {
    fn search(&self, sides: &Sides<'_>, everyone: &[Who], limit: u64) -> Partial {
        let (requests, is_cut) = self.requests();
        let mut search = Search {
            target: self,
            sides,
            limit,
            partial: Partial { is_cut, ..Partial::default() },
            met: BTreeSet::new(),
        };
        search.met.insert((self.name.0.to_owned(), self.name.1.to_owned()));
        requests.iter().for_each(|request| search.meet(request));
        for caller in everyone {
            search
                .behind(&Behind { caller, members: Vec::new(), mission: None, is_stamped: true }, &requests);
            let unstamped = Behind { caller, members: Vec::new(), mission: None, is_stamped: false };
            search.behind(&unstamped, requests.get(..1).unwrap_or_default());
        }
        let missions = search.missions();
        let holders: Vec<&Who> = everyone.iter().filter(|who| search.holds(who)).collect();
        for mission in &missions {
            for caller in &holders {
                let behind = Behind { caller, members: Vec::new(), mission: Some(mission), is_stamped: true };
                search.behind(&behind, &requests);
            }
        }
        let missions: Vec<Option<&str>> =
            std::iter::once(None).chain(missions.iter().map(|mission| Some(mission.as_str()))).collect();
        let (old, new) = (&sides.old.loaded.policy, &sides.new.loaded.policy);
        let repeats = old.mesh.cycles != new.mesh.cycles;
        for members in lineages(&holders, repeats) {
            if search.partial.judged >= limit {
                search.partial.is_cut = true;
                break;
            }
            let Some((caller, members)) = members.split_last() else { continue };
            for mission in &missions {
                let behind =
                    Behind { caller, members: members.to_vec(), mission: *mission, is_stamped: true };
                search.behind(&behind, &requests);
            }
        }
        search.partial
    }

    /// Requests for it, as either policy selects them, with the values that either names.
    fn requests(&self) -> (Vec<Prepared>, bool) {
        let named: Vec<(&Policy, ActionId)> = self.new.into_iter().chain(self.old).collect();
        let (dimensions, is_cut) = dimensions(&named);
        let (combinations, is_sampled) = combinations(&dimensions);
        let mut requests: Vec<Prepared> = Vec::new();
        for (policy, id) in &named {
            let service = usize::try_from(id.service.0).ok().and_then(|place| policy.services.get(place));
            let Some((service, action)) = service.zip(action_of(policy, *id)) else { continue };
            for bare in bare(service.protocol, action) {
                for combination in &combinations {
                    let asked = fill(service, &bare, combination);
                    let sent =
                        asked.and_then(|asked| Some((asked.wire(service.protocol, &service.name)?, asked)));
                    let Some((sent, asked)) = sent else { continue };
                    if !requests
                        .iter()
                        .any(|known| known.asked == asked && known.protocol == service.protocol)
                    {
                        requests.push(Prepared { asked, sent, protocol: service.protocol });
                    }
                }
            }
        }
        (requests, is_cut || is_sampled)
    }
}

/// Lineages of two and of three members, the caller last: one after the other, since of many agents there are more than
/// memory has room for.
fn lineages<'h, 'w>(holders: &'h [&'w Who], repeats: bool) -> impl Iterator<Item = Vec<&'w Who>> + 'h {
    let fits = move |members: &Vec<&'w Who>| {
        repeats
            || members
                .iter()
                .enumerate()
                .all(|(place, who)| members.iter().skip(place.saturating_add(1)).all(|other| other != who))
    };
    let pairs = move || holders.iter().flat_map(move |one| holders.iter().map(move |other| [*one, *other]));
    let two = pairs().map(|pair| pair.to_vec());
    let three =
        holders.iter().flat_map(move |origin| pairs().map(move |[one, other]| vec![*origin, one, other]));
    two.chain(three).filter(fits)
}

/// A search through the lineages of one action.
struct Search<'s, 'p> {
    target: &'s Target<'p>,
    sides: &'s Sides<'p>,
    limit: u64,
    partial: Partial,
    /// What requests were taken for, by either policy.
    met: BTreeSet<(String, String)>,
}

impl Search<'_, '_> {
    /// Notes what either policy takes a request for: short forms are keys, but for the query.
    fn meet(&mut self, request: &Prepared) {
        let protocol = match request.protocol {
            Protocol::Http => ambit_eval::Protocol::Http,
            Protocol::Mcp => ambit_eval::Protocol::Mcp,
            Protocol::A2a => ambit_eval::Protocol::A2a,
            Protocol::Grpc => ambit_eval::Protocol::Grpc,
            Protocol::Egress => ambit_eval::Protocol::Egress,
        };
        let key = request.asked.send.split('?').next().unwrap_or_default();
        for sidecar in [self.target.old_sidecar, self.target.new_sidecar].into_iter().flatten() {
            let program = sidecar.policy.program();
            let action = program.action(protocol, key.as_bytes());
            self.met.extend(action.and_then(|action| name_of(sidecar, action)));
        }
    }

    /// Whether someone may hold something of what is asked, under either policy.
    fn holds(&self, who: &Who) -> bool {
        let sides = [(&self.sides.old, self.target.old_sidecar), (&self.sides.new, self.target.new_sidecar)];
        sides.into_iter().any(|(sidecars, sidecar)| {
            sidecar.is_some_and(|sidecar| {
                let policy = &sidecars.loaded.policy;
                self.met.iter().any(|(service, action)| holds(policy, sidecar, who, (service, action)))
            })
        })
    }

    /// The missions that grant something of it, under either policy.
    fn missions(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for sidecars in [&self.sides.new, &self.sides.old] {
            for (service, action) in &self.met {
                for mission in missions(&sidecars.loaded.policy, (service, action)) {
                    if !found.iter().any(|known| known == mission) {
                        found.push(mission.to_owned());
                    }
                }
            }
        }
        found
    }

    /// Judges requests for one lineage by both policies.
    fn behind(&mut self, behind: &Behind<'_>, requests: &[Prepared]) {
        let Ok(header) = behind.header() else { return };
        for request in requests {
            if self.partial.judged >= self.limit {
                self.partial.is_cut = true;
                return;
            }
            self.partial.judged = self.partial.judged.saturating_add(1);
            let mut pairs = request.sent.pairs.clone();
            pairs.extend(header.clone().map(|value| (HEADER_NAME.as_bytes().to_vec(), value)));
            let wire = Wire {
                inbound: Inbound {
                    pairs: Pairs::from_headers(&pairs),
                    peer: behind.peer(),
                    is_recorded: false,
                    peer_address: request.asked.address().as_bytes().to_vec(),
                },
                body: request.sent.body.clone(),
            };
            let old = self.judge(self.target.old_sidecar, &wire, request.asked.now());
            let new = self.judge(self.target.new_sidecar, &wire, request.asked.now());
            if old.passes != new.passes {
                self.change(behind, request, &old, &new);
            } else if is_for_lineage(&old.verdict) && is_for_lineage(&new.verdict) {
                // Whatever else it asked for, both would deny it.
                return;
            }
        }
    }

    fn judge(&mut self, sidecar: Option<&Sidecar>, wire: &Wire, now: u64) -> Judged {
        let Some(sidecar) = sidecar else {
            let verdict = Decision::refused(Code::NoPolicy).verdict;
            return Judged { verdict, detail: None, passes: false };
        };
        let decision = sidecar.judge(wire, now);
        if let Some(name) = action_name(sidecar, &decision.verdict) {
            self.met.insert(name);
        }
        let passes = self.sides.passes(&decision.verdict);
        Judged { verdict: decision.verdict, detail: decision.detail, passes }
    }

    fn change(&mut self, behind: &Behind<'_>, request: &Prepared, old: &Judged, new: &Judged) {
        let (way, passing, sidecar) = if new.passes {
            (Way::Allowed, new, self.target.new_sidecar)
        } else {
            (Way::Denied, old, self.target.old_sidecar)
        };
        let named = sidecar.and_then(|sidecar| action_name(sidecar, &passing.verdict));
        let (service, action) =
            named.unwrap_or_else(|| (self.target.name.0.to_owned(), self.target.name.1.to_owned()));
        let change = Change {
            way,
            service,
            action,
            before: said(&self.sides.old, self.target.old_sidecar, old, behind),
            after: said(&self.sides.new, self.target.new_sidecar, new, behind),
            witness: Witness {
                who: behind.told(),
                caller: behind.caller.name.clone(),
                members: behind.members.iter().map(|member| member.name.clone()).collect(),
                mission: behind.mission.map(str::to_owned),
                is_stamped: behind.is_stamped,
                asked: request.asked.clone(),
            },
            requests: 1,
        };
        match self.partial.changes.iter_mut().find(|known| known.is_like(&change)) {
            Some(known) => known.requests = known.requests.saturating_add(1),
            None => self.partial.changes.push(change),
        }
    }
}

/// Whether a verdict denies for who asks on whose behalf, before anyone looks at what is asked.
const fn is_for_lineage(verdict: &Verdict) -> bool {
    // Shadow mode is also that of the service.
    !verdict.shadow
        && matches!(
            verdict.code,
            Code::CallerUnmapped
                | Code::CallerForeign
                | Code::MemberRevoked
                | Code::LineageMemberUnmapped
                | Code::LineageMissing
                | Code::MayNotOriginate
                | Code::MissionRequired
                | Code::MissionNotPermitted
                | Code::DepthExceeded
                | Code::Cycle
                | Code::DelegationNotPermitted
        )
}

/// What a request was taken for.
fn action_name(sidecar: &Sidecar, verdict: &Verdict) -> Option<(String, String)> {
    name_of(sidecar, verdict.action?)
}

/// Service and action of an action's number.
fn name_of(sidecar: &Sidecar, action: u16) -> Option<(String, String)> {
    let (service, action) = sidecar.policy.program().action_name(action)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((text(service), text(action)))
}

/// What a verdict says, in names and places.
fn said(sidecars: &Sidecars<'_>, sidecar: Option<&Sidecar>, judged: &Judged, behind: &Behind<'_>) -> Said {
    let verdict = &judged.verdict;
    let by = limiting(verdict).and_then(|(place, is_mission)| match behind.members.get(place) {
        _ if is_mission => behind.mission.map(str::to_owned),
        Some(member) => Some(member.name.clone()),
        None => Some(behind.caller.name.clone()),
    });
    let rule = sidecar.zip(verdict.rule).and_then(|(sidecar, number)| sidecar.rule(sidecars.loaded, number));
    Said {
        code: verdict.code.word(),
        detail: judged.detail,
        by,
        because: rule.map(|(_, rule)| sidecars.loaded.place(rule.span)),
        is_shadow: verdict.passes() && !verdict.allows(),
    }
}

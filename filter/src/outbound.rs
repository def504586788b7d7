//! The outbound role without a host: what a call of the application says, and what of it goes on.

use ambit_bytecode::Code;
use ambit_lineage::budget::{Budget, Holder};
use ambit_lineage::context::{Answer, Trust};
use ambit_lineage::correlation::Correlation;
use ambit_lineage::header;
use ambit_lineage::{Lineage, Mission, RootId};

use crate::head::{Pairs, is_lineage_name};
use crate::settings::Live;

/// The header in which an application declares the mission that it acts under. Anyone may: a mission only narrows.
pub const MISSION_HEADER: &str = "x-ambit-mission";

/// What a call's headers say, read in one pass.
#[derive(Debug, Default)]
pub struct Call<'a> {
    /// `:method`
    pub method: &'a [u8],
    /// `:authority`
    pub authority: &'a [u8],
    /// `:scheme`
    pub scheme: &'a [u8],
    /// `:path`
    pub path: &'a [u8],
    /// What ties the call to the request that caused it.
    pub correlation: Correlation<'a>,
    /// Names of headers that must not go on as the application wrote them.
    pub strip: Vec<&'a [u8]>,
    /// Names of headers by which an application has its proxy repeat a call.
    pub repeats: Vec<&'a [u8]>,
    missions: Vec<&'a [u8]>,
    request_id: Option<&'a [u8]>,
}

/// On whose behalf a call is made.
#[derive(Debug)]
pub struct Behalf<'l> {
    /// Everyone who limits it.
    pub lineage: Lineage<'l>,
    /// It could not be tied to one request, though something is live: how many lineages were merged for it.
    pub lost: Option<u32>,
}

/// What is to happen to a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Stamped {
    /// It goes on with this value of the lineage header.
    With {
        /// The value.
        value: Vec<u8>,
        /// It could not be tied to one request, though something is live: how many lineages were merged for it.
        lost: Option<u32>,
        /// What it is counted for, by place in the settings.
        due: Vec<usize>,
    },
    /// It is denied.
    Denied(Code),
}

impl<'a> Call<'a> {
    /// Reads the headers.
    #[must_use]
    pub fn read(pairs: &'a Pairs) -> Self {
        let mut call = Self::default();
        for (name, value) in pairs.iter() {
            match name {
                b":method" => call.method = value,
                b":authority" => call.authority = value,
                b":scheme" => call.scheme = value,
                b":path" => call.path = value,
                _ if is_lineage_name(name) => call.strip_once(name),
                _ if name == MISSION_HEADER.as_bytes() => {
                    call.strip_once(name);
                    call.missions.push(value);
                }
                _ if is_repeat(name) => call.repeats.push(name),
                _ => {
                    call.correlation.header(name, value);
                    if name == b"x-request-id" {
                        call.request_id = Some(value);
                    }
                }
            }
        }
        call
    }

    fn strip_once(&mut self, name: &'a [u8]) {
        if !self.strip.contains(&name) {
            self.strip.push(name);
        }
    }

    /// On whose behalf the call is made, under the missions that it declares.
    ///
    /// # Errors
    /// The code of a deny, where that cannot be told.
    pub fn behalf<'l>(&'l self, answer: Answer<'l>, live: &'l Live) -> Result<Behalf<'l>, Code> {
        let mut chosen = None;
        let (lineage, lost) = match answer {
            Answer::Found(lineage) => (lineage, None),
            Answer::Merged { lineage, lineages, .. } => (lineage, (!live.strict).then_some(lineages)),
            Answer::Root => {
                chosen = live.mission.as_deref().filter(|_| self.missions.is_empty());
                (Lineage::root(self.request_id.and_then(RootId::parse)), None)
            }
            Answer::Overflow(_) => return Err(Code::LineageOverflow),
            Answer::Quarantine | Answer::Unavailable => return Err(Code::LineageUnavailable),
        };
        Ok(Behalf { lineage: self.with_missions(lineage, chosen)?, lost })
    }

    /// The value to stamp, given on whose behalf the call is made.
    #[must_use]
    pub fn stamp(&self, answer: Answer<'_>, live: &Live) -> Stamped {
        match self.behalf(answer, live) {
            Ok(behalf) => behalf.stamp(live),
            Err(code) => Stamped::Denied(code),
        }
    }

    /// The lineage under the missions that the application declares, or that policy has chosen.
    fn with_missions<'l>(
        &'l self,
        mut lineage: Lineage<'l>,
        chosen: Option<&'l str>,
    ) -> Result<Lineage<'l>, Code> {
        for value in self.missions.iter().copied().chain(chosen.map(str::as_bytes)) {
            for name in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let mission = Mission::parse(name).ok_or(Code::MissionUnknown)?;
                lineage = lineage.with_mission(mission).map_err(|_| Code::LineageOverflow)?;
            }
        }
        Ok(lineage)
    }
}

impl Behalf<'_> {
    /// The value to stamp.
    #[must_use]
    pub fn stamp(&self, live: &Live) -> Stamped {
        let due = |budget: &Option<String>| match budget {
            None => true,
            Some(name) => self.lineage.missions().iter().any(|mission| mission.as_str() == name),
        };
        let places = live.budgets.iter().enumerate();
        let due = places.filter(|(_, budget)| due(&budget.mission)).map(|(place, _)| place).collect();
        let mut value = Vec::new();
        match header::encode(&self.lineage, &mut value) {
            Ok(()) => Stamped::With { value, lost: self.lost, due },
            Err(header::TooLong) => Stamped::Denied(Code::LineageOverflow),
        }
    }
}

impl Live {
    /// Whether the application's choice of correlation id counts.
    pub(crate) const fn trust(&self) -> Trust {
        if self.strict { Trust::Nothing } else { Trust::Ids }
    }

    /// The budgets at these places, with their holders.
    pub(crate) fn budgets_at(&self, places: &[usize]) -> Vec<(Holder<'_>, Budget)> {
        let at = |place: &usize| {
            let local = self.budgets.get(*place)?;
            let mission = local.mission.as_deref().and_then(|name| Mission::parse(name.as_bytes()));
            Some((mission.map_or(Holder::Agent, Holder::Mission), local.budget))
        };
        places.iter().filter_map(at).collect()
    }
}

/// Whether an application has its proxy repeat a call by such a header: what is repeated is not counted.
fn is_repeat(name: &[u8]) -> bool {
    let of_envoy = name.strip_prefix(b"x-envoy-").unwrap_or_default();
    [&b"max-retries"[..], b"retr", b"hedge-"].iter().any(|start| of_envoy.starts_with(start))
}

/// Whether a call stays in the mesh, by its authority: a name of one label, or one below a suffix of the mesh.
///
/// A lineage is never sent to anyone else.
#[must_use]
pub fn stays_in_mesh(authority: &[u8], suffixes: &[String]) -> bool {
    let host = crate::facts::canonical_host(authority);
    if host.is_empty()
        || host.starts_with(b"[")
        || host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        return false;
    }
    !host.contains(&b'.') || suffixes.iter().any(|suffix| is_below(&host, suffix.as_bytes()))
}

/// Whether a host is a name below a suffix, such as `a.svc.cluster.local` below `svc.cluster.local`.
fn is_below(host: &[u8], suffix: &[u8]) -> bool {
    let suffix = suffix.strip_prefix(b".").unwrap_or(suffix);
    !suffix.is_empty() && host.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with(b"."))
}

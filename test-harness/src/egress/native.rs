//! The filter's library as ordinary code. It sees verdicts; there is no host, so nothing is reached and nothing logged.

use std::io;

use ambit_filter::destination::{Ends, Route};
use ambit_filter::egress::Leaving;
use ambit_filter::head::Pairs;
use ambit_filter::outbound::Call;
use ambit_filter::settings::Settings;
use ambit_lineage::{Lineage, Principal};

use super::{Configs, Departure, Runner, Scenario, Seen, What, world};
use crate::runner::{Counters, Judged};
use crate::scenario::Hop;

/// The time of every decision, in Unix seconds: that at which the simulated host starts, 2026-01-01.
const NOW: u64 = 1_767_225_600;

struct Native {
    outbound: Settings,
    network: Settings,
}

/// Starts the runner.
///
/// # Errors
///
/// When a configuration is refused.
pub fn start(_scenario: &Scenario, configs: &Configs) -> io::Result<Box<dyn Runner>> {
    let parse = |config: &str| {
        let refused = |error| io::Error::other(format!("configuration refused: {error}"));
        Settings::parse(config.as_bytes()).map_err(refused)
    };
    Ok(Box::new(Native { outbound: parse(&configs.outbound)?, network: parse(&configs.network)? }))
}

impl Runner for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn depart(&mut self, departure: &Departure) -> io::Result<Seen> {
        let lineage = lineage(departure).ok_or_else(|| io::Error::other("no such lineage"))?;
        let decision = match &departure.what {
            What::Call { authority, original, .. } => {
                let pairs = Pairs::from_headers(&pairs(departure));
                let call = Call::read(&pairs);
                let cluster = world::cluster_of_call(authority).into_bytes();
                let route = Route { cluster, original: original.to_string().into_bytes() };
                let leaving = Leaving::call(&self.outbound, &call, &route);
                leaving.map(|leaving| leaving.judge(Ok(&lineage), NOW))
            }
            What::Connect { server_name, address } => {
                let ends = Ends {
                    server_name: server_name.clone().unwrap_or_default(),
                    address: address.to_string().into_bytes(),
                };
                let leaving = Leaving::connection(&self.network, &ends);
                leaving.map(|leaving| leaving.judge(Ok(&lineage), NOW))
            }
        };
        let judged = decision.as_ref().map(|decision| Judged {
            code: decision.verdict.code.word().to_owned(),
            hop: match decision.verdict.hop {
                None => Hop::None,
                Some(ambit_eval::Hop::Member(place)) => Hop::Member(place),
                Some(ambit_eval::Hop::Mission(place)) => Hop::Mission(place),
            },
        });
        let passed = decision.is_none_or(|decision| decision.verdict.passes());
        Ok(Seen { passed, reached: None, judged, status: None, log: Vec::new() })
    }

    fn counters(&mut self, _expected: &Counters) -> io::Result<Option<Counters>> {
        Ok(None)
    }
}

/// The header pairs of a call, as a proxy shows them to a filter.
pub(super) fn pairs(departure: &Departure) -> Vec<(Vec<u8>, Vec<u8>)> {
    let What::Call { method, authority, target, headers, .. } = &departure.what else { return Vec::new() };
    let mut pairs: Vec<_> = [
        (":authority", authority.as_slice()),
        (":path", target),
        (":method", method.as_bytes()),
        (":scheme", b"http"),
    ]
    .into_iter()
    .map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()))
    .collect();
    pairs.extend(headers.iter().cloned());
    if departure.is_tied {
        let value = super::traceparent(departure.line, 0).into_bytes();
        pairs.push((b"traceparent".to_vec(), value));
    }
    pairs
}

/// On whose behalf it is.
fn lineage(departure: &Departure) -> Option<Lineage<'_>> {
    // A connection carries no id of anything.
    let is_tied = departure.is_tied && matches!(departure.what, What::Call { .. });
    let most = if is_tied { 1 } else { departure.live.len() };
    let mut all = departure
        .live
        .iter()
        .take(most)
        .map(|peer| Lineage::root(None).stamp(Principal::parse(peer.as_bytes())?).ok());
    match all.next() {
        None => Some(Lineage::root(None)),
        Some(first) => all.try_fold(first?, |merged, next| merged.merge(&next?).ok()),
    }
}

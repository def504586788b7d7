//! A closed loop: one request at a time, on one connection for each worker in turn, and what it takes.

use std::io;
use std::time::{Duration, Instant};

use crate::client::{Client, Request};
use crate::envoy::process::{Envoy, cpu_time_of};
use crate::mesh::Mesh;
use crate::outside::{Answer, Outgoing, client_hello};

use super::options::Options;
use super::plan::{Connecting, Variant, Way};

/// What one variant took in one round; all in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// The sidecar's processor time per request.
    pub(super) cpu: f64,
    /// The processor time per request of another process that takes part.
    pub(super) elsewhere: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// A variant with its connections.
pub(super) struct Load<'a> {
    variant: &'a Variant,
    envoy: &'a Envoy,
    caller: Caller<'a>,
    request: Request,
    requests: usize,
    /// Counts requests, which each have ids of their own, as those of a mesh have.
    count: u64,
}

/// What asks.
enum Caller<'a> {
    /// Connections that stay open, used in turn.
    Clients(Vec<Client>),
    /// A new connection each time, with these first bytes.
    Connecting(&'a Outgoing, Vec<u8>),
}

impl<'a> Load<'a> {
    pub(super) fn open(mesh: &'a Mesh, variant: &'a Variant, options: &Options) -> Result<Self, String> {
        let problem = |error: io::Error| format!("{}: {error}", variant.name);
        let endpoint = match &variant.way {
            Way::Inbound(caller) => {
                let identity = mesh.authority().issue(&[caller]);
                mesh.direct(&identity, &variant.site).map_err(problem)?
            }
            Way::Outbound(to) => mesh.between(&variant.site, to),
            Way::Connection(Connecting { outgoing, server_name }) => {
                let hello = client_hello(Some(server_name.as_bytes()));
                return Ok(Self::with(mesh, variant, options, Caller::Connecting(outgoing, hello)));
            }
        };
        let clients: Result<_, _> = (0..options.workers).map(|_| endpoint.connect()).collect();
        let clients = clients.map_err(problem)?;
        Ok(Self::with(mesh, variant, options, Caller::Clients(clients)))
    }

    fn with(mesh: &'a Mesh, variant: &'a Variant, options: &Options, caller: Caller<'a>) -> Self {
        let envoy = mesh.workload(&variant.site).envoy();
        let requests = (options.requests / variant.one_of).max(1);
        Self { variant, envoy, caller, request: variant.request.clone(), requests, count: 0 }
    }

    /// One round.
    pub(super) fn run(&mut self) -> Result<Sample, String> {
        let problem = |error: io::Error| format!("{}: {error}", self.variant.name);
        let fixed = self.request.headers.len();
        let mut latencies = Vec::with_capacity(self.requests);
        let before = self.cpu_times().map_err(problem)?;
        for turn in 0..self.requests {
            self.count += 1;
            self.request.headers.truncate(fixed);
            self.request.headers.extend(ids(self.count));
            let began = Instant::now();
            match &mut self.caller {
                Caller::Clients(clients) => {
                    let turn = turn % clients.len();
                    let response = clients[turn].send(&self.request).map_err(problem)?;
                    latencies.push(began.elapsed());
                    if response.status != self.variant.status {
                        let (name, wanted, found) =
                            (&self.variant.name, self.variant.status, response.status);
                        return Err(format!(
                            "{name}: status {found} instead of {wanted}: {}",
                            response.text()
                        ));
                    }
                }
                Caller::Connecting(outgoing, hello) => {
                    let answer = outgoing.send(hello).map_err(problem)?;
                    latencies.push(began.elapsed());
                    if answer == Answer::Closed {
                        return Err(format!("{}: the connection was closed", self.variant.name));
                    }
                }
            }
        }
        let after = self.cpu_times().map_err(problem)?;
        self.request.headers.truncate(fixed);
        latencies.sort_unstable();
        let requests = f64::from(u32::try_from(self.requests).unwrap_or(u32::MAX));
        let per_request = |before: Duration, after: Duration| micros(after.saturating_sub(before)) / requests;
        Ok(Sample {
            cpu: per_request(before.0, after.0),
            elsewhere: per_request(before.1, after.1),
            p50: micros(latencies[self.requests / 2]),
            p99: micros(latencies[self.requests * 99 / 100]),
        })
    }

    /// Of the sidecar, and of what helps it.
    fn cpu_times(&self) -> io::Result<(Duration, Duration)> {
        let helper = self.variant.helper.map(cpu_time_of).transpose()?;
        Ok((self.envoy.cpu_time()?, helper.unwrap_or_default()))
    }
}

/// Ids of one request, in the forms that meshes use.
fn ids(count: u64) -> [(String, Vec<u8>); 2] {
    [
        ("x-request-id".to_owned(), format!("5b1c5b0e-2ae9-4f2e-8d9a-{count:012x}").into_bytes()),
        (
            "traceparent".to_owned(),
            format!("00-4bf92f3577b34da6{count:016x}-00f067aa0ba902b7-01").into_bytes(),
        ),
    ]
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

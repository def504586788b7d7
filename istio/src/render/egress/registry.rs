//! Destinations in the registry of a namespace, and how proxies speak to them.

use std::collections::{BTreeMap, BTreeSet};

use ambit_compiler::model::HostPattern;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Known, Network, Reach, Speech, Target, gateway, upstream};
use crate::limits::MAX_NAME_BYTES;
use crate::render::delivery::Egress;
use crate::render::object::{DOMAIN, Object};

const NETWORKING: &str = "networking.istio.io/v1";

/// What a wildcard leaves open, for people who read the object.
const WILDCARD: &str = "Whoever has a name below this one, or a server there that serves other names as well, can be reached: \
    a client may write any such name into TLS (SNI). List single hosts where that matters.";

/// What the workloads of one namespace reach outside.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// The namespace.
    pub namespace: String,
    /// What is reached by anyone there.
    pub reach: Reach,
    /// What is reached by someone there who is held to it, and not only watched.
    pub held: BTreeSet<Target>,
    /// The objects, in the order in which they are to be applied.
    pub objects: Vec<Object>,
}

impl Outside {
    /// Makes the objects.
    pub(in crate::render) fn make(&mut self, settings: &Egress) {
        let namespace = self.namespace.as_str();
        let mut objects = Vec::new();
        for (target, known) in &self.reach.0 {
            // In shadow nothing may fail that went well before.
            let is_upgraded = self.held.contains(target) && !is_plain(target, settings);
            objects.push(entry(namespace, target, known, is_upgraded, settings));
            let through =
                settings.gateway.as_ref().filter(|_| gateway::leads(target) && self.held.contains(target));
            match through {
                Some(through) => {
                    objects.extend(gateway::objects(namespace, target, &known.ports, is_upgraded, through))
                }
                None if is_upgraded => objects.extend(encryption(namespace, target, &known.ports)),
                None => {}
            }
        }
        self.objects = objects;
    }
}

/// Whether HTTP to a destination is left as it is.
pub(super) fn is_plain(target: &Target, settings: &Egress) -> bool {
    match target {
        Target::Host(HostPattern::Exact(name)) => settings.plaintext.iter().any(|plain| plain == name),
        Target::Host(HostPattern::Below(name)) => {
            settings.plaintext.iter().any(|plain| plain.strip_prefix("*.") == Some(name))
        }
        Target::Network(_) | Target::HostAt(_) => true,
    }
}

fn entry(namespace: &str, target: &Target, known: &Known, is_upgraded: bool, settings: &Egress) -> Object {
    let resolution = match target {
        Target::Host(HostPattern::Exact(_)) => "DNS",
        // The proxy finds the address of whatever name is asked for, from Istio 1.30 on.
        Target::Host(HostPattern::Below(_)) => "DYNAMIC_DNS",
        // It is the address that is allowed, and the listener takes no other.
        Target::Network(_) | Target::HostAt(_) => "NONE",
    };
    let port = |(port, speech): (&u16, &Speech)| {
        let word = match speech {
            Speech::Http => "HTTP",
            Speech::Tls => "TLS",
            Speech::Tcp => "TCP",
        };
        let mut value = json!({
            "number": port,
            "name": format!("{}-{port}", word.to_ascii_lowercase()),
            "protocol": word,
        });
        let called = upstream(*port, *speech);
        if let Some(fields) = value.as_object_mut().filter(|_| is_upgraded && called != *port) {
            fields.insert(String::from("targetPort"), Value::from(called));
        }
        value
    };
    let mut spec = Map::from_iter([
        (String::from("hosts"), json!([target.host()])),
        (String::from("exportTo"), export_to(settings)),
        (String::from("location"), Value::from("MESH_EXTERNAL")),
        (String::from("resolution"), Value::from(resolution)),
        (String::from("ports"), Value::from_iter(known.ports.iter().map(port))),
    ]);
    if !known.networks.is_empty() {
        let networks: Vec<String> = known.networks.iter().map(Network::to_string).collect();
        spec.insert(String::from("addresses"), json!(networks));
    }
    let object = outside("ServiceEntry", namespace, target, Value::from(spec));
    if target.is_wildcard() { object.annotate(&format!("{DOMAIN}/warning"), WILDCARD) } else { object }
}

/// Who sees it: the namespace, and the gateway's if there is one.
pub(super) fn export_to(settings: &Egress) -> Value {
    match &settings.gateway {
        Some(gateway) => json!([".", gateway.namespace]),
        None => json!(["."]),
    }
}

/// How proxies speak TLS where applications speak HTTP: to the host itself, whose certificate must say so.
fn encryption(namespace: &str, target: &Target, ports: &BTreeMap<u16, Speech>) -> Option<Object> {
    let of_http = ports.iter().filter(|(_, speech)| **speech == Speech::Http);
    let settings: Vec<Value> =
        of_http.map(|(port, _)| json!({ "port": { "number": port }, "tls": tls(target) })).collect();
    if settings.is_empty() {
        return None;
    }
    let spec = json!({
        "host": target.host(),
        "exportTo": ["."],
        "trafficPolicy": { "portLevelSettings": settings },
    });
    Some(outside("DestinationRule", namespace, target, spec))
}

/// TLS to a destination. Of a wildcard, the proxy asks for the name of each request, and holds the certificate to it.
pub(super) fn tls(target: &Target) -> Value {
    if target.is_wildcard() {
        return json!({ "mode": "SIMPLE" });
    }
    let host = target.host();
    json!({ "mode": "SIMPLE", "sni": host, "subjectAltNames": [host] })
}

/// An object of a namespace, about one destination.
pub(super) fn outside(kind: &str, namespace: &str, target: &Target, spec: Value) -> Object {
    named(kind, namespace, target, &name(target, ""), spec)
}

/// The same by another name.
pub(super) fn named(kind: &str, namespace: &str, target: &Target, name: &str, spec: Value) -> Object {
    Object::of_namespace((NETWORKING, kind), namespace, name, &target.host(), spec)
}

/// The name of an object about a destination. `more` tells it from others of its kind.
pub(super) fn name(target: &Target, more: &str) -> String {
    let word = target.word();
    let name = format!("ambit-{more}{word}");
    // Where that is too long, the digest tells it from others that begin alike.
    if name.len() <= MAX_NAME_BYTES { name } else { format!("ambit-{more}long-{}", digest(&word)) }
}

/// Sixteen characters that tell one text from another.
pub(super) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

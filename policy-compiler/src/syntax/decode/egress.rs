//! `egress` of a mesh, an agent, or a mission.

use super::mode;
use super::object::{Item, Object};
use crate::source::Spanned;
use crate::syntax::ast::{Destination, Egress, MeshEgress};

pub(super) fn of_mesh(spec: &Object<'_>) -> Option<MeshEgress> {
    let object = spec.object("egress")?;
    let deny = object.has("deny").then(|| Spanned::new(object.texts("deny"), object.key_span("deny")));
    Some(MeshEgress { deny, internal: object.texts("internal") })
}

pub(super) fn of_holder(spec: &Object<'_>) -> Option<Egress> {
    let object = spec.object("egress")?;
    Some(Egress {
        span: spec.key_span("egress"),
        allow: object.items("allow").map(destination).collect(),
        mode: mode(&object),
    })
}

fn destination(item: Item<'_>) -> Destination {
    match item {
        Item::Text(host) => Destination {
            span: host.span,
            host: Some(host),
            cidr: None,
            ports: None,
            methods: Vec::new(),
            path_prefix: None,
        },
        Item::Object(entry) => Destination {
            span: entry.span(),
            host: entry.text("host"),
            cidr: entry.text("cidr"),
            ports: entry.has("ports").then(|| {
                entry.integers("ports").into_iter().filter_map(|port| u16::try_from(port).ok()).collect()
            }),
            methods: entry.texts("methods"),
            path_prefix: entry.text("pathPrefix"),
        },
    }
}

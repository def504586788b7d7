//! What to do about a verdict: for each code, when it comes up and how to mend it.

use ambit_eval::Code;

/// When a code comes up.
pub(crate) const fn cause(code: Code) -> &'static str {
    of(code).0
}

/// What to do about it.
pub(crate) const fn remedy(code: Code) -> &'static str {
    of(code).1
}

/// A `match`, so that a new code does not compile without advice.
const fn of(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::Allowed => (
            "The caller, every member of the lineage and its mission hold the action, no deny matches, and the effects are within every ceiling.",
            "Nothing is wrong. To see which grant of the caller counted, look up the rule of the decision record in the span map beside the blob.",
        ),
        Code::NoPolicy => (
            "The filter runs without a policy: its plugin configuration is empty, or no configuration has been accepted yet.",
            "Build a blob for this workload and put it into the `pluginConfig`. If there is one, look in the proxy's log for the line that says why it was refused.",
        ),
        Code::PolicyExpired => (
            "The time is at or past the `--not-after` that the blob was built with.",
            "Build and deliver the policy again. If that happens by itself, find out why it stopped; if the policy is fresh, check the node's clock.",
        ),
        Code::PolicyNotYetValid => (
            "The time is before the `--not-before` that the blob was built with.",
            "Wait, or build the policy with an earlier start. If the time is right, check the node's clock.",
        ),
        Code::PolicyForAnotherWorkload => (
            "The policy is signed, and for another workload than the one whose certificate this proxy shows: the filter's `keys` are set, and the two differ.",
            "Compare the `WasmPlugin`'s selector with the workload of the blob, which `ambit inspect` shows: it selects the wrong pods, or carries the wrong blob.",
        ),
        Code::CallerUnauthenticated => (
            "The connection came without a client certificate: plaintext, or TLS that is not mutual.",
            "Give the caller a sidecar, and set `PeerAuthentication` to `STRICT` so that such connections end before they get here.",
        ),
        Code::CallerMalformed => (
            "The client certificate has no URI SAN, more than one, or one that is no well-formed SPIFFE id.",
            "See who issues the caller's certificate. In an Istio mesh istiod does, and its ids are always well-formed.",
        ),
        Code::CallerForeign => (
            "The trust domain of the caller's SPIFFE id is none of those in the `Mesh` document.",
            "If the caller belongs to the mesh, add its trust domain to `spec.trustDomains`; else this is as it should be.",
        ),
        Code::CallerUnmapped => (
            "No `Agent` document has an identity that covers the caller.",
            "Write an `Agent` for it, or add its namespace and service account to the `identity` of one. A workload outside policy is denied on purpose.",
        ),
        Code::MemberRevoked => (
            "An agent in the lineage, or the caller itself, is revoked: `revoked: true`, or named in the mesh's `revoked`. Every chain through it dies.",
            "If the incident is over, take the revocation back and build again. Else start the work again without the agent.",
        ),
        Code::LineageMalformed => (
            "The lineage header is no well-formed dictionary of version 1, or names a principal that is no SPIFFE id.",
            "The outbound filter of the caller's sidecar writes the header, and agents need not. Find what else sets or cuts it on the way: a gateway, a header size limit.",
        ),
        Code::LineageRepeated => (
            "The request has more than one lineage header. Which one is true cannot be told, so that neither is taken.",
            "Find what adds the second one. The outbound filter removes those of the application, so look beyond it: a gateway, or a proxy without the filter.",
        ),
        Code::LineageTooLong => (
            "The lineage header has more bytes than any honest one needs.",
            "Look at who calls whom: the chain is very long, or goes in circles. Shorten it, or bound it by the mesh's `maxDepth`.",
        ),
        Code::LineageTooManyMembers => (
            "The lineage header names more members than a lineage may have.",
            "Look at who calls whom: the chain is very long, or goes in circles.",
        ),
        Code::LineageMemberUnmapped => (
            "The lineage names a principal that is no agent of this workload's policy. It holds nothing, so nothing may be done for it.",
            "Write an `Agent` for the member that the decision record names. If there is one, build the blob of this workload again: it may be older.",
        ),
        Code::LineageMissing => (
            "Policy says that the caller's sidecar stamps lineages, and the call came without one.",
            "Install the outbound filter in the caller's sidecar and see that it covers this call. If the caller has none on purpose, set `stamping: false` in its `Agent`.",
        ),
        Code::MayNotOriginate => (
            "The call has no one before the caller, and the caller's `Agent` does not say `originates: true`.",
            "If the agent may start work of its own, set `originates: true`. If it acted for someone, the lineage was lost: look at the lost-lineage counter, and make the agent pass on `traceparent` or `x-request-id`.",
        ),
        Code::LineageOverflow => (
            "The call could not be tied to one request, so that it counts as made for everyone whose request was live; they are more than a lineage can name.",
            "Make the agent pass on `traceparent` or `x-request-id`, as every tracing library does, so that each call is tied to its request.",
        ),
        Code::LineageUnavailable => (
            "The call belongs to the work of a request, and what the sidecar noted of that request cannot be read any more.",
            "Try again. If it comes up often, the sidecar holds more live requests than it can note: look at its counters, and spread the load over more pods.",
        ),
        Code::MissionUnknown => (
            "The lineage rides under a mission that this workload's policy does not have.",
            "Correct the name, or write the `Mission`. If there is one, it grants nothing on this workload, or the blob is older than the mission.",
        ),
        Code::MissionExpired => (
            "The time is at or past the mission's `notAfter`.",
            "Start the work under a mission that is still open, or move the end of this one.",
        ),
        Code::MissionRequired => (
            "An agent in the lineage has `missions.required`, and the lineage has no mission.",
            "Declare one where the work starts: the header `x-ambit-mission`, or policy's choice for the root.",
        ),
        Code::MissionNotPermitted => (
            "The mission of the lineage is not in `missions.oneOf` of an agent in it.",
            "Add the mission to the agent that the decision record names, or do not send this work through that agent.",
        ),
        Code::DepthExceeded => (
            "More members follow an agent than its `delegates.maxDepth` lets, or the lineage is longer than the mesh's `maxDepth`.",
            "Shorten the chain, or raise the limit that the decision record names.",
        ),
        Code::Cycle => (
            "The mesh says `cycles: refuse`, and an agent appears twice in the lineage.",
            "Find out why work comes back to an agent that it went through. If that is as it should be, set `cycles: tolerate`: a repeated agent is then judged twice, which changes nothing.",
        ),
        Code::DelegationNotPermitted => (
            "An agent in the lineage has handed work to one that its `delegates.to` does not name.",
            "If it may, add the next agent to `delegates.to` of the one that the decision record names.",
        ),
        Code::ActionUnknown => (
            "No action of the services on this workload covers the request: method, path, tool or message.",
            "Add the action to the catalog of the `Service`, or grant the method and path by `http:`. What is not listed is denied.",
        ),
        Code::PathRefused => (
            "The path can be read in two ways (`//`, `..`, `;`, escapes of what needs none), or has characters that are refused. The upstream might read it in the other way.",
            "Make the client send the canonical spelling of the path.",
        ),
        Code::RequestMalformed => (
            "A pseudo-header is missing or repeated, or a header that decides is.",
            "Make the client send a well-formed request. Agents from stock SDKs do; see what rewrites it on the way.",
        ),
        Code::UpgradeRefused => (
            "The request is a `CONNECT`, or asks to upgrade the protocol: what follows could not be judged.",
            "Grant it by an action with that method if the bytes that follow need no judging; else do without it.",
        ),
        Code::BodyMalformed => (
            "The body is not strict JSON (UTF-8, no key twice, bounded depth, nothing after the end), or not a message of the service's protocol.",
            "Make the client send such a body, or correct `protocol` of the `Service`.",
        ),
        Code::BodyTooLarge => (
            "The body, or a part of it that policy must read, is above the limit.",
            "Send less at once, raise the limit of the `Service`, or write rules for this action that need no argument.",
        ),
        Code::BodyUnreadable => (
            "The body is compressed, or of a media type that policy cannot read, and some rule has to read it.",
            "Make the client send plain JSON without a content encoding, or write rules for this action that need no argument.",
        ),
        Code::HeaderMismatch => (
            "A header that says what is asked contradicts the body. One of the two lies, and the upstream might believe it.",
            "Make the client send headers that agree with the body. A stock SDK does, so see what rewrites the request.",
        ),
        Code::ArgumentUnlisted => (
            "The call has an argument that its action does not list.",
            "Add the argument to the action in the catalog, after a look at what it can do; or do not send it.",
        ),
        Code::ExplicitlyDenied => (
            "A rule in `denies` of an agent in the lineage, or of its mission, covers the action, and its condition is met or cannot be evaluated.",
            "Look up the rule of the decision record in the span map beside the blob. A deny beats every grant: narrow it if it says more than was meant. A condition on an absent field makes a deny match; guard it with `has(...)`.",
        ),
        Code::NotGranted => (
            "An agent in the lineage, or the caller, or the mission, holds no grant of the action. Each of them needs one: privileges of a chain are the intersection of those of its members.",
            "Grant the action to the one that the decision record names. If it is to be caused only by way of others, and never done by itself, say `through: [...]`.",
        ),
        Code::NotGrantedThisWay => (
            "There is a grant, but not for this use: the agent called itself and the grant is only `through` others, or the work went through an agent that `through` does not name.",
            "Add the agents between to `through`, or set `direct: true`, if that is what is meant.",
        ),
        Code::ConditionNotMet => (
            "There is a grant for this use, but its `when` is false, or cannot be evaluated: a field is absent, of another type, or too large.",
            "Compare the arguments with the condition at the line that the span map gives for the rule. For a field that may be absent, write `!has(...) || ...`.",
        ),
        Code::EffectCeiling => (
            "The action has an effect that is outside `effects.ceiling` of an agent in the lineage or of its mission. The ceiling of a lineage is the intersection of all.",
            "If the agent may cause such effects, add the label to its ceiling; else this is the ceiling at work.",
        ),
        Code::BudgetExhausted => (
            "A budget that this sidecar counts is used up.",
            "Wait until it is filled again, raise it, or find out what uses it up: an agent in a loop looks like this.",
        ),
        Code::EgressNotAllowed => (
            "The destination outside the mesh is on the allowlist of not every agent in the lineage.",
            "Add the destination to `egress.allow` of the agent that the decision record names, with its port if that is neither 443 nor, for HTTP, 80. `*.example.com` covers what is below it, not `example.com` itself; an address is allowed by `cidr`. An entry with `methods` or `pathPrefix` allows nothing of which the proxy sees no HTTP: have the application call `http://`.",
        ),
        Code::ReplyUnreadable => (
            "The caller asked for a list of tools, resources or prompts, and the reply of the server is compressed, too large, or not the JSON that MCP demands. An entry that cannot be read cannot be judged.",
            "Look up the detail in the decision record. Turn off compression in the server for MCP, or let it list in pages of less than 512 KiB.",
        ),
        Code::InternalFault => (
            "The filter met what it holds to be impossible. It denies, since it cannot judge.",
            "This is a bug. Please report it with the decision record, the blob, and the versions of filter and proxy.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_has_advice_of_its_own() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            for text in [cause(*code), remedy(*code)] {
                assert!(text.ends_with('.') && text.len() > 40, "{}", code.word());
                assert!(seen.insert(text), "{} says what another says", code.word());
            }
        }
    }
}

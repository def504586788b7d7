//! The one table of what can be found. A number is never used again for something else: searches depend on it.

use core::fmt;

use ambit_compiler::diagnostics::{Kind, Severity};

macro_rules! codes {
    ($($name:ident = $number:literal $severity:ident $title:literal $explanation:literal;)+) => {
        /// What kind of thing was found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// Every code, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The number after the `C`.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)+ }
            }

            /// How bad it is: an error is a way around the filter, or a filter that does not work.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }

            /// What it is called.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }

            /// What it means and how to mend it, in a few sentences of Markdown.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $explanation,)+ }
            }
        }
    };
}

impl Kind for Code {
    fn severity(self) -> Severity {
        Self::severity(self)
    }

    fn title(self) -> &'static str {
        Self::title(self)
    }
}

impl Code {
    /// The code written `C0123` (or `c123`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(['C', 'c'])?;
        let number: u16 = digits.parse().ok()?;
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{:04}", self.number())
    }
}

// 01xx mTLS, 02xx ports, 03xx what no sidecar captures, 04xx which pods have which role, 05xx the plugins themselves,
// 06xx versions, 07xx calls outside.
codes! {
MtlsNotStrict = 101 Error "mTLS is not strict" "\
The `PeerAuthentication` that counts for the workload lets plaintext in. The filter denies what has no certificate, but \
on a port that sniffs protocols plaintext can take a chain without HTTP filters. Set `mtls.mode: STRICT`, as the object \
that `ambit render` writes does; of several that select the same pods, the oldest counts.";

MtlsUnset = 102 Error "no mTLS policy" "\
No `PeerAuthentication` counts for the workload, and Istio's default is `PERMISSIVE`: plaintext is let in. Apply the one \
that `ambit render` writes.";

MtlsPortException = 103 Error "a port without strict mTLS" "\
`portLevelMtls` makes an exception for a port. What comes there needs no certificate. Remove the exception, or move what \
needs it to a workload that is not governed.";

MtlsAmbiguous = 104 Warning "several mTLS policies for one workload" "\
More than one `PeerAuthentication` selects the same pods. Istio takes the oldest, which files do not tell. Keep one.";

AutoPort = 201 Error "port without a declared protocol" "\
The protocol of a service's port is not declared, so that the proxy sniffs it. A peer of the mesh can then choose, by \
its TLS ALPN, a chain on which no HTTP filter runs. Declare it (`appProtocol: http`, or a name that starts with \
`http-`), and apply the baseline `AuthorizationPolicy` that `ambit render` writes, which closes such chains.";

TcpPort = 202 Error "port that is not HTTP" "\
The port is declared as TCP, TLS or another protocol, so that no HTTP filter runs there and nothing is judged. Close it \
with an `AuthorizationPolicy` (the baseline that `ambit render` writes does), or serve it from another workload.";

OpenPorts = 203 Error "ports of no service are open" "\
A proxy also takes what comes to ports that no service declares, and sniffs its protocol: a peer can choose a chain \
without HTTP filters. No `AuthorizationPolicy` closes them. Apply the baseline that `ambit render` writes, whose rule \
asks for an HTTP method, which on such a chain nothing has.";

ExcludedInbound = 301 Error "inbound ports that the sidecar does not capture" "\
An annotation `traffic.sidecar.istio.io/...` keeps ports or interfaces away from the sidecar. Whoever reaches them meets \
no filter, and no mTLS. Remove it, or close those ports with a `NetworkPolicy`.";

ExcludedOutbound = 302 Error "outbound traffic that the sidecar does not capture" "\
An annotation `traffic.sidecar.istio.io/...` lets the application reach ports or addresses without the sidecar. Such \
calls are not stamped, and whoever takes unstamped calls of this agent loses its lineage. Remove it.";

HostNetwork = 303 Error "host network" "\
A pod on the host's network gets no sidecar: nothing it takes is judged, and nothing it calls is stamped.";

NoSidecar = 304 Error "no sidecar" "\
Injection is switched off for the pods, or running pods have no proxy. Plugins that select them do nothing.";

RunsAsProxy = 305 Error "application with the proxy's user" "\
What runs as user or group 1337 is not captured, since the proxy itself runs so. The application can call and be called \
without the sidecar. Give it another user.";

MayChangeCapture = 306 Warning "application that may change the capture" "\
A container may administer the network (`NET_ADMIN`), or is privileged, and so can take itself out of the sidecar's \
capture. Drop the capability; with Istio's CNI plugin, no container of a pod needs it.";

NotCovered = 401 Error "no inbound plugin selects the pods" "\
The pods run as a governed service account, and the labels of no inbound plugin select them: what comes to them is not \
judged. Correct the labels in the delivery document and render again, or label the pods.";

NotStamped = 402 Error "no outbound plugin on a stamping agent" "\
Others believe what this workload's sidecar says of the lineage, and no outbound plugin makes it say so: the application \
itself could write the header. Apply the outbound plugin, or say `stamping: false` in the `Agent`.";

SelectsNothing = 403 Warning "plugin that selects no pods" "\
Pods of the namespace were given, and none has the labels that the plugin asks for. It does nothing.";

TwoPlugins = 404 Error "two plugins of one role" "\
Two of our plugins of the same role select the same pods. Both judge, by different policies; and where their lineage \
secrets differ, everything is denied. Give the workloads labels that tell them apart.";

ForeignPatch = 405 Warning "an `EnvoyFilter` changes the proxy's filters" "\
An `EnvoyFilter` that is not ours removes, replaces or reorders filters or listeners of governed pods. Make sure that \
ours are still there: look for `ambit` in the proxy's configuration (`istioctl proxy-config listener`).";

FailOpen = 501 Error "plugin that fails open" "\
With `FAIL_OPEN`, a module that cannot be fetched is replaced by one that allows everything, and requests after a crash \
pass unjudged. Set `FAIL_RELOAD`.";

NotReloaded = 502 Warning "plugin that is not made anew" "\
Without `FAIL_RELOAD`, a worker whose module has crashed denies everything until the pod restarts.";

MatchPorts = 503 Error "plugin for some ports only" "\
`match.ports` takes the plugin off all other ports, those that no service declares among them. Remove `ports`; to \
close ports, use an `AuthorizationPolicy`.";

WrongDirection = 504 Error "plugin in the wrong direction" "\
The inbound role needs `match.mode: SERVER` and the outbound role `CLIENT`. In the other direction, or in both, requests \
are not judged, or calls are judged as if they were requests.";

WrongPhase = 505 Warning "plugin in another phase" "\
`phase: AUTHZ` puts the filter behind JWT checks and before Istio's own RBAC. Elsewhere, other plugins may come between, \
and what they change is not judged.";

NotPinned = 506 Warning "image without a digest" "\
The url names a tag, which can come to mean another module, and of which proxies keep what they first saw. Name the \
digest: `oci://REPOSITORY@sha256:...`.";

DigestMismatch = 507 Error "two digests that differ" "\
`sha256` is another digest than the url's. The proxy refuses the image, and denies everything.";

NoPolicy = 508 Error "inbound plugin without a policy" "\
The plugin's configuration holds no policy. The filter denies everything, each request with the code `no-policy`.";

PlaceholderLeft = 509 Error "placeholder instead of a secret" "\
The lineage secret was not put in when the manifest was applied. The filter refuses the configuration: a new proxy \
does not get ready, and one that runs keeps what it had. See docs/install.md for the ways to give secrets.";

SecretsDiffer = 510 Error "roles with different lineage secrets" "\
Both roles of a proxy must have the same lineage secret and settings. With two secrets, the calls of a request cannot \
be tied to it, and everything is denied.";

OldProxy = 601 Error "Istio with known holes" "\
Before 1.28.10, 1.29.6 and 1.30.3, a NUL byte in the SAN of a certificate could pass for another identity \
(CVE-2026-47778), and several checks of headers could be gone around. Older minor releases get no fixes. Upgrade, \
proxies included: pods keep their proxy until they are restarted.";

UnknownVersion = 602 Warning "proxy of unknown version" "\
The image of the proxy has no tag that tells its version. Make sure by other means that it is at least 1.28.10, 1.29.6 or \
1.30.3.";

NoTrafficExtension = 603 Error "objects that the control plane does not know" "\
`TrafficExtension` came with Istio 1.30. An older control plane ignores it, so that nothing is enforced. Render with \
`--api wasm-plugin`.";

WaypointCrash = 604 Warning "waypoint that may crash" "\
Before Istio 1.30.3, a plugin in an application's namespace that targets a `Service` made the waypoint crash. Upgrade, or \
target the `Gateway`.";

EgressNotJudged = 701 Error "calls outside are not judged" "\
The agent has a list of what it may call outside, and the outbound plugin of its pods holds no policy that says so: it stamps \
calls, and lets them pass. Render the policy again, and apply what comes of it.";

EgressNoConnections = 702 Error "connections outside are not judged" "\
The list leads to ports on which the proxy sees connections, and no requests: TLS of the application's own, or plain TCP. No \
plugin of the network role runs there, so that nothing holds such a connection to the lineage on whose behalf it is made. \
Apply the plugin that `ambit render` writes, with all of its ports.";

EgressOpen = 703 Error "calls to what is not registered" "\
No plugin runs on a sidecar's catch-all. Unless the `Sidecar` that counts for the pods says `REGISTRY_ONLY`, whatever is not \
registered is called through it, unjudged. Apply the `Sidecar` that `ambit render` writes; the mesh's own default is not looked \
at, since another may change it for everyone.";

EgressTwoSidecars = 704 Warning "several `Sidecar` objects for one workload" "\
More than one `Sidecar` selects the same pods. Istio takes one of them, and says nothing of which. Keep one.";

EgressWideSidecar = 705 Warning "`Sidecar` that knows more than the list" "\
The hosts of the `Sidecar` let the proxy know all that is registered in a namespace, or everywhere. What others register can then \
be called, on ports where no plugin judges connections. Name the hosts of the list, and services by their suffix \
(`data/*.svc.cluster.local`), as `ambit render` does.";

EgressNoNetworkPolicy = 706 Error "nothing closes the way around the sidecar" "\
What runs as the proxy's user, in an init container, or on ports that are not captured goes around the sidecar, and with it \
around every plugin. Only a `NetworkPolicy` with `policyTypes: [Egress]` closes that, and a network plugin of the cluster \
that enforces it. Apply the one that `ambit render` writes.";

EgressWideNetworkPolicy = 707 Error "`NetworkPolicy` that lets everything out" "\
Network policies add up: one that lets pods reach everything opens again what another closes. A rule without `to`, or with \
every address and no `ports`, is such a one. Narrow it, or take the pods out of it.";

EgressUnresolved = 708 Error "destination at any address" "\
With `resolution: NONE`, which is what counts where nothing is said, a proxy calls the address that the application chose. The \
name that the application puts into TLS or into `Host` then says nothing of where the call goes. Say `resolution: DNS`, so that \
the proxy finds the address itself; or, where it is the address that counts, list it in `addresses`.";

EgressWildcard = 709 Warning "any name below a host" "\
The application chooses the name that it asks for in TLS (SNI), and whoever has a name below the host is reached, with whatever \
else that server serves: another name inside the encryption is not seen (domain fronting). List single hosts where that \
matters.";

EgressUnregistered = 710 Warning "destination that is not registered" "\
The list allows a destination that no `ServiceEntry` registers for the namespace, so that calls there fail. Apply what \
`ambit render` writes for the namespace.";

TwoTelemetries = 801 Warning "two `Telemetry` objects for the same pods" "\
Of several `Telemetry` objects whose selectors find the same pods, Istio takes the oldest, and says nothing of the others. If that \
is not the one of `ambit render`, access logs do not say what was decided; if it is, what the other one asks for is lost. Make one \
of both, or name the providers of both in `accessLogs.providers` of the delivery.";
}

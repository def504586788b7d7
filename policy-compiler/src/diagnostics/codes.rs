//! The one table of diagnostic codes. A number is never used again for something else: searches depend on it.

use core::fmt;

use super::Severity;

macro_rules! codes {
    ($($name:ident = $number:literal $severity:ident $title:literal $explanation:literal;)+) => {
        /// What kind of thing a diagnostic is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)+
        }

        impl Code {
            /// Every code, in ascending order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The number after the `P`.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)+ }
            }

            /// How bad it is.
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

impl Code {
    /// The code written `P0123` (or `p123`, or `123`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches(['P', 'p']);
        let number: u16 = digits.parse().ok()?;
        Self::ALL.iter().copied().find(|code| code.number() == number)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{:04}", self.number())
    }
}

// 00xx the YAML, 01xx the shape of a document, 02xx names and identities, 03xx actions, 04xx rules,
// 05xx conditions, 06xx what is accepted and probably not meant.
codes! {
YamlSyntax = 1 Error "not YAML" "\
The text is not YAML 1.2. The usual reasons are a colon inside an unquoted value, a missing space after a colon, \
and indentation that does not line up. Quote values that hold `: ` or ` #`.\n\n\
The rest of this document is not read; the next document of the file (after `---`) is.";

YamlFeature = 2 Error "YAML feature that policy does not use" "\
Anchors (`&a`), aliases (`*a`), merge keys (`<<`), tags (`!x`) and directives (`%TAG`) are refused: what a line means \
must be readable at that line, and tools disagree about some of them. To share grants write a `Toolset`.\n\n\
A value that starts with `*` or `&` must be quoted: `\"*/read.*\"`.";

DuplicateKey = 3 Error "key written twice" "\
A mapping holds the same key twice. Some YAML readers take the first, some the last, so neither is taken here.";

TooMuch = 4 Error "larger than the limit" "\
A file, the nesting of a document, the number of its values, or the number of some kind of thing in the policy is above \
the limit. The message names the limit.";

NotUtf8 = 5 Error "not UTF-8" "\
The file holds bytes that are not UTF-8, and is not read beyond them. Save it as UTF-8.";

Tab = 6 Error "tab in the indentation" "\
YAML does not allow tabs in indentation. Use spaces.";

NotAnObject = 7 Error "document is not an object" "\
Each document is an object with `apiVersion`, `kind`, `metadata` and `spec`. Documents of one file are separated by a \
line `---`.";

ApiVersion = 101 Error "unknown `apiVersion`" "\
This compiler reads `apiVersion: ambit.dev/v1alpha1`. A newer version needs a newer compiler: it may mean something that \
this one does not know, and guessing could widen access.";

MissingField = 102 Error "missing field" "\
A field that has no default is not there. The help shows what it looks like.";

UnknownField = 103 Error "unknown field" "\
The field does not exist here. It is refused rather than ignored, since an ignored restriction widens access. The \
help names the nearest field that exists, and LANGUAGE.md lists all of them.";

WrongType = 104 Error "value of the wrong type" "\
A list stands where a word should be, a number where a text should be, or the like. An unquoted `true`, `12` or `null` is \
not text; quote it.";

UnknownKind = 105 Error "unknown `kind`" "\
The kinds are `Mesh`, `Service`, `Agent`, `Mission` and `Toolset`.";

BadName = 106 Error "malformed name" "\
Names of agents, services, missions and toolsets are lower-case letters, digits, `-` and `.`, start and end with a letter \
or digit, and have at most 64 bytes. Names of actions may also hold upper case and `_`, and have at most 128 bytes. \
Effects are lower-case letters, digits and `-`.";

NotAChoice = 107 Error "not one of the allowed words" "\
The field takes one of a few words. The help lists them.";

OutOfRange = 108 Error "number out of range" "\
The number is below the smallest or above the largest that the field takes.";

EmptyValue = 109 Error "empty list or text" "\
A list or a text that must hold something is empty. Leave the field out, or say what it should hold.";

FieldConflict = 110 Error "fields that exclude each other" "\
Two fields were given of which only one may be, or none of several of which one must be.";

BadTime = 111 Error "malformed time" "\
Times are RFC 3339 in UTC, such as `2027-01-31T00:00:00Z`. Lengths of time are a whole number and one of `ms`, `s`, `m` \
and `h`, such as `30s`.";

BadSize = 112 Error "malformed size" "\
Sizes are whole KiB, written as Kubernetes writes them: `256Ki`.";

BadHost = 113 Error "malformed host" "\
A host is a name such as `api.example.com`, or `*.example.com` for all below it, at any depth, but not for itself. Nothing \
else belongs to it: no scheme, no port, no path, no address. Names are compared in lower case and as A-labels (`xn--...`); \
a name in another script is refused, since it can look like one that it is not. Names of one label, and those below \
`svc.cluster.local`, stay within the mesh.";

DuplicateName = 201 Error "name given twice" "\
Two documents of one kind have the same name. Documents are not merged: put everything about one agent in one document.";

UnknownAgent = 202 Error "unknown agent" "\
No `Agent` document has this name. Misspelt names are refused, since a grant or an edge that silently does nothing is \
hard to find.";

UnknownService = 203 Error "unknown service" "\
No `Service` document has this name. It may be misspelt, or in a file that was not given.";

UnknownAction = 204 Error "unknown action" "\
The service has no action of this name in its catalog (`spec.actions`). For an HTTP service, `http:` grants methods and \
paths without a catalog entry.";

UnknownMission = 205 Error "unknown mission" "\
No `Mission` document has this name. It may be misspelt, or in a file that was not given.";

UnknownToolset = 206 Error "unknown toolset" "\
No `Toolset` document has this name. It may be misspelt, or in a file that was not given.";

SecondMesh = 207 Error "second `Mesh` document" "\
A policy has at most one `Mesh` document. Without one, the trust domain is `cluster.local` and every setting has its \
default.";

IdentityTaken = 208 Error "identity of two agents" "\
A principal must be exactly one agent. Two agents name the same identity, or patterns that overlap. An exact identity in \
one agent and a whole namespace or a pattern in another do not conflict: the exact one wins.";

BadIdentity = 209 Error "malformed identity" "\
An identity is one of `{namespace: a, serviceAccount: b}`, `{namespace: a}` (every service account of the namespace), \
`{spiffe: \"spiffe://trust.domain/path\"}` and `{spiffePattern: \"/ns/*/sa/b\"}`. A SPIFFE path has segments of letters, \
digits, `-`, `.` and `_`.";

ForeignTrustDomain = 210 Error "trust domain outside the mesh" "\
The trust domain of the identity is not listed in the mesh's `trustDomains`, so no caller could ever prove it.";

BadPath = 301 Error "path that is not canonical" "\
Requests are compared by one canonical spelling of their path: it starts with `/`, has no `//`, no `.` or `..` \
segments, no `;`, no escapes and nothing outside ASCII, no query and no fragment. A path spelled otherwise in policy would \
never match.";

BadPathPattern = 302 Error "malformed path pattern" "\
A segment of a pattern is literal, or `{name}` or `*` (exactly one segment), or, at the end only, `**` (any number of \
segments, none included). `*` and braces stand for whole segments, and a name is used once.";

BadMethod = 303 Error "malformed HTTP method" "\
HTTP methods are upper-case tokens, such as `GET`. Method names are case-sensitive.";

DuplicateAction = 304 Error "action named twice" "\
Two actions of one service have the same name. Give one of them another `name`.";

WrongProtocol = 305 Error "action does not fit the protocol" "\
The fields that say which requests are an action depend on the service's `protocol`: `http` takes `methods` and `path`; \
`mcp` one of `tool`, `resource`, `prompt` and `method`; `a2a` and `grpc` take `method`.";

SameSelector = 306 Error "two actions for the same requests" "\
Two actions of one service cover the same path (or key) and share a method, so a request would be both. Split the \
methods, or merge the actions.";

BadSelector = 307 Error "malformed selector" "\
A gRPC method is `package.Service/Method`; a key holds printable characters only; `*` stands for any run of characters.";

UnknownMethod = 308 Error "unknown method" "\
The MCP or A2A method is none of those that the filter knows, so no request would ever be this action. A2A methods are \
written in their canonical form, such as `message.send`, whatever version and binding is spoken on the wire.";

SharedWorkload = 309 Error "two services on one workload answer the same requests" "\
A request is assigned to an action by the workload that it reaches, and its protocol. Two services of the same workload \
and protocol have actions with the same selector, so that a request would be both.";

BadArgument = 310 Error "malformed name of an argument" "\
The arguments that an action lists are names, as in `table`; what is in an object is written `filter.from`, and odd names \
`filter[\"a.b\"]`. One that is listed may hold anything; to have only parts of an object, list the parts and not the whole. \
Elements of lists are not told apart.";

BadLoggable = 311 Error "field that records do not have" "\
What records may show is named as in conditions: `args`, or an argument below it with all that is in it (`args.amount`), \
`request.headers.NAME`, `request.query.NAME`, `source.ip`, or `*` for all. Method, path and the name of a tool are shown always, \
as access logs have them.";

BadActionReference = 401 Error "malformed action reference" "\
Actions are written `service/action`. `*` stands for any run of characters except `/` within the service's name or the \
action's name: `orders-db/*`, `*/read.*`.";

NothingMatches = 402 Error "wildcard that matches nothing" "\
No action of any catalog matches. It may have been misspelt; and should the actions come later, write the rule then.";

NothingGranted = 403 Error "rule without actions" "\
A rule says which actions it is about: `actions`, `http` or `toolset`.";

NotHttp = 404 Error "inline `http` on a service that is not HTTP" "\
`http:` grants methods and paths, which only services with `protocol: http` have. Name the actions of the catalog instead.";

ConditionSyntax = 501 Error "condition is not CEL" "\
A condition is one expression in the Common Expression Language. In YAML, quote it, or use a block (`when: |`), if it \
holds `: ` or ` #` or starts with a quote, bracket or brace.";

UnknownVariable = 502 Error "unknown name in a condition" "\
Conditions know `args`, `request`, `path`, `source`, `caller`, `chain`, `mission` and `time`, and, inside `all` and \
`exists`, the element. LANGUAGE.md lists what each offers.";

UnknownFunction = 503 Error "unknown function in a condition" "\
Conditions know `has`, `size`, `startsWith`, `endsWith`, `contains`, `matches`, `inNetwork`, `all`, `exists`, `chain.has` \
and `chain.under`.";

OutsideSubset = 504 Error "CEL that policy does not have" "\
The expression is CEL, but outside the part that can be decided in a bounded number of steps without allocation, or whose \
failure would be hard to see. The help names the nearest thing that is inside.";

ConditionType = 505 Error "types that do not fit" "\
The two sides of a comparison can never be of one type, a condition is no truth value, or an argument of a function is of the \
wrong type. Such a condition would be unknown for every request: it would grant nothing, and a deny would always match.";

NoSuchField = 506 Error "field that no action of the rule has" "\
The condition reads something that the protocol of the actions does not offer, such as `args` of a gRPC call, whose \
messages are not read. A rule that reads `args` must not cover gRPC actions at all; among others, only some may lack them \
(P0605).";

PathParameter = 507 Error "path parameter that an action lacks" "\
`path.NAME` reads the segment of the path where the action's pattern has `{NAME}`. Every action of the rule must have it.";

BadRegex = 508 Error "malformed regular expression" "\
Regular expressions have RE2 syntax, without look-around and back-references, over bytes: no Unicode classes such as \
`\\p{L}`, and `.` is any byte but a line feed.";

BadNetwork = 509 Error "malformed network" "\
A network is an address and a prefix length, such as `10.0.0.0/8` or `2001:db8::/32`, with no bits set behind the prefix; a \
single address stands for itself.";

BadNumber = 510 Error "number that cannot be compared exactly" "\
Numbers compare exactly, as decimals of at most 18 digits with an exponent from -64 to 64.";

NestedElement = 511 Error "outer element inside an inner quantifier" "\
Inside `all` or `exists` only the element of the innermost one can be used.";

UnusedGrant = 601 Warning "grant that no chain can use" "\
No lineage exists in which the grant counts: the agents in `through` are never delegated to, the agent is revoked, its \
effect ceiling excludes the action, or an unconditional deny of its own covers it.";

NeverMatches = 602 Warning "rule that can never match" "\
The condition is false or unknown whatever the request.";

Shadowed = 603 Warning "rule that changes nothing" "\
An earlier rule of the same owner, without a condition and usable in every way that this one is, covers all its actions.";

Unreachable = 604 Warning "agent that nobody can reach" "\
The agent may not originate work, and no agent delegates to it, so that every request it makes is denied.";

FieldAbsentSometimes = 605 Warning "field that some actions of the rule lack" "\
The rule covers actions whose protocol does not offer the field. For them the condition is unknown: a grant grants \
nothing, and a deny always matches.";

UnusedEffect = 606 Warning "effect that no action has" "\
The ceiling names an effect that no action of the policy carries. It may be misspelt.";

NoBody = 607 Warning "arguments of a request without a body" "\
`args` reads the JSON body, and requests of these methods have none as a rule. Use `request.query` or `path`.";

AlwaysTrue = 608 Warning "condition that is always true" "\
The condition does not depend on the request. Leave it out, or say what was meant.";

UnusedMission = 609 Warning "mission that nobody may act under" "\
Every agent lists the missions that it may act under, and none lists this one.";

EmptyAgent = 610 Warning "agent that nothing is granted to" "\
The agent has no grants. Since every member of a lineage must be granted an action, nothing can be done in its name \
either.";

NotListed = 611 Warning "argument that an action does not list" "\
The condition reads an argument of an action that lists its arguments, and this one is not among them. A request that has \
it is denied (`argument-unlisted`), whatever the condition says.";

KnownLate = 612 Warning "condition that is known only after the headers" "\
The condition reads bodies, and a wildcard of the rule covers requests of an HTTP service, which could be decided by their \
headers otherwise. Each of them is now held until its body is read, and denied if that is not JSON or is too large. Name the \
actions whose body is meant; MCP and A2A messages are read anyway.";

EgressCovered = 613 Warning "destination that another entry covers" "\
Another entry of the same list allows every call that this one allows, so that this one changes nothing. The usual reason \
is that `*.example.com` is there too, or that one entry bounds methods, paths or ports and another does not.";

EgressDenied = 614 Warning "destination that the mesh denies" "\
`egress.deny` of the mesh denies all of this destination to everyone, so that it is not allowed. Without such a list, \
addresses and names are denied where clouds keep metadata and credentials of the machine.";

EgressWide = 615 Warning "very wide destination" "\
The entry allows names that anyone can register, or most of all addresses, so that it bounds nothing.";

MetadataAllowed = 616 Warning "cloud metadata is not denied" "\
A list that the mesh denies replaces the default one, and this one does not deny `169.254.169.254`, where most clouds hand \
out the credentials of the machine to whoever asks.";

EgressUnheld = 617 Warning "`egress` that no sidecar holds" "\
The agent says `stamping: false`, so no filter of ours runs in its own sidecar, and its own calls outside are not judged. \
Calls that others make on its behalf are.";
}

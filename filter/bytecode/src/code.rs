//! The codes of verdicts. They are stable: dashboards, alerts and tests depend on them, and a number is never reused.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal $word:literal;)+) => {
        /// Why a verdict is as it is. Number 0 is deliberately unused, so that a zeroed byte is no code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Code {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Code {
            /// Every code, in ascending order of number.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// Its stable number.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$name => $number,)+
                }
            }

            /// Its stable kebab-case word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// One sentence about it, fit to be shown to the caller: it says nothing of policy or lineage.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => const { concat!($($doc),+).trim_ascii() },)+
                }
            }

            /// The code of a number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// Every member of the lineage may do this.
    Allowed = 1 "allowed";

    /// No policy is loaded.
    NoPolicy = 10 "no-policy";
    /// The policy is no longer valid.
    PolicyExpired = 11 "policy-expired";
    /// The policy is not yet valid.
    PolicyNotYetValid = 12 "policy-not-yet-valid";
    /// The policy is for another workload.
    PolicyForAnotherWorkload = 13 "policy-for-another-workload";

    /// The caller presented no certificate.
    CallerUnauthenticated = 20 "caller-unauthenticated";
    /// The caller's certificate names no well-formed SPIFFE id.
    CallerMalformed = 21 "caller-malformed";
    /// The caller's trust domain is not one of this mesh.
    CallerForeign = 22 "caller-foreign";
    /// The caller is no known agent.
    CallerUnmapped = 23 "caller-unmapped";

    /// An agent in the lineage is revoked.
    MemberRevoked = 30 "member-revoked";

    /// The lineage header is malformed.
    LineageMalformed = 40 "lineage-malformed";
    /// There is more than one lineage header.
    LineageRepeated = 41 "lineage-repeated";
    /// The lineage header is too long.
    LineageTooLong = 42 "lineage-too-long";
    /// The lineage has too many members.
    LineageTooManyMembers = 43 "lineage-too-many-members";
    /// A member of the lineage is no known agent.
    LineageMemberUnmapped = 44 "lineage-member-unmapped";
    /// The caller's sidecar must state the lineage and did not.
    LineageMissing = 45 "lineage-missing";
    /// The caller may act for others only, and this is work of its own.
    MayNotOriginate = 46 "may-not-originate";
    /// The lineage of the call is lost and too wide to be merged.
    LineageOverflow = 47 "lineage-overflow";
    /// On whose behalf this is asked cannot be told at the moment.
    LineageUnavailable = 48 "lineage-unavailable";

    /// A mission of the lineage is not known.
    MissionUnknown = 50 "mission-unknown";
    /// A mission of the lineage has expired.
    MissionExpired = 51 "mission-expired";
    /// An agent in the lineage acts only under a mission.
    MissionRequired = 52 "mission-required";
    /// An agent in the lineage may not act under this mission.
    MissionNotPermitted = 53 "mission-not-permitted";

    /// The lineage is deeper than is allowed.
    DepthExceeded = 60 "depth-exceeded";
    /// An agent appears twice in the lineage.
    Cycle = 61 "cycle";
    /// An agent in the lineage may not hand work to the one after it.
    DelegationNotPermitted = 62 "delegation-not-permitted";

    /// This is no known action of the service.
    ActionUnknown = 70 "action-unknown";
    /// The path is ambiguous, or has characters that are refused.
    PathRefused = 71 "path-refused";
    /// The request is malformed.
    RequestMalformed = 72 "request-malformed";
    /// A tunnel or a protocol upgrade is not granted.
    UpgradeRefused = 73 "upgrade-refused";
    /// The body is not what its protocol demands.
    BodyMalformed = 74 "body-malformed";
    /// The body is larger than policy can read.
    BodyTooLarge = 75 "body-too-large";
    /// The body is encoded or of a media type that policy cannot read.
    BodyUnreadable = 76 "body-unreadable";
    /// A header contradicts the body.
    HeaderMismatch = 77 "header-mismatch";
    /// An argument is not one that policy lists.
    ArgumentUnlisted = 78 "argument-unlisted";

    /// A rule denies this to an agent in the lineage.
    ExplicitlyDenied = 80 "explicitly-denied";
    /// An agent in the lineage holds no grant of this.
    NotGranted = 81 "not-granted";
    /// An agent in the lineage holds a grant of this, but not for use in this way.
    NotGrantedThisWay = 82 "not-granted-this-way";
    /// An agent in the lineage holds a grant of this whose condition is not met.
    ConditionNotMet = 83 "condition-not-met";

    /// The effects of this are beyond the ceiling of an agent in the lineage.
    EffectCeiling = 90 "effect-ceiling";
    /// A local budget is used up.
    BudgetExhausted = 95 "budget-exhausted";

    /// The destination is not allowed for an agent in the lineage.
    EgressNotAllowed = 100 "egress-not-allowed";

    /// What the server lists cannot be read, so that nothing of it is shown.
    ReplyUnreadable = 110 "reply-unreadable";

    /// The filter could not judge, which denies.
    InternalFault = 127 "internal-fault";
}

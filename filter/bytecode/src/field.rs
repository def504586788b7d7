//! What a condition can read of a request.

macro_rules! sources {
    ($($(#[doc = $doc:literal])+ $name:ident = $number:literal $word:literal [$argument:ident];)+) => {
        /// Where a field comes from.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Source {
            $($(#[doc = $doc])+ $name = $number,)+
        }

        impl Source {
            /// Every source, in ascending order of number.
            pub const ALL: &[Source] = &[$(Source::$name,)+];

            /// Its number in a blob.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$name => $number,)+
                }
            }

            /// The source of a number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its name in listings.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What the argument of a field from here means.
            #[must_use]
            pub const fn argument(self) -> Argument {
                match self {
                    $(Self::$name => Argument::$argument,)+
                }
            }

            /// What it is, as `FORMAT.md` prints it.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => const { concat!($($doc),+).trim_ascii() },)+
                }
            }
        }
    };
}

/// What the argument of a field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing; it is none.
    Unused,
    /// A name, by string id.
    Name,
    /// A number.
    Number,
}

sources! {
    /// the method token
    Method = 1 "method" [Unused];
    /// the canonical path
    Path = 2 "path" [Unused];
    /// the authority in lower case, without port and trailing dot
    Host = 3 "host" [Unused];
    /// a header by lower-case name: absent if missing, unusable if repeated
    Header = 4 "header" [Name];
    /// a query parameter, percent-decoded: unusable if repeated
    Query = 5 "query" [Name];
    /// a segment of the canonical path, counted from 0
    PathSegment = 6 "path-segment" [Number];
    /// a field of the JSON body, by its keys
    Body = 7 "body" [Unused];
    /// the downstream address without its port
    PeerAddress = 8 "peer-address" [Unused];
    /// the host name that a call to the outside is for, as `host` has it: absent if that is an address, or if there is none
    DestinationHost = 9 "destination-host" [Unused];
    /// the IP address that a call to the outside goes to, without its port: absent if the proxy chooses it by name
    DestinationAddress = 10 "destination-address" [Unused];
    /// the port that a call to the outside goes to
    DestinationPort = 11 "destination-port" [Unused];
    /// the caller's SPIFFE id
    CallerPrincipal = 16 "caller-principal" [Unused];
    /// the namespace in the caller's SPIFFE id
    CallerNamespace = 17 "caller-namespace" [Unused];
    /// the service account in the caller's SPIFFE id
    CallerServiceAccount = 18 "caller-service-account" [Unused];
}

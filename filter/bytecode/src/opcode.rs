//! The one opcode table. Enum, decoder, mnemonics, stack effect and the table in `FORMAT.md` all come from it.

/// What an instruction takes from the stack and leaves there, left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackEffect {
    /// What must lie on top before, the topmost last.
    pub takes: &'static [Kind],
    /// What lies there after.
    pub leaves: &'static [Kind],
}

/// What a stack slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True, false or unknown.
    Truth,
    /// A value.
    Value,
}

/// What an instruction's operand means. Every operand is a `u16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// A field.
    Field,
    /// A field that lies in the list of the quantifier around it.
    ElementField,
    /// A body field that holds a list.
    List,
    /// A literal.
    Literal,
    /// A set of literals.
    LiteralSet,
    /// A set of networks.
    Networks,
    /// An automaton.
    Automaton,
    /// A set of agents.
    Agents,
    /// An agent.
    Agent,
    /// A mission.
    Mission,
    /// How many bytes to skip, counted from the next instruction.
    Skip,
    /// How many bytes, from the next instruction on, are a quantifier's body.
    Body,
}

macro_rules! opcodes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal $mnemonic:literal [$($operand:ident)*] ($($takes:ident)* => $($leaves:ident)*);)+) => {
        /// An operation of a condition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Opcode {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl Opcode {
            /// Every opcode, in ascending order.
            pub const ALL: &[Opcode] = &[$(Opcode::$name,)+];

            /// The opcode of a byte.
            #[must_use]
            pub const fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// Its byte.
            #[must_use]
            pub const fn byte(self) -> u8 {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// Its name in listings.
            #[must_use]
            pub const fn mnemonic(self) -> &'static str {
                match self {
                    $(Self::$name => $mnemonic,)+
                }
            }

            /// Its operands, in order.
            #[must_use]
            pub const fn operands(self) -> &'static [Operand] {
                match self {
                    $(Self::$name => &[$(Operand::$operand),*],)+
                }
            }

            /// What it takes from the stack and leaves there.
            #[must_use]
            pub const fn stack(self) -> StackEffect {
                match self {
                    $(Self::$name => StackEffect { takes: &[$(Kind::$takes),*], leaves: &[$(Kind::$leaves),*] },)+
                }
            }

            /// What it does, as `FORMAT.md` prints it.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => const { concat!($($doc),+).trim_ascii() },)+
                }
            }
        }
    };
}

opcodes! {
    /// the value of a field
    Field = 0x01 "field" [Field] (=> Value);
    /// the value of a field of the current element
    Element = 0x02 "element" [ElementField] (=> Value);
    /// a literal
    Literal = 0x03 "literal" [Literal] (=> Value);
    /// how many members the lineage has, the caller included
    Depth = 0x04 "depth" [] (=> Value);
    /// minutes since midnight, UTC
    Minute = 0x05 "minute" [] (=> Value);
    /// day of the week, UTC, 0 is Monday
    Weekday = 0x06 "weekday" [] (=> Value);
    /// bytes of a text; unusable for anything else
    Size = 0x07 "size" [] (Value => Value);
    /// how many elements a list has, or bytes a text; unusable for anything else, and for more than `MAX_LIST`
    Count = 0x08 "count" [List] (=> Value);

    /// true
    True = 0x10 "true" [] (=> Truth);
    /// false
    False = 0x11 "false" [] (=> Truth);
    /// the first equals the second; unknown unless both are of one scalar type
    Equal = 0x12 "equal" [] (Value Value => Truth);
    /// not `equal`; unknown where that is
    NotEqual = 0x13 "not-equal" [] (Value Value => Truth);
    /// the first is less; unknown unless both are numbers or both texts
    Less = 0x14 "less" [] (Value Value => Truth);
    /// the first is less or equal; unknown where `less` is
    LessOrEqual = 0x15 "less-or-equal" [] (Value Value => Truth);
    /// the first is greater; unknown where `less` is
    Greater = 0x16 "greater" [] (Value Value => Truth);
    /// the first is greater or equal; unknown where `less` is
    GreaterOrEqual = 0x17 "greater-or-equal" [] (Value Value => Truth);
    /// it is in the set; unknown if no member of the set has its type
    InSet = 0x18 "in-set" [LiteralSet] (Value => Truth);
    /// some element equals it, as `exists` of `equal`
    InList = 0x19 "in-list" [List] (Value => Truth);
    /// a boolean as truth; unknown for anything else
    Truth = 0x1a "truth" [] (Value => Truth);
    /// the field is present; unknown if it could not be read
    Has = 0x1b "has" [Field] (=> Truth);
    /// the field of the current element is present; unknown if it could not be read
    HasElement = 0x1c "has-element" [ElementField] (=> Truth);
    /// the first text starts with the second; unknown unless both are texts
    StartsWith = 0x1d "starts-with" [] (Value Value => Truth);
    /// the first text ends with the second; unknown unless both are texts
    EndsWith = 0x1e "ends-with" [] (Value Value => Truth);
    /// the first text contains the second; unknown unless both are texts in UTF-8
    Contains = 0x1f "contains" [] (Value Value => Truth);
    /// the automaton matches the whole text; unknown if it is not a text
    Matches = 0x20 "matches" [Automaton] (Value => Truth);
    /// the text is an IP address in one of the networks; unknown if it is not an address
    InNetwork = 0x21 "in-network" [Networks] (Value => Truth);
    /// the agent is in the lineage or is the caller
    ChainHas = 0x22 "chain-has" [Agent] (=> Truth);
    /// the first member (of a merged lineage: every member) is in the set
    OriginIn = 0x23 "origin-in" [Agents] (=> Truth);
    /// the caller is in the set
    CallerIn = 0x24 "caller-in" [Agents] (=> Truth);
    /// the lineage rides under the mission
    UnderMission = 0x25 "under-mission" [Mission] (=> Truth);

    /// its contrary; unknown stays
    Not = 0x30 "not" [] (Truth => Truth);
    /// false if either is false, else unknown if either is, else true
    And = 0x31 "and" [] (Truth Truth => Truth);
    /// true if either is true, else unknown if either is, else false
    Or = 0x32 "or" [] (Truth Truth => Truth);
    /// skips if the top is false, and leaves it
    SkipIfFalse = 0x33 "skip-if-false" [Skip] (Truth => Truth);
    /// skips if the top is true, and leaves it
    SkipIfTrue = 0x34 "skip-if-true" [Skip] (Truth => Truth);
    /// the `and` of the body over the elements; unknown if it is not a list, or has more than `MAX_LIST` elements
    All = 0x38 "all" [List Body] (=> Truth);
    /// the `or` of the body over the elements; unknown if it is not a list, or has more than `MAX_LIST` elements
    Exists = 0x39 "exists" [List Body] (=> Truth);
}

impl Opcode {
    /// How many bytes an instruction takes: the opcode and its operands.
    #[must_use]
    pub const fn instruction_bytes(self) -> usize {
        match self.operands().len() {
            0 => 1,
            1 => 3,
            _ => 5,
        }
    }
}

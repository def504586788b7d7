//! What the unruly host does, one step after the other, out of any bytes: a letter, and what it says more. So a script can be
//! read and written by hand: `R1 C10 S210 H21` makes a root, configures it, makes a stream in it, and shows its headers.

use super::requests::{ASKED, Kind};

/// The steps that are left.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    bytes: Vec<u8>,
    at: usize,
    /// Whether faults may have memory never be used again, as what a host does not hand over is.
    pub(super) wastes: bool,
}

/// One step. Contexts are any small number, whether or not there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Root(u32),
    Stream {
        context: u32,
        parent: u32,
        asked: usize,
    },
    Configure {
        context: u32,
        kind: Kind,
        size: Size,
    },
    Headers {
        context: u32,
        is_end: bool,
    },
    Body {
        context: u32,
        size: Size,
        is_end: bool,
    },
    Trailers(u32),
    ReplyHeaders {
        context: u32,
        is_end: bool,
    },
    ReplyBody {
        context: u32,
        piece: Piece,
        is_end: bool,
    },
    Connect(u32),
    Data(u32),
    Tick(u32),
    Delete(u32),
    /// Seconds that pass, or did not.
    Time(i8),
    Plan(Fault),
    Mend,
    Allocate(u32),
}

/// What the host says of how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Whole,
    Half,
    None,
    More,
    Most,
}

/// What there is of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Whole,
    First,
    Second,
    Empty,
}

/// Host calls that go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// All of them if none.
    pub(super) hostcall: Option<&'static str>,
    pub(super) wrong: Wrong,
    /// How many more; all if none.
    pub(super) left: Option<u32>,
}

/// How a host call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It does nothing and says this, which no list may have.
    Status(u32),
    /// A value is cut.
    Truncate(u8),
    /// A value is another of the same length.
    Other(u8),
    /// A value is said to be elsewhere.
    Elsewhere(u8),
    /// A value is said to be longer than it is.
    Longer(u8),
    /// The host performs the next step in the middle of it.
    CallBack,
}

/// All that the module calls: a test holds them to what it imports.
pub const HOSTCALLS: [&str; 17] = [
    "proxy_get_property",
    "proxy_get_header_map_pairs",
    "proxy_get_buffer_bytes",
    "proxy_set_buffer_bytes",
    "proxy_add_header_map_value",
    "proxy_remove_header_map_value",
    "proxy_send_local_response",
    "proxy_set_property",
    "proxy_log",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_shared_data",
    "proxy_set_shared_data",
    "proxy_define_metric",
    "proxy_increment_metric",
    "proxy_set_tick_period_milliseconds",
    "proxy_close_stream",
    // Scripts name them by their places, so that new ones come last.
    "proxy_record_metric",
];

/// The letters, of which those that come often come first.
const LETTERS: &[u8] = b"RSCHBThbNDKXPFGM";

impl Script {
    pub(super) fn new(bytes: &[u8], wastes: bool) -> Self {
        Self { bytes: bytes.to_vec(), at: 0, wastes }
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(b'0');
        self.at += 1;
        byte
    }

    /// A digit, or what stands in its place: below a bound.
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte().wrapping_sub(b'0')) % bound
    }

    /// Few, so that they meet: of 16 there are that host really gives, 0 and the greatest are none of a plugin's.
    fn context(&mut self) -> u32 {
        match self.below(10) {
            8 => u32::MAX,
            small => u32::try_from(small).expect("a small number"),
        }
    }

    fn size(&mut self) -> Size {
        [Size::Whole, Size::Half, Size::None, Size::More, Size::Most][self.below(5)]
    }

    fn is_end(&mut self) -> bool {
        self.below(2) == 1
    }

    fn fault(&mut self) -> Fault {
        let hostcall = HOSTCALLS.get(self.below(HOSTCALLS.len() + 1)).copied();
        let wrong = match self.below(8) {
            // More than there are.
            0 | 1 => Wrong::Status(u32::from(self.byte() % 20) + 1),
            2 => Wrong::Status(u32::MAX),
            3 => Wrong::Truncate(self.byte()),
            4 => Wrong::Other(self.byte()),
            5 if self.wastes => Wrong::Elsewhere(self.byte()),
            6 if self.wastes => Wrong::Longer(self.byte().max(1)),
            _ => Wrong::CallBack,
        };
        let left = u32::try_from(self.below(6)).ok().filter(|left| *left > 0);
        Fault { hostcall, wrong, left }
    }

    /// The next step; none when all is done.
    pub(super) fn next(&mut self) -> Option<Step> {
        // What stands between steps is to be read by people.
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n')) {
            self.at += 1;
        }
        if self.at >= self.bytes.len() {
            return None;
        }
        let byte = self.byte();
        let letter = LETTERS
            .iter()
            .find(|letter| **letter == byte)
            .unwrap_or(&LETTERS[usize::from(byte) % LETTERS.len()]);
        Some(match letter {
            b'R' => Step::Root(self.context()),
            b'S' => Step::Stream {
                context: self.context(),
                parent: self.context(),
                asked: self.below(ASKED.len()),
            },
            b'C' => {
                let (context, kind) = (self.context(), Kind::ALL[self.below(Kind::ALL.len())]);
                Step::Configure { context, kind, size: self.size() }
            }
            b'H' => Step::Headers { context: self.context(), is_end: self.is_end() },
            b'B' => Step::Body { context: self.context(), size: self.size(), is_end: self.is_end() },
            b'T' => Step::Trailers(self.context()),
            b'h' => Step::ReplyHeaders { context: self.context(), is_end: self.is_end() },
            b'b' => {
                let context = self.context();
                let piece = [Piece::Whole, Piece::First, Piece::Second, Piece::Empty][self.below(4)];
                Step::ReplyBody { context, piece, is_end: self.is_end() }
            }
            b'N' => Step::Connect(self.context()),
            b'D' => Step::Data(self.context()),
            b'K' => Step::Tick(self.context()),
            b'X' => Step::Delete(self.context()),
            b'P' => Step::Time(self.byte().cast_signed()),
            b'F' => Step::Plan(self.fault()),
            b'G' => Step::Mend,
            // The last of them is more than a VM has.
            _ => Step::Allocate(match self.below(14) {
                13 => u32::MAX - u32::from(self.byte()),
                shift => u32::from(self.byte()) << shift,
            }),
        })
    }
}

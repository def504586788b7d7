//! What is expected of a request, in one line: `allow`, `deny not-granted hop 1`, `deny body-malformed body`,
//! `shadow not-granted`, `proxy 400`.

use std::fmt;

use ambit_bytecode::Code;

/// What is expected of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// What becomes of it.
    pub ending: Ending,
    /// The request target that the application receives; not compared if the scenario does not say.
    pub arrives: Option<Vec<u8>>,
    /// The status of the filter's reply; 403 if the scenario does not say, or 200 to a caller that speaks gRPC.
    pub status: Option<u16>,
    /// Each is in the body of the response.
    pub reply: Vec<String>,
    /// Each is in the line of the filter's log.
    pub log: Vec<String>,
    /// The body of the response, to the byte; not compared if the scenario does not say.
    pub receives: Option<Vec<u8>>,
    /// The filter answers in the place of the application, for this reason, since the answer cannot be read.
    pub withheld: Option<String>,
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It reaches the application as it was sent.
    Allow,
    /// The filter answers it.
    Deny {
        /// Why.
        code: Code,
        /// Who limits it; not compared if the scenario does not say.
        hop: Option<Hop>,
        /// When that is known.
        stage: Stage,
    },
    /// It reaches the application although the verdict is a deny.
    Shadow {
        /// Why it would have been denied.
        code: Code,
        /// Who limits it; not compared if the scenario does not say.
        hop: Option<Hop>,
    },
    /// The proxy answers it by itself with this status, whatever the filter would have said.
    Proxy(u16),
}

/// Who limits a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// No one in particular.
    None,
    /// The member at this place of the lineage, from the origin; the caller comes last.
    Member(u8),
    /// The mission at this place.
    Mission(u8),
}

/// When a request is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// At the headers: the application sees nothing of a request that is denied.
    Headers,
    /// When its body has been read: the application may have seen the headers of a request that is denied.
    Body,
}

impl Ending {
    /// Reads the line.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["allow"] => Ok(Self::Allow),
            ["proxy", status] => {
                let number = status.parse().ok().filter(|status| (400..600).contains(status));
                number.map(Self::Proxy).ok_or_else(|| format!("`{status}` is no status of an error"))
            }
            ["deny", code, rest @ ..] => {
                let (rest, stage) = match rest.split_last() {
                    Some((&"body", rest)) => (rest, Stage::Body),
                    _ => (rest, Stage::Headers),
                };
                Ok(Self::Deny { code: parse_code(code)?, hop: parse_hop(rest)?, stage })
            }
            ["shadow", code, rest @ ..] => {
                Ok(Self::Shadow { code: parse_code(code)?, hop: parse_hop(rest)? })
            }
            _ => Err(format!(
                "`{line}` is no expectation: `allow`, `deny CODE [hop N|mission N|hop none] [body]`, \
                 `shadow CODE [hop N]` or `proxy STATUS`"
            )),
        }
    }
}

fn parse_code(word: &str) -> Result<Code, String> {
    let mut codes = Code::ALL.iter().copied().filter(|code| *code != Code::Allowed);
    codes.find(|code| code.word() == word).ok_or_else(|| format!("`{word}` is no code of a deny"))
}

fn parse_hop(words: &[&str]) -> Result<Option<Hop>, String> {
    let place = |text: &str| text.parse().map_err(|_| format!("`{text}` is no place in a lineage"));
    match words {
        [] => Ok(None),
        ["hop", "none"] => Ok(Some(Hop::None)),
        ["hop", text] => Ok(Some(Hop::Member(place(text)?))),
        ["mission", text] => Ok(Some(Hop::Mission(place(text)?))),
        _ => Err(format!("`{}` is no hop: `hop N`, `mission N` or `hop none`", words.join(" "))),
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => f.write_str("allow"),
            Self::Deny { code, hop, stage } => {
                write!(f, "deny {}", code.word())?;
                hop.map_or(Ok(()), |hop| write!(f, " {hop}"))?;
                if *stage == Stage::Body { f.write_str(" body") } else { Ok(()) }
            }
            Self::Shadow { code, hop } => {
                write!(f, "shadow {}", code.word())?;
                hop.map_or(Ok(()), |hop| write!(f, " {hop}"))
            }
            Self::Proxy(status) => write!(f, "proxy {status}"),
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("hop none"),
            Self::Member(place) => write!(f, "hop {place}"),
            Self::Mission(place) => write!(f, "mission {place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines() {
        for line in [
            "allow",
            "deny not-granted",
            "deny not-granted hop 1",
            "deny caller-foreign hop none",
            "deny effect-ceiling mission 0",
            "deny body-malformed body",
            "deny condition-not-met hop 0 body",
            "shadow not-granted",
            "shadow not-granted hop 2",
            "proxy 413",
        ] {
            assert_eq!(Ending::parse(line).unwrap().to_string(), line);
        }
        for line in [
            "",
            "allowed",
            "allow body",
            "deny",
            "deny allowed",
            "deny everything",
            "deny not-granted at 1",
            "deny not-granted hop x",
            "deny not-granted body hop 1",
            "shadow not-granted body",
            "proxy",
            "proxy 200",
        ] {
            assert!(Ending::parse(line).is_err(), "{line}");
        }
    }
}

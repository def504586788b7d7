//! Colours, for whoever wants them.

/// What colour says of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Title,
    Good,
    Bad,
}

impl Tone {
    pub(super) fn good_if(is_good: bool) -> Self {
        if is_good { Self::Good } else { Self::Bad }
    }

    /// The text in its colour.
    pub(super) fn paint(self, text: &str, colours: bool) -> String {
        let code = match self {
            _ if !colours => return text.to_owned(),
            Self::Plain => return text.to_owned(),
            Self::Title => 1,
            Self::Good => 32,
            Self::Bad => 31,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

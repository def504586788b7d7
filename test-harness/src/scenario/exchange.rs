//! A request as a caller sends it, and as a proxy shows it to a filter.

/// A header or trailer line: name and value.
pub(super) type Line = (Vec<u8>, Vec<u8>);

/// A request and who sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Who connects.
    pub peer: Peer,
    /// Method.
    pub method: Vec<u8>,
    /// Request target, as it stands in the request line.
    pub target: Vec<u8>,
    /// Header lines in order, names as they are sent.
    pub headers: Vec<Line>,
    /// The body, in the pieces in which it is sent. Empty if there is none.
    pub pieces: Vec<Vec<u8>>,
    /// How the end of the body is told.
    pub framing: Framing,
    /// Trailer lines; only after chunks.
    pub trailers: Vec<Line>,
    /// What the application answers; `200` and nothing that matters if the scenario does not say.
    pub answer: Option<Answer>,
}

/// What an application answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Header lines in order, without what tells how the body ends.
    pub headers: Vec<Line>,
    /// The body, in the pieces in which it is sent.
    pub pieces: Vec<Vec<u8>>,
}

/// Who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// No TLS.
    Plaintext,
    /// mTLS, with a certificate that has these URI SANs.
    Certificate(Vec<Vec<u8>>),
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// By its length.
    Length,
    /// By an empty chunk.
    Chunked,
}

impl Answer {
    /// The header pairs that a proxy shows a filter. One piece comes with its length.
    #[must_use]
    pub fn pairs(&self) -> Vec<Line> {
        let mut pairs = vec![(b":status".to_vec(), self.status.to_string().into_bytes())];
        pairs.extend(self.headers.iter().cloned());
        if let [piece] = self.pieces.as_slice() {
            pairs.push((b"content-length".to_vec(), piece.len().to_string().into_bytes()));
        }
        pairs
    }
}

impl Exchange {
    /// Whether the headers are all there is.
    #[must_use]
    pub fn ends_at_headers(&self) -> bool {
        self.framing != Framing::Chunked && self.pieces.is_empty()
    }

    /// The header pairs that a proxy shows a filter: pseudo-headers first, names in lower case.
    #[must_use]
    pub fn pairs(&self, authority: &str) -> Vec<Line> {
        let is_host = |name: &[u8]| name.eq_ignore_ascii_case(b"host");
        let host = self.headers.iter().find(|(name, _)| is_host(name));
        let host = host.map_or(authority.as_bytes(), |(_, value)| value);
        let mut pairs: Vec<Line> =
            [(":authority", host), (":path", &self.target), (":method", &self.method), (":scheme", b"http")]
                .into_iter()
                .map(|(name, value)| (name.into(), value.to_vec()))
                .collect();
        let rest = self.headers.iter().filter(|(name, _)| !is_host(name));
        pairs.extend(
            rest.chain(&self.framing_header())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone())),
        );
        pairs
    }

    /// Request line and header lines in HTTP/1.1, unchecked.
    #[must_use]
    pub fn wire_head(&self, authority: &str) -> Vec<u8> {
        let mut bytes = [&self.method, b" ".as_slice(), &self.target, b" HTTP/1.1\r\n"].concat();
        let host = (b"host".to_vec(), authority.as_bytes().to_vec());
        let has_host = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"host"));
        let host = if has_host { None } else { Some(host) };
        for (name, value) in host.iter().chain(&self.headers).chain(&self.framing_header()) {
            bytes.extend([name, b": ".as_slice(), value, b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        bytes
    }

    /// One piece of the body in HTTP/1.1.
    #[must_use]
    pub fn wire_piece(&self, piece: &[u8]) -> Vec<u8> {
        match self.framing {
            Framing::Chunked => [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat(),
            Framing::None | Framing::Length => piece.to_vec(),
        }
    }

    /// What follows the last piece in HTTP/1.1.
    #[must_use]
    pub fn wire_end(&self) -> Vec<u8> {
        if self.framing != Framing::Chunked {
            return Vec::new();
        }
        let mut bytes = b"0\r\n".to_vec();
        for (name, value) in &self.trailers {
            bytes.extend([name, b": ".as_slice(), value, b"\r\n"].concat());
        }
        bytes.extend(b"\r\n");
        bytes
    }

    /// The header that tells how the body ends, unless the scenario has its own.
    fn framing_header(&self) -> Option<Line> {
        let (name, value) = match self.framing {
            Framing::None => return None,
            Framing::Length => {
                ("content-length", self.pieces.iter().map(Vec::len).sum::<usize>().to_string())
            }
            Framing::Chunked => ("transfer-encoding", "chunked".to_owned()),
        };
        let stated = self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        (!stated).then(|| (name.into(), value.into()))
    }
}

//! What an entry of a list is the name of.

use alloc::vec::Vec;

use crate::mcp::methods::Subject;
use crate::mcp::mirror;
use crate::uri::canonicalize_uri;

/// What using an entry would ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The action with this key.
    Key(&'a [u8]),
    /// An action whose key starts so: of a template, anything that it may expand to.
    Below(&'a [u8]),
}

/// A list that a result may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct List {
    /// Its key in the result.
    pub(super) key: &'static [u8],
    /// The key of an entry that names it.
    pub(super) name: &'static [u8],
    /// The method that uses an entry.
    method: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Name,
    Uri,
    Template,
}

/// All lists of all versions (`schema.ts`: `ListToolsResult` and its like).
const LISTS: [List; 4] = [
    List { key: b"tools", name: b"name", method: "tools/call", kind: Kind::Name },
    List { key: b"resources", name: b"uri", method: "resources/read", kind: Kind::Uri },
    List { key: b"resourceTemplates", name: b"uriTemplate", method: "resources/read", kind: Kind::Template },
    List { key: b"prompts", name: b"name", method: "prompts/get", kind: Kind::Name },
];

/// Whether a method asks for one of the lists.
#[must_use]
pub fn is_list(method: &[u8]) -> bool {
    matches!(method, b"tools/list" | b"resources/list" | b"resources/templates/list" | b"prompts/list")
}

impl List {
    /// The longest key that means anything here.
    pub(super) const LONGEST_KEY: usize = 17;

    /// The list with this key.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        LISTS.into_iter().find(|list| list.key == key)
    }

    /// Hands to `then` what the entry with this name would ask for; gives back nothing if no call could have the name.
    pub(super) fn entry<T>(self, name: &[u8], then: impl FnOnce(Entry<'_>) -> T) -> Option<T> {
        let mut key = Vec::new();
        let subject = if self.kind == Kind::Name { Subject::Name } else { Subject::Uri };
        let literal = name.iter().position(|byte| *byte == b'{').filter(|_| self.kind == Kind::Template);
        match literal.and_then(|end| name.get(..end)) {
            None => {
                mirror::write_key(self.method, subject, name, &mut key).ok().map(|()| then(Entry::Key(&key)))
            }
            Some(literal) => {
                key.extend_from_slice(self.method.as_bytes());
                key.push(b':');
                write_start(literal, &mut key)?;
                Some(then(Entry::Below(&key)))
            }
        }
    }
}

/// Appends what the canonical spelling of every URI starts with that starts with `literal`; gives back nothing if none
/// has one.
fn write_start(literal: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let Some(colon) = literal.iter().position(|byte| *byte == b':') else {
        // Not even the scheme is known.
        return Some(());
    };
    let (scheme, rest) = literal.split_at_checked(colon.saturating_add(1))?;
    // Up to the last slash after the authority: what follows could still change how a segment is spelled.
    let whole = rest.strip_prefix(b"//").and_then(|rest| {
        let path = rest.split(|byte| matches!(byte, b'?' | b'#')).next()?;
        path.iter().rposition(|byte| *byte == b'/')
    });
    match whole.and_then(|slash| literal.get(..slash.saturating_add(scheme.len()).saturating_add(3))) {
        Some(whole) => canonicalize_uri(whole, out).ok(),
        None => {
            out.extend(scheme.iter().map(u8::to_ascii_lowercase));
            Some(())
        }
    }
}

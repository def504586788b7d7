//! Puts events together to trees, without recursion.

use std::collections::HashMap;

use saphyr_parser::{Event, ScalarStyle};

use crate::diagnostics::{Code, Diagnostic, Diagnostics};
use crate::source::{Span, Spanned};
use crate::syntax::limits::{MAX_YAML_DEPTH, MAX_YAML_NODES};
use crate::syntax::node::{Entry, Node, Scalar, Style, Value};

/// A limit was reached, and that was reported.
pub(super) struct TooMuch;

/// The trees being built.
pub(super) struct Builder<'a> {
    /// How many more values the file may have.
    budget: &'a mut usize,
    open: Vec<Open>,
    done: Option<Node>,
}

/// A list or mapping that has not ended.
struct Open {
    start: Span,
    content: OpenContent,
}

enum OpenContent {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// Where each key was first written.
        seen: HashMap<String, Span>,
        /// The key whose value comes next; `None` inside is a key that cannot be used.
        key: Option<Option<Spanned<String>>>,
    },
}

impl<'a> Builder<'a> {
    pub(super) fn new(budget: &'a mut usize) -> Self {
        Self { budget, open: Vec::new(), done: None }
    }

    /// Takes the next event; gives the document that it ends.
    pub(super) fn event(
        &mut self,
        event: Event<'_>,
        span: Span,
        diagnostics: &mut Diagnostics,
    ) -> Result<Option<Node>, TooMuch> {
        match event {
            Event::DocumentEnd => return Ok(self.done.take().filter(|document| !document.is_null())),
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(span, diagnostics)?;
                let mut value = Value::Scalar(Scalar { text: text.into_owned(), style: style_of(style) });
                if refuse_extras(anchor, tag.is_some(), span, diagnostics) {
                    value = Value::Broken;
                }
                self.add(Node { value, span }, diagnostics);
            }
            Event::Alias(_) => {
                diagnostics
                    .push(Diagnostic::new(Code::YamlFeature, span, "aliases are not used in policy").help(
                    "write the value out, share grants by a `Toolset`, or quote text that starts with `*`",
                ));
                self.add(Node { value: Value::Broken, span }, diagnostics);
            }
            Event::SequenceStart(anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), span, diagnostics);
                self.start(span, OpenContent::List(Vec::new()), diagnostics)?;
            }
            Event::MappingStart(anchor, tag) => {
                refuse_extras(anchor, tag.is_some(), span, diagnostics);
                let content = OpenContent::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                self.start(span, content, diagnostics)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let (value, last) = match open.content {
                        OpenContent::List(items) => {
                            let last = items.last().map(|node| node.span);
                            (Value::List(items), last)
                        }
                        OpenContent::Map { entries, .. } => {
                            let last = entries.last().map(|entry| entry.value.span.to(entry.value.span));
                            (Value::Map(entries), last)
                        }
                    };
                    // A block ends where the next thing starts; what it holds says better where it ends.
                    let end = if span.end > span.start { Some(span) } else { last };
                    let span = end.map_or(open.start, |end| open.start.to(end));
                    self.add(Node { value, span }, diagnostics);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
        Ok(None)
    }

    fn start(
        &mut self,
        start: Span,
        content: OpenContent,
        diagnostics: &mut Diagnostics,
    ) -> Result<(), TooMuch> {
        self.spend(start, diagnostics)?;
        if self.open.len() >= MAX_YAML_DEPTH {
            let message = format!("nested more than {MAX_YAML_DEPTH} deep");
            diagnostics.push(Diagnostic::new(Code::TooMuch, start, message));
            return Err(TooMuch);
        }
        self.open.push(Open { start, content });
        Ok(())
    }

    fn spend(&mut self, span: Span, diagnostics: &mut Diagnostics) -> Result<(), TooMuch> {
        match self.budget.checked_sub(1) {
            Some(left) => {
                *self.budget = left;
                Ok(())
            }
            None => {
                let message = format!("more than {MAX_YAML_NODES} values in one file");
                diagnostics.push(Diagnostic::new(Code::TooMuch, span, message).help("split the file"));
                Err(TooMuch)
            }
        }
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, node: Node, diagnostics: &mut Diagnostics) {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.done = Some(node),
            Some(OpenContent::List(items)) => items.push(node),
            Some(OpenContent::Map { entries, seen, key }) => match key.take() {
                None => *key = Some(usable_key(node, seen, diagnostics)),
                Some(None) => {}
                Some(Some(key)) => {
                    let mut value = node;
                    if value.is_null() && value.span.start == value.span.end {
                        // Nothing stands there, so point to the key.
                        value.span = key.span;
                    }
                    entries.push(Entry { key, value });
                }
            },
        }
    }
}

/// The key, if it is text and new.
fn usable_key(
    node: Node,
    seen: &mut HashMap<String, Span>,
    diagnostics: &mut Diagnostics,
) -> Option<Spanned<String>> {
    let span = node.span;
    let Value::Scalar(scalar) = node.value else {
        if node.value != Value::Broken {
            diagnostics.push(
                Diagnostic::new(Code::WrongType, span, "a key must be text")
                    .help("quote text that holds `{`, `[` or `: `"),
            );
        }
        return None;
    };
    if scalar.style == Style::Plain && scalar.text == "<<" {
        diagnostics.push(
            Diagnostic::new(Code::YamlFeature, span, "merge keys are not used in policy")
                .help("write the fields out, or share grants by a `Toolset`"),
        );
        return None;
    }
    if let Some(first) = seen.get(&scalar.text) {
        diagnostics.push(
            Diagnostic::new(Code::DuplicateKey, span, format!("`{}` is written twice", scalar.text))
                .label("again here")
                .also(*first, "first here")
                .help("put both values under one key"),
        );
        return None;
    }
    seen.insert(scalar.text.clone(), span);
    Some(Spanned::new(scalar.text, span))
}

fn refuse_extras(anchor: usize, tagged: bool, span: Span, diagnostics: &mut Diagnostics) -> bool {
    if anchor != 0 {
        diagnostics.push(
            Diagnostic::new(Code::YamlFeature, span, "anchors are not used in policy")
                .help("quote text that starts with `&`"),
        );
    }
    if tagged {
        diagnostics.push(
            Diagnostic::new(Code::YamlFeature, span, "tags are not used in policy")
                .help("quote text that starts with `!`, as in `when: \"!has(args.x)\"`"),
        );
    }
    anchor != 0 || tagged
}

const fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

//! The one table of the language's fields. The check, the JSON Schema and the test on `LANGUAGE.md` all read it.

mod agent;
mod budget;
mod egress;
mod mesh;
mod mission;
mod rule;
mod service;
mod toolset;

/// What a value may look like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Text. The pattern is for editors; the check says more.
    Text {
        /// A regular expression.
        pattern: Option<&'static str>,
    },
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// One of a few words, each with its meaning.
    Choice(&'static [(&'static str, &'static str)]),
    /// A list.
    List {
        /// What each element looks like.
        item: &'static Shape,
        /// Whether it may be empty.
        may_be_empty: bool,
    },
    /// A mapping with known fields.
    Object(&'static Object),
    /// A mapping with known fields, or a text that stands for one of them.
    TextOr(&'static Object),
    /// A mapping of text to text that means nothing here.
    Labels,
}

/// A mapping with known fields.
#[derive(Debug)]
pub struct Object {
    /// What it is called in the JSON Schema.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value may look like.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// What it says.
    pub doc: &'static str,
    /// A value for it, as in a document.
    pub example: &'static str,
    /// What people write who mean it.
    pub mistaken: &'static [&'static str],
}

/// A kind of document.
#[derive(Debug)]
pub struct Kind {
    /// The `kind`.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// What its `spec` holds.
    pub spec: &'static Object,
    /// Whether `spec` must be there.
    pub spec_required: bool,
}

/// The API version that this compiler reads.
pub const API_VERSION: &str = "ambit.dev/v1alpha1";

/// Every kind of document.
pub const KINDS: &[Kind] = &[
    Kind {
        name: "Mesh",
        doc: "Settings of the whole mesh. At most one.",
        spec: &mesh::SPEC,
        spec_required: false,
    },
    Kind {
        name: "Service",
        doc: "A destination: its workload, what it speaks, and what can be asked of it.",
        spec: &service::SPEC,
        spec_required: true,
    },
    Kind {
        name: "Agent",
        doc: "A workload that acts: who it is, what it is granted, and to whom it may delegate.",
        spec: &agent::SPEC,
        spec_required: true,
    },
    Kind {
        name: "Mission",
        doc: "A named, bounded purpose. It rides in the lineage and only narrows.",
        spec: &mission::SPEC,
        spec_required: true,
    },
    Kind { name: "Toolset", doc: "Named grants to share.", spec: &toolset::SPEC, spec_required: true },
];

/// The outer fields of a document; `spec` depends on the kind.
pub const DOCUMENT: &[Field] = &[
    Field::required("apiVersion", TEXT, "The version of the language.", API_VERSION),
    Field::required("kind", TEXT, "What the document describes.", "Agent"),
    Field::required("metadata", Shape::Object(&METADATA), "Its name.", "{name: support}"),
    Field::required("spec", Shape::Labels, "What it says.", "{...}").mistaken(&["data", "rules"]),
];

/// `metadata`.
pub const METADATA: Object = Object {
    name: "Metadata",
    doc: "The name of a document.",
    fields: &[
        Field::required("name", NAME, "The name that others refer to it by.", "support"),
        Field::optional("labels", Shape::Labels, "Means nothing here.", "{team: care}"),
        Field::optional("annotations", Shape::Labels, "Means nothing here.", "{owner: care}"),
    ],
};

/// Any text.
pub const TEXT: Shape = Shape::Text { pattern: None };
/// A name of a document.
pub const NAME: Shape = Shape::Text { pattern: Some("^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$") };
/// An effect.
pub const EFFECT: Shape = Shape::Text { pattern: Some("^[a-z][a-z0-9-]*$") };
/// Names of other documents.
pub const NAMES: Shape = Shape::List { item: &NAME, may_be_empty: true };
/// Effects.
pub const EFFECTS: Shape = Shape::List { item: &EFFECT, may_be_empty: true };
/// Whether denies are enforced.
pub const MODE: Shape =
    Shape::Choice(&[("enforce", "A deny denies."), ("shadow", "A deny is recorded and the request passes.")]);
/// HTTP methods.
pub const METHODS: Shape =
    Shape::List { item: &Shape::Text { pattern: Some("^[A-Z][A-Z0-9_-]*$") }, may_be_empty: false };

impl Field {
    /// A field that must be there.
    #[must_use]
    pub const fn required(
        name: &'static str,
        shape: Shape,
        doc: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, shape, required: true, doc, example, mistaken: &[] }
    }

    /// A field that may be left out.
    #[must_use]
    pub const fn optional(
        name: &'static str,
        shape: Shape,
        doc: &'static str,
        example: &'static str,
    ) -> Self {
        Self { name, shape, required: false, doc, example, mistaken: &[] }
    }

    /// With other names that people write who mean it.
    #[must_use]
    pub const fn mistaken(mut self, names: &'static [&'static str]) -> Self {
        self.mistaken = names;
        self
    }
}

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }
}

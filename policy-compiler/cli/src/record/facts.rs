//! The fields of a request as its record has them.

use std::borrow::Cow;
use std::cell::OnceCell;

use ambit_bytecode::Source;
use ambit_eval::{Arguments, Count, Facts, Number, Program, Protocol, Value};
use serde_json::Value as Json;

use super::{Missing, Record};

/// The fields of a record, by the ids of a program.
pub(crate) struct Recorded<'a> {
    program: &'a Program<Vec<u8>>,
    names: &'a [String],
    record: &'a Record<'a>,
    missing: Missing<'a>,
    /// Method and path, if what was asked has them.
    http: OnceCell<Option<(&'a str, &'a str)>>,
}

impl<'a> Recorded<'a> {
    pub(super) const fn new(
        program: &'a Program<Vec<u8>>,
        names: &'a [String],
        record: &'a Record<'a>,
        missing: Missing<'a>,
    ) -> Self {
        Self { program, names, record, missing, http: OnceCell::new() }
    }

    fn name(&self, field: u16) -> &'a str {
        self.names.get(usize::from(field)).map_or("", String::as_str)
    }

    fn written(&self, name: &str) -> Option<&'a Json> {
        self.record.fields.get(name)
    }

    fn source(&self, field: u16) -> Option<Source> {
        self.program.field(field).map(|field| field.source)
    }

    /// What it means that a field is not in the record.
    fn otherwise(&self, field: u16) -> Value<'a> {
        let is_cut = self.record.fields.contains_key("cut");
        let was_read = match self.missing {
            Missing::Absent => true,
            Missing::Unless(names) => names.contains(self.name(field)),
            Missing::Unknown => false,
        };
        if is_cut || !was_read {
            return Value::Unread;
        }
        match (self.source(field), self.record.body.as_deref()) {
            (Some(Source::Body), Some("unread" | "part")) => Value::Unread,
            (Some(Source::Body), Some("opaque")) => Value::Unusable,
            _ => Value::Absent,
        }
    }

    /// Method and path, which the key of an HTTP request has.
    fn http(&self) -> Option<(&'a str, &'a str)> {
        *self.http.get_or_init(|| {
            let is_http = self.record.protocol() == Some(Protocol::Http) && !self.record.key_cut;
            self.record.key.as_deref().filter(|_| is_http)?.split_once(' ')
        })
    }

    /// A field that what was asked has.
    fn in_key(&self, field: u16) -> Option<Value<'a>> {
        let (method, path) = self.http()?;
        match self.source(field)? {
            Source::Method => Some(Value::Text(method.as_bytes())),
            Source::Path => Some(Value::Text(path.as_bytes())),
            _ => None,
        }
    }
}

impl Facts for Recorded<'_> {
    fn value(&self, field: u16) -> Value<'_> {
        match self.written(self.name(field)) {
            Some(value) => scalar(value),
            None => self.in_key(field).unwrap_or_else(|| self.otherwise(field)),
        }
    }

    fn count(&self, list: u16) -> Count {
        let Some(written) = self.written(self.name(list)) else {
            return if self.otherwise(list) == Value::Unread { Count::Unread } else { Count::NotAList };
        };
        match written.get("list").and_then(Json::as_u64) {
            Some(count) => Count::Elements(u32::try_from(count).unwrap_or(u32::MAX)),
            None if written.get("is").is_some_and(|is| is == "unread") => Count::Unread,
            // A digest stands for text or a number, and never for a list.
            None => Count::NotAList,
        }
    }

    fn element(&self, field: u16, place: u32) -> Value<'_> {
        let name = self.name(field);
        let is_list = self.program.field(field).is_some_and(|description| description.list.is_none());
        let name = if is_list { Cow::Owned(format!("{name}/*")) } else { Cow::Borrowed(name) };
        let elements = self.written(&name);
        match (elements, usize::try_from(place)) {
            (Some(Json::Array(elements)), Ok(place)) => elements.get(place).map_or(Value::Absent, scalar),
            _ if is_list && !self.is_open(field) => Value::Unusable,
            _ => Value::Unread,
        }
    }

    fn arguments(&self, _listing: u16) -> Arguments {
        match self.record.arguments.as_deref() {
            _ if matches!(self.record.body.as_deref(), Some("absent")) => Arguments::Listed,
            _ if matches!(self.record.body.as_deref(), Some("opaque")) => Arguments::Unlisted,
            Some("listed") if matches!(self.missing, Missing::Absent) => Arguments::Listed,
            Some("unlisted") if matches!(self.missing, Missing::Absent) => Arguments::Unlisted,
            // Another policy may list others.
            _ => Arguments::Unread,
        }
    }
}

impl Recorded<'_> {
    /// Whether the policy that decided may not have read the elements of a list.
    fn is_open(&self, field: u16) -> bool {
        match self.missing {
            Missing::Absent => false,
            Missing::Unless(names) => !names.contains(self.name(field)),
            Missing::Unknown => true,
        }
    }
}

/// A value as the record has it.
fn scalar(value: &Json) -> Value<'_> {
    match value {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::Bool(*truth),
        Json::String(text) => Value::Text(text.as_bytes()),
        Json::Number(written) => number(&written.to_string()).map_or(Value::Unusable, Value::Number),
        Json::Array(_) => Value::Unusable,
        Json::Object(object) if object.is_empty() => Value::Absent,
        Json::Object(object) => match (object.get("is"), object.get("number").and_then(Json::as_str)) {
            (Some(is), _) if is == "unusable" => Value::Unusable,
            (_, Some(written)) => number(written).map_or(Value::Unusable, Value::Number),
            (None, None) if object.contains_key("list") => Value::Unusable,
            // A digest, or nothing at all.
            _ => Value::Unread,
        },
    }
}

/// A decimal in lowest form: `-12.5`, `125e-1`.
fn number(text: &str) -> Option<Number> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i16 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut coefficient: i64 = format!("{whole}{fraction}").parse().ok()?;
    exponent = exponent.checked_sub(i16::try_from(fraction.len()).ok()?)?;
    while coefficient != 0 && coefficient.checked_rem(10) == Some(0) {
        coefficient = coefficient.checked_div(10)?;
        exponent = exponent.checked_add(1)?;
    }
    Some(Number { coefficient, exponent: if coefficient == 0 { 0 } else { exponent } })
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_in_lowest_form() {
        for (text, coefficient, exponent) in [
            ("0", 0, 0),
            ("0.00", 0, 0),
            ("5000", 5, 3),
            ("-12.50", -125, -1),
            ("125e-1", 125, -1),
            ("1.5e300", 15, 299),
        ] {
            let read = number(text).unwrap();
            assert_eq!((read.coefficient, read.exponent), (coefficient, exponent), "{text}");
        }
        assert_eq!(number("99999999999999999999"), None);
    }
}

//! Values that a request is given.

use std::collections::BTreeMap;

use ambit_compiler::model::{Decimal, Literal};

use crate::request::quoted;

/// A value: text, or anything else as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Datum {
    Text(String),
    Json(String),
}

impl Datum {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn of(literal: &Literal) -> Self {
        match literal {
            Literal::Null => Self::Json(String::from("null")),
            Literal::Bool(truth) => Self::Json(truth.to_string()),
            Literal::Number(number) => Self::Json(written(*number)),
            Literal::Text(text) => Self::Text(text.clone()),
        }
    }

    /// As it stands in a body.
    pub(super) fn json(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Json(json) => json.clone(),
        }
    }

    /// As it stands where there is only text.
    pub(super) fn plain(&self) -> &str {
        match self {
            Self::Text(text) | Self::Json(text) => text,
        }
    }
}

/// A number, the next smaller and the next greater one of as many places.
pub(super) fn around(number: Decimal) -> Vec<Datum> {
    let step = |by: i64| -> Option<Datum> {
        let zeros = u32::try_from(number.exponent.max(0)).ok()?;
        let coefficient = number.coefficient.checked_mul(10_i64.checked_pow(zeros)?)?.checked_add(by)?;
        Some(Datum::Json(written(Decimal { coefficient, exponent: number.exponent.min(0) })))
    };
    [Some(Datum::Json(written(number))), step(-1), step(1)].into_iter().flatten().collect()
}

/// A number as people write it, unless it would be very long.
fn written(number: Decimal) -> String {
    const LONG: i16 = 20;
    let Decimal { coefficient, exponent } = number;
    let places = usize::from(exponent.unsigned_abs());
    if exponent.unsigned_abs() > LONG.unsigned_abs() {
        return format!("{coefficient}e{exponent}");
    }
    if exponent >= 0 {
        return format!("{coefficient}{}", "0".repeat(places));
    }
    let digits = format!("{:0>width$}", coefficient.unsigned_abs(), width = places.saturating_add(1));
    let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(places)).unwrap_or_default();
    let sign = if coefficient < 0 { "-" } else { "" };
    format!("{sign}{whole}.{fraction}")
}

/// An object, put together of values at places.
#[derive(Debug, Default)]
pub(super) struct Object {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
enum Entry {
    Value(String),
    Object(Object),
}

impl Object {
    /// Puts a value, unless something else is in its place.
    pub(super) fn put(&mut self, keys: &[String], value: &Datum) {
        let Some((key, rest)) = keys.split_first() else { return };
        if rest.is_empty() {
            self.entries.entry(key.clone()).or_insert_with(|| Entry::Value(value.json()));
        } else if let Entry::Object(below) =
            self.entries.entry(key.clone()).or_insert_with(|| Entry::Object(Self::default()))
        {
            below.put(rest, value);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn json(&self) -> String {
        let entry = |(key, entry): (&String, &Entry)| match entry {
            Entry::Value(value) => format!("{}:{value}", quoted(key)),
            Entry::Object(object) => format!("{}:{}", quoted(key), object.json()),
        };
        format!("{{{}}}", self.entries.iter().map(entry).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_out() {
        for (coefficient, exponent, expected) in [
            (5, 1, ["50", "49", "51"]),
            (0, 0, ["0", "-1", "1"]),
            (5, -1, ["0.5", "0.4", "0.6"]),
            (-1, -2, ["-0.01", "-0.02", "0.00"]),
        ] {
            let around = around(Decimal { coefficient, exponent });
            assert_eq!(around.iter().map(Datum::plain).collect::<Vec<_>>(), expected);
        }
        assert_eq!(written(Decimal { coefficient: 1, exponent: 64 }), "1e64");
    }

    #[test]
    fn objects_nest() {
        let mut object = Object::default();
        let key = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        object.put(&key(&["b", "c"]), &Datum::text("x"));
        object.put(&key(&["a"]), &Datum::Json(String::from("1")));
        object.put(&key(&["a", "d"]), &Datum::text("lost"));
        assert_eq!(object.json(), r#"{"a":1,"b":{"c":"x"}}"#);
    }
}

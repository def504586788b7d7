//! Objects as YAML text.

use serde_json::Value;
use serde_saphyr::ser_options;

/// One document: keys in alphabetical order, which is also the order in which Kubernetes' own tools write them.
/// Ends in a line feed.
///
/// # Errors
/// What the writer says. It takes every JSON value, so that nothing is expected to be said.
pub fn to_yaml(value: &Value) -> Result<String, String> {
    // A blob is one long word: as a block scalar it would only be harder to compare.
    let options = ser_options! { prefer_block_scalars: false };
    let mut text = serde_saphyr::to_string_with_options(value, options).map_err(|error| error.to_string())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Documents of one file, separated by `---`.
///
/// # Errors
/// As [`to_yaml`].
pub fn to_documents<'a>(values: impl IntoIterator<Item = &'a Value>) -> Result<String, String> {
    let documents: Vec<String> = values.into_iter().map(to_yaml).collect::<Result<_, _>>()?;
    Ok(documents.join("---\n"))
}

//! The arguments that actions list, as sets of fields.

use std::collections::BTreeSet;

use crate::compile::CompileError;
use crate::model::{Field, Service};

use super::tables::{MAX_IDS, Tables, numbered};

/// What one action lists, as the format has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingRecord {
    /// The action.
    pub action: u16,
    /// The set of the objects of which every member must be listed.
    pub objects: u16,
    /// The set of the arguments that are listed, with all that is in them.
    pub arguments: u16,
}

/// What the actions of these services list.
pub(super) fn listings(
    services: &[Service],
    tables: &mut Tables,
) -> Result<Vec<ListingRecord>, CompileError> {
    let mut listings = Vec::new();
    let actions =
        services.iter().flat_map(|service| service.actions.iter().map(move |action| (service, action)));
    for (place, (service, action)) in actions.enumerate() {
        let Some(listed) = &action.arguments else { continue };
        let root: Vec<String> = service.protocol.arguments().iter().map(|key| (*key).to_owned()).collect();
        let whole = |keys: &[String]| Field::Body(root.iter().chain(keys).cloned().collect());
        let objects: BTreeSet<&[String]> = listed
            .iter()
            .flat_map(|keys| (0..keys.len()).filter_map(|end| keys.get(..end)))
            .chain([&[][..]])
            .collect();
        let mut set = |keys: &mut dyn Iterator<Item = &[String]>| {
            let mut fields = keys.map(|keys| tables.field(&whole(keys))).collect::<Result<Vec<u16>, _>>()?;
            fields.sort_unstable();
            numbered(tables.sets.place(fields), "sets", MAX_IDS)
        };
        let mut record = || {
            Ok(ListingRecord {
                action: numbered(place, "actions", MAX_IDS)?,
                objects: set(&mut objects.iter().copied())?,
                arguments: set(&mut listed.iter().map(Vec::as_slice))?,
            })
        };
        listings.push(record().map_err(|kind| CompileError::new(kind, Some(action.span)))?);
    }
    Ok(listings)
}

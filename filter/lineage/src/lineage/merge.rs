//! The merge of two lineages: everyone in either limits the request.

use super::{Lineage, Order, Overflow};
use crate::bounded::Full;

impl<'a> Lineage<'a> {
    /// The lineage of a request that was made for this or for `other`, no one knows which.
    ///
    /// It has the members, claims and missions of both, so nothing that either may not do can be done
    /// under it. Two equal chains stay that chain. The root id stays if both have the same one.
    /// Merging is commutative, associative and idempotent.
    ///
    /// # Errors
    /// [`Overflow`] if both together pass a bound.
    pub fn merge(mut self, other: &Self) -> Result<Self, Overflow> {
        if self.root != other.root {
            self.root = None;
        }
        for mission in other.missions() {
            self.missions.insert_sorted(*mission).map_err(|Full| Overflow::Missions)?;
        }
        for principal in other.claims() {
            self.claims.insert_sorted(*principal)?;
        }
        if self.order != other.order || self.via != other.via {
            let depth = self.depth().max(other.depth());
            let mut via = crate::bounded::Bounded::new();
            for principal in self.via.iter().chain(other.via.iter()) {
                via.insert_sorted(*principal)?;
            }
            self.via = via;
            self.order = Order::Merged { depth };
        }
        self.within_bounds()
    }
}

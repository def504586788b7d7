//! Contexts in the order of their ids.
//!
//! A host counts its ids up, so that a new context comes last, and most calls are for one of the last. Looking one up
//! takes a comparison for each doubling of their number, whatever ids there are.

/// Contexts by id; one that is in use keeps its place, empty.
pub(super) struct Table<T> {
    places: Vec<Place<T>>,
}

struct Place<T> {
    id: u32,
    context: Option<Box<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Table<T> {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// Puts a context at an id, and gives back the one that was there.
    pub(super) fn insert(&mut self, id: u32, context: Box<T>) -> Option<Box<T>> {
        match self.find(id) {
            Ok(at) => self.places.get_mut(at)?.context.replace(context),
            Err(at) => {
                self.places.insert(at, Place { id, context: Some(context) });
                None
            }
        }
    }

    /// Takes a context to be used, and keeps its place.
    pub(super) fn take(&mut self, id: u32) -> Option<Box<T>> {
        let at = self.find(id).ok()?;
        self.places.get_mut(at)?.context.take()
    }

    /// Gives a context back to its place. It is returned if the place is not there any more, or not free.
    pub(super) fn put_back(&mut self, id: u32, context: Box<T>) -> Option<Box<T>> {
        let place = self.find(id).ok().and_then(|at| self.places.get_mut(at));
        match place {
            Some(Place { context: free @ None, .. }) => {
                *free = Some(context);
                None
            }
            _ => Some(context),
        }
    }

    /// Ends a place, and gives back the context if it is not in use.
    pub(super) fn remove(&mut self, id: u32) -> Option<Box<T>> {
        let at = self.find(id).ok()?;
        self.places.remove(at).context
    }

    /// How many places there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where an id is, or where it would be.
    fn find(&self, id: u32) -> Result<usize, usize> {
        match self.places.last() {
            Some(last) if last.id > id => self.places.binary_search_by_key(&id, |place| place.id),
            Some(last) if last.id == id => Ok(self.places.len().saturating_sub(1)),
            _ => Err(self.places.len()),
        }
    }
}

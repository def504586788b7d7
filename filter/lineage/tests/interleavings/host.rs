//! The shared map of a host, with the semantics of Envoy's: numbers come from one counter for all keys,
//! and no key ever goes away.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::rc::Rc;

use ambit_lineage::shared::{Cas, SetError, Store, StoreFault};

#[derive(Default)]
pub(crate) struct Map {
    pub(crate) values: HashMap<String, (Vec<u8>, u32)>,
    pub(crate) history: Vec<Vec<u8>>,
    counter: u32,
}

/// One VM's access to the map.
#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Rc<RefCell<Map>>);

/// Access during which someone else gets in between each `get` and its `set`.
pub(crate) struct Raced<'f> {
    pub(crate) handle: Handle,
    pub(crate) interloper: Box<dyn FnMut() + 'f>,
}

impl Map {
    pub(crate) fn write(&mut self, key: &str, value: &[u8]) {
        self.counter += 1;
        self.values.insert(key.to_owned(), (value.to_vec(), self.counter));
    }

    /// The key of the table; the other one has only a fingerprint.
    pub(crate) fn key(&self) -> String {
        assert_eq!(self.values.len(), 2);
        self.values.keys().find(|key| key.len() > 32).unwrap().clone()
    }
}

impl Store for Handle {
    fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, Cas)>, StoreFault> {
        let map = self.0.borrow();
        Ok(map.values.get(key).map(|(value, cas)| (value.clone(), Cas(NonZeroU32::new(*cas).unwrap()))))
    }

    fn set(&mut self, key: &str, value: &[u8], cas: Option<Cas>) -> Result<(), SetError> {
        let mut map = self.0.borrow_mut();
        if let (Some((_, current)), Some(cas)) = (map.values.get(key), cas)
            && *current != cas.0.get()
        {
            return Err(SetError::Mismatch);
        }
        map.write(key, value);
        if value.len() > 16 {
            map.history.push(value.to_vec());
        }
        Ok(())
    }
}

impl Store for Raced<'_> {
    fn get(&mut self, key: &str) -> Result<Option<(Vec<u8>, Cas)>, StoreFault> {
        self.handle.get(key)
    }

    fn set(&mut self, key: &str, value: &[u8], cas: Option<Cas>) -> Result<(), SetError> {
        (self.interloper)();
        self.handle.set(key, value, cas)
    }
}

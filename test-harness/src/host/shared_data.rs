use std::collections::BTreeMap;

use super::status::Status;

/// Data shared by all VMs of the process with the same `vm_id`, whichever plugin they run.
#[derive(Default)]
pub(super) struct SharedData {
    entries: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    pub(super) fn get(&self, vm_id: &str, key: &[u8]) -> Option<&(Vec<u8>, u32)> {
        self.entries.get(&(vm_id.to_owned(), key.to_vec()))
    }

    pub(super) fn keys(&self, vm_id: &str) -> Vec<Vec<u8>> {
        let of_vm = self.entries.keys().filter(|(other, _)| other == vm_id);
        of_vm.map(|(_, key)| key.clone()).collect()
    }

    /// Stores `value` if the stored one still carries `cas`; zero means whatever it carries. A key that is not there is
    /// made whatever `cas` says.
    pub(super) fn set(&mut self, vm_id: &str, key: &[u8], value: Vec<u8>, cas: u32) -> Result<(), Status> {
        let key = (vm_id.to_owned(), key.to_vec());
        if let Some((_, present)) = self.entries.get(&key)
            && cas != 0
            && cas != *present
        {
            return Err(Status::CAS_MISMATCH);
        }
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1);
        self.entries.insert(key, (value, self.last_cas));
        Ok(())
    }
}

use std::collections::{BTreeMap, VecDeque};

use super::log::Place;
use super::status::Status;

/// The process's shared queues. Whoever registered a name last is told of new items.
#[derive(Default)]
pub(super) struct Queues {
    tokens: BTreeMap<(String, Vec<u8>), u32>,
    queues: BTreeMap<u32, Queue>,
    /// Readers to be told, as if posted to their threads.
    posted: VecDeque<Ready>,
}

struct Queue {
    reader: Reader,
    items: VecDeque<Vec<u8>>,
}

#[derive(Clone, Copy)]
pub(super) struct Reader {
    pub(super) place: Place,
    pub(super) root: u32,
}

pub(super) struct Ready {
    pub(super) reader: Reader,
    pub(super) token: u32,
}

impl Queues {
    pub(super) fn register(&mut self, vm_id: &str, name: &[u8], reader: Reader) -> u32 {
        let next = u32::try_from(self.tokens.len() + 1).expect("fewer than 2^32 queues");
        let token = *self.tokens.entry((vm_id.to_owned(), name.to_vec())).or_insert(next);
        self.queues
            .entry(token)
            .and_modify(|queue| queue.reader = reader)
            .or_insert(Queue { reader, items: VecDeque::new() });
        token
    }

    pub(super) fn resolve(&self, vm_id: &str, name: &[u8]) -> Result<u32, Status> {
        self.tokens.get(&(vm_id.to_owned(), name.to_vec())).copied().ok_or(Status::NOT_FOUND)
    }

    pub(super) fn enqueue(&mut self, token: u32, item: Vec<u8>) -> Result<(), Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NOT_FOUND)?;
        queue.items.push_back(item);
        self.posted.push_back(Ready { reader: queue.reader, token });
        Ok(())
    }

    pub(super) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        self.queues.get_mut(&token).ok_or(Status::NOT_FOUND)?.items.pop_front().ok_or(Status::EMPTY)
    }

    pub(super) fn next_posted(&mut self) -> Option<Ready> {
        self.posted.pop_front()
    }
}

//! Faults that a test plans: a hostcall that fails, a value that is cut short, a clock that jumps.

use super::status::Status;

/// One planned fault of one hostcall.
///
/// ```
/// # use ambit_harness::host::{Effect, Fault, Status, When};
/// // The second write of the key `live` is refused.
/// let fault = Fault::of("proxy_set_shared_data", Effect::Return(Status::CAS_MISMATCH)).key("live").when(When::Nth(2));
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    hostcall: &'static str,
    key: Option<Vec<u8>>,
    when: When,
    effect: Effect,
    seen: u32,
    fired: u32,
}

/// On which of the matching calls a fault strikes. Calls are counted from one, from the moment of injection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    Nth(u32),
    From(u32),
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The hostcall does nothing and returns this status, which may be one that no host should return.
    Return(Status),
    /// The bytes that the hostcall returns are cut to this length.
    Truncate(usize),
    /// The hostcall succeeds and returns these bytes instead of its own.
    Replace(Vec<u8>),
    /// The wall clock jumps by so many nanoseconds, then the hostcall proceeds.
    JumpClock(i64),
}

/// A planned fault, to ask later how often it struck.
#[derive(Clone, Copy, Debug)]
pub struct FaultId(usize);

#[derive(Default)]
pub(super) struct Faults {
    planned: Vec<Fault>,
}

impl Fault {
    /// A fault on every call of `hostcall`.
    ///
    /// # Panics
    ///
    /// Panics when the host has no such hostcall, because such a fault would never strike.
    pub fn of(hostcall: &str, effect: Effect) -> Self {
        let known = super::hostcalls::NAMES.iter().copied().find(|name| *name == hostcall);
        let hostcall = known.unwrap_or_else(|| panic!("no hostcall is called `{hostcall}`"));
        Self { hostcall, key: None, when: When::Always, effect, seen: 0, fired: 0 }
    }

    /// Only on calls about `key`: the property path (parts joined by NUL), header name, shared-data key, queue or metric
    /// name.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(key.as_ref().to_vec());
        self
    }

    /// Only on some of the calls.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = when;
        self
    }

    fn strikes(&mut self) -> bool {
        self.seen += 1;
        let strikes = match self.when {
            When::Always => true,
            When::Nth(nth) => self.seen == nth,
            When::From(nth) => self.seen >= nth,
        };
        self.fired += u32::from(strikes);
        strikes
    }
}

impl Faults {
    pub(super) fn plan(&mut self, fault: Fault) -> FaultId {
        self.planned.push(fault);
        FaultId(self.planned.len() - 1)
    }

    pub(super) fn fired(&self, id: FaultId) -> u32 {
        self.planned[id.0].fired
    }

    /// Ends all faults; what they did remains counted.
    pub(super) fn end(&mut self) {
        for fault in &mut self.planned {
            fault.when = When::Nth(0);
        }
    }

    /// The effects that strike this call. Faults without a key are asked at the start of a call (`key` is `None`), those
    /// with a key once the call's key is known.
    pub(super) fn strike(&mut self, hostcall: &str, key: Option<&[u8]>) -> Vec<Effect> {
        self.planned
            .iter_mut()
            .filter(|fault| fault.hostcall == hostcall && fault.key.as_deref() == key)
            .filter_map(|fault| fault.strikes().then(|| fault.effect.clone()))
            .collect()
    }
}

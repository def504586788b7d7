//! What everyone's rules say of a request, for those who tell a verdict. Nothing here is on the decision path.

use ambit_bytecode::Code;

use super::{Entry, Refusal, holders};
use crate::chain::Chain;
use crate::condition::Scene;
use crate::facts::{Facts, Key, Request};
use crate::meter::Meter;
use crate::program::Program;
use crate::value::Truth;
use crate::verdict::Hop;

/// One rule about the action that is asked for, and what it says of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consideration {
    /// Who holds it.
    pub hop: Hop,
    /// Its number in the blob.
    pub rule: u32,
    /// Whether it grants; else it denies.
    pub grants: bool,
    /// Whether it may be used as its holder's place in the lineage has it. A deny always may.
    pub reaches: bool,
    /// Its condition. Unknown grants nothing, and denies.
    pub truth: Truth,
    /// The condition is unknown only for what was not read.
    pub is_open: bool,
}

impl<B: AsRef<[u8]>> Program<B> {
    /// Names every rule that members of the lineage, the caller and missions hold of the action, in the order in which
    /// they are judged: denies of everyone, then grants of everyone. Nothing is named if someone is not known, or the
    /// action is not.
    pub fn account<F: Facts>(&self, request: &Request<'_, F>, mut name: impl FnMut(&Consideration)) {
        // What cannot be told is not told: the verdict says why.
        let _ = self.account_all(request, &mut name);
    }

    fn account_all<F: Facts>(
        &self,
        request: &Request<'_, F>,
        name: &mut impl FnMut(&Consideration),
    ) -> Result<(), Refusal> {
        let action = match request.key {
            Key::Known(key) => self.action(request.protocol, key),
            Key::Action(action) => Some(action),
            Key::Refused(_) | Key::Unread => None,
        };
        let action = action.ok_or(Code::ActionUnknown)?;
        let meter = Meter::default();
        let caller = self.caller(request.caller)?;
        let mut chain = Chain::new(self.member(caller).ok_or(Code::InternalFault)?);
        self.resolve(request, &mut chain, &meter)?;
        let column = self.action_record(action).ok_or(Code::InternalFault)?.column;
        let mut scene = Scene {
            program: self,
            request,
            chain: &chain,
            meter: &meter,
            met_unread: false,
            is_best_case: false,
        };
        for (hop, holder) in holders(&chain) {
            if let Some(entry) = self.entry(holder, column, |row| row.denies, &meter)? {
                self.consider(&mut scene, hop, &entry, false, name)?;
            }
        }
        for (hop, holder) in holders(&chain) {
            if let Some(entry) = self.entry(holder, column, |row| row.grants, &meter)? {
                self.consider(&mut scene, hop, &entry, true, name)?;
            }
        }
        Ok(())
    }

    fn consider<F: Facts>(
        &self,
        scene: &mut Scene<'_, B, F>,
        hop: Hop,
        entry: &Entry,
        grants: bool,
        name: &mut impl FnMut(&Consideration),
    ) -> Result<(), Refusal> {
        let Some(alternatives) = entry.alternatives else {
            let rule = entry.own;
            name(&Consideration { hop, rule, grants, reaches: true, truth: Truth::True, is_open: false });
            return Ok(());
        };
        for place in 0..alternatives.count {
            let alternative = self.alternative(entry, alternatives, place)?;
            let reaches = !grants || self.reaches(scene.chain, hop, alternative.reach, scene.meter)?;
            let truth = self.truth(scene, alternative.condition)?;
            let is_open = truth == Truth::Unknown && scene.met_unread;
            name(&Consideration { hop, rule: alternative.rule, grants, reaches, truth, is_open });
        }
        Ok(())
    }
}

//! The interpreter of conditions: one dispatch over verified code. A read that fails, which verification rules out, is
//! `None`: a fault, which denies.

use core::cmp::Ordering;
use core::ops::Range;

use ambit_bytecode::cursor::{index, u8_at, u16_at, u32_at};
use ambit_bytecode::limits::{MAX_LIST, MAX_NESTING, MAX_STACK};
use ambit_bytecode::opcode::Opcode;
use ambit_bytecode::steps::search;
use ambit_bytecode::{NONE, Source};

use crate::chain::Chain;
use crate::facts::{Caller, Facts, Request};
use crate::literal;
use crate::meter::Meter;
use crate::network;
use crate::program::{Program, kubernetes};
use crate::text;
use crate::value::{Count, Number, Truth, Value};

/// What conditions look at while one request is judged.
pub(crate) struct Scene<'a, B, F> {
    pub(crate) program: &'a Program<B>,
    pub(crate) request: &'a Request<'a, F>,
    pub(crate) chain: &'a Chain,
    pub(crate) meter: &'a Meter,
    /// A value was met that has not been read yet.
    pub(crate) met_unread: bool,
    /// What only such values leave open counts as the lineage would have it.
    pub(crate) is_best_case: bool,
}

#[derive(Clone, Copy)]
enum Slot<'a> {
    Value(Value<'a>),
    Truth(Truth),
}

struct Stack<'a> {
    slots: [Slot<'a>; MAX_STACK],
    depth: usize,
}

impl<'a> Stack<'a> {
    const fn new() -> Self {
        Self { slots: [Slot::Truth(Truth::Unknown); MAX_STACK], depth: 0 }
    }

    #[inline]
    fn push(&mut self, slot: Slot<'a>) -> Option<()> {
        *self.slots.get_mut(self.depth)? = slot;
        self.depth = self.depth.checked_add(1)?;
        Some(())
    }

    #[inline]
    fn pop(&mut self) -> Option<Slot<'a>> {
        self.depth = self.depth.checked_sub(1)?;
        self.slots.get(self.depth).copied()
    }

    #[inline]
    fn value(&mut self) -> Option<Value<'a>> {
        match self.pop()? {
            Slot::Value(value) => Some(value),
            Slot::Truth(_) => None,
        }
    }

    #[inline]
    fn truth(&mut self) -> Option<Truth> {
        match self.pop()? {
            Slot::Truth(truth) => Some(truth),
            Slot::Value(_) => None,
        }
    }
}

impl<'a, B: AsRef<[u8]>, F: Facts> Scene<'a, B, F> {
    /// The truth of a condition. `None` is a fault.
    pub(crate) fn truth_of(&mut self, condition: u16) -> Option<Truth> {
        let layout = self.program.layout();
        let record = layout.conditions.record(self.program.bytes(), u32::from(condition))?;
        let start = layout.instructions.start.checked_add(index(u32_at(record, 0)?))?;
        let end = start.checked_add(index(u32_at(record, 4)?))?;
        self.run(start..end, 0, 0)
    }

    fn run(&mut self, piece: Range<usize>, element: u32, nesting: usize) -> Option<Truth> {
        let code = self.program.bytes().get(..piece.end)?;
        let mut stack = Stack::new();
        let mut at = piece.start;
        while at < piece.end {
            let opcode = Opcode::from_byte(u8_at(code, at)?)?;
            let operand = u16_at(code, at.checked_add(1)?).unwrap_or(NONE);
            at = at.checked_add(opcode.instruction_bytes())?;
            self.meter.charge(1);
            let pushed = match opcode {
                Opcode::Field => Slot::Value(self.value(operand)?),
                Opcode::Element => Slot::Value(self.met(self.request.facts.element(operand, element))),
                Opcode::Literal => {
                    Slot::Value(literal::value(self.program.bytes(), self.program.layout(), operand)?)
                }
                Opcode::Depth => Slot::Value(self.depth()?),
                Opcode::Minute => Slot::Value(whole(self.request.now.checked_rem(86_400)?.checked_div(60)?)),
                // 1 January 1970 was a Thursday.
                Opcode::Weekday => {
                    Slot::Value(whole(self.request.now.checked_div(86_400)?.checked_add(3)?.checked_rem(7)?))
                }
                Opcode::Size => Slot::Value(match stack.value()? {
                    Value::Text(text) => whole(u64::try_from(text.len()).ok()?),
                    Value::Unread => Value::Unread,
                    _ => Value::Unusable,
                }),
                Opcode::Count => Slot::Value(match self.request.facts.count(operand) {
                    Count::Elements(count) if count <= MAX_LIST => whole(u64::from(count)),
                    Count::Elements(_) => Value::Unusable,
                    Count::Unread => self.met(Value::Unread),
                    Count::NotAList => match self.value(operand)? {
                        Value::Text(text) => whole(u64::try_from(text.len()).ok()?),
                        Value::Unread => Value::Unread,
                        _ => Value::Unusable,
                    },
                }),
                Opcode::True => Slot::Truth(Truth::True),
                Opcode::False => Slot::Truth(Truth::False),
                Opcode::Equal => {
                    let right = stack.value()?;
                    Slot::Truth(equal(&stack.value()?, &right))
                }
                Opcode::NotEqual => {
                    let right = stack.value()?;
                    Slot::Truth(equal(&stack.value()?, &right).negated())
                }
                Opcode::Less | Opcode::LessOrEqual | Opcode::Greater | Opcode::GreaterOrEqual => {
                    let right = stack.value()?;
                    Slot::Truth(ordered(opcode, &stack.value()?, &right))
                }
                Opcode::InSet => Slot::Truth(self.in_set(&stack.value()?, operand)?),
                Opcode::InList => Slot::Truth(self.in_list(&stack.value()?, operand)?),
                Opcode::Truth => Slot::Truth(match stack.value()? {
                    Value::Bool(truth) => truth.into(),
                    _ => Truth::Unknown,
                }),
                Opcode::Has => Slot::Truth(self.has(operand)?),
                Opcode::HasElement => {
                    let value = self.request.facts.element(operand, element);
                    Slot::Truth(present(&self.met(value)))
                }
                Opcode::StartsWith | Opcode::EndsWith | Opcode::Contains => {
                    let right = stack.value()?;
                    Slot::Truth(match (stack.value()?, right) {
                        (Value::Text(left), Value::Text(right)) => text::test(opcode, left, right),
                        _ => Truth::Unknown,
                    })
                }
                Opcode::Matches => Slot::Truth(match stack.value()? {
                    Value::Text(text) => {
                        let layout = self.program.layout();
                        let bytes = self.program.bytes();
                        layout.automaton(bytes, operand)?.run(bytes, text).is_some().into()
                    }
                    _ => Truth::Unknown,
                }),
                Opcode::InNetwork => Slot::Truth(match stack.value()? {
                    Value::Text(text) => self.in_network(text, operand)?,
                    _ => Truth::Unknown,
                }),
                Opcode::ChainHas => Slot::Truth(self.chain_has(operand)),
                Opcode::OriginIn => Slot::Truth(self.origin_in(operand)),
                Opcode::CallerIn => {
                    Slot::Truth(self.program.set_has(operand, self.chain.caller.agent, self.meter).into())
                }
                Opcode::UnderMission => {
                    self.meter.charge_each(1, self.chain.missions().len());
                    Slot::Truth(self.chain.has_mission(operand).into())
                }
                Opcode::Not => Slot::Truth(stack.truth()?.negated()),
                Opcode::And => Slot::Truth(stack.truth()?.and(stack.truth()?)),
                Opcode::Or => Slot::Truth(stack.truth()?.or(stack.truth()?)),
                Opcode::SkipIfFalse | Opcode::SkipIfTrue => {
                    let top = stack.truth()?;
                    if top == Truth::from(opcode == Opcode::SkipIfTrue) {
                        at = at.checked_add(usize::from(operand))?;
                    }
                    Slot::Truth(top)
                }
                Opcode::All | Opcode::Exists => {
                    let length = usize::from(u16_at(code, at.checked_sub(2)?)?);
                    let body = at..at.checked_add(length)?;
                    at = body.end;
                    Slot::Truth(self.quantify(opcode, operand, body, nesting)?)
                }
            };
            stack.push(pushed)?;
        }
        stack.truth()
    }

    fn quantify(&mut self, opcode: Opcode, list: u16, body: Range<usize>, nesting: usize) -> Option<Truth> {
        let nesting = nesting.checked_add(1).filter(|nesting| *nesting <= MAX_NESTING)?;
        self.meter.charge(1);
        let Some(count) = self.count(list) else {
            return Some(Truth::Unknown);
        };
        let all = opcode == Opcode::All;
        let mut so_far = Truth::from(all);
        for element in 0..count {
            let truth = self.run(body.clone(), element, nesting)?;
            so_far = if all { so_far.and(truth) } else { so_far.or(truth) };
            if so_far == Truth::from(!all) {
                break;
            }
        }
        Some(so_far)
    }

    /// Notes that a value has not been read.
    fn met<'v>(&mut self, value: Value<'v>) -> Value<'v> {
        self.met_unread |= value == Value::Unread;
        value
    }

    fn value(&mut self, field: u16) -> Option<Value<'a>> {
        let record = self.program.layout().fields.record(self.program.bytes(), u32::from(field))?;
        let source = Source::from_number(u8_at(record, 0)?)?;
        Some(match source {
            Source::CallerPrincipal | Source::CallerNamespace | Source::CallerServiceAccount => {
                self.of_caller(source)
            }
            _ => self.met(self.request.facts.value(field)),
        })
    }

    /// The caller's SPIFFE path stands for its id: the trust domain is one of the mesh's.
    fn of_caller(&self, source: Source) -> Value<'a> {
        let Caller::Proven(principal) = self.request.caller else {
            return Value::Absent;
        };
        let named = match source {
            Source::CallerNamespace => kubernetes(principal.path).map(|(namespace, _)| namespace),
            Source::CallerServiceAccount => kubernetes(principal.path).map(|(_, account)| account),
            _ => Some(principal.whole),
        };
        named.map_or(Value::Absent, Value::Text)
    }

    /// How many elements a list has, if it is one and they are not too many.
    fn count(&mut self, list: u16) -> Option<u32> {
        match self.request.facts.count(list) {
            Count::Elements(count) if count <= MAX_LIST => Some(count),
            Count::Elements(_) | Count::NotAList => None,
            Count::Unread => {
                self.met_unread = true;
                None
            }
        }
    }

    fn has(&mut self, field: u16) -> Option<Truth> {
        let value = self.value(field)?;
        Some(present(&value))
    }

    /// Without an order, only the caller is known to stand behind this request.
    fn chain_has(&self, agent: u16) -> Truth {
        self.meter.charge_each(1, self.chain.members().len().saturating_add(1));
        if self.chain.caller.agent == agent {
            Truth::True
        } else if !self.chain.has_member(agent) {
            Truth::False
        } else if self.chain.ordered {
            Truth::True
        } else {
            Truth::Unknown
        }
    }

    /// Without an order, anyone may be the origin: it is known only if all or none are in the set.
    fn origin_in(&self, set: u16) -> Truth {
        if self.chain.ordered {
            let origin = self.chain.members().first().unwrap_or(&self.chain.caller);
            return self.program.set_has(set, origin.agent, self.meter).into();
        }
        let caller = self.program.set_has(set, self.chain.caller.agent, self.meter);
        let mut members = self.chain.members().iter();
        let agree = members.all(|member| self.program.set_has(set, member.agent, self.meter) == caller);
        if agree { caller.into() } else { Truth::Unknown }
    }

    fn depth(&self) -> Option<Value<'a>> {
        if !self.chain.ordered {
            return Some(Value::Unusable);
        }
        Some(whole(u64::try_from(self.chain.members().len().checked_add(1)?).ok()?))
    }

    fn in_set(&mut self, needle: &Value<'_>, set: u16) -> Option<Truth> {
        let (bytes, layout) = (self.program.bytes(), self.program.layout());
        let members = layout.literal_sets.table(bytes, u32::from(set))?;
        let member = |place| literal::value(bytes, layout, members.u16(bytes, place)?);
        self.meter.charge(search(members.count).saturating_add(2));
        let (mut low, mut high) = (0, members.count);
        while low < high {
            let middle = low.midpoint(high);
            match literal::order(&member(middle)?, needle) {
                Ordering::Equal => return Some(Truth::True),
                Ordering::Less => low = middle.checked_add(1)?,
                Ordering::Greater => high = middle,
            }
        }
        // Where the needle would stand, its neighbours are of its type if any member is. `true` and `false` are one type.
        let beside = |place: Option<u32>| {
            place.and_then(member).is_some_and(|member| equal(&member, needle) != Truth::Unknown)
        };
        Some(if beside(low.checked_sub(1)) || beside(Some(low)) { Truth::False } else { Truth::Unknown })
    }

    fn in_list(&mut self, needle: &Value<'_>, list: u16) -> Option<Truth> {
        self.meter.charge(1);
        if matches!(needle, Value::Absent | Value::Unread | Value::Unusable) {
            return Some(Truth::Unknown);
        }
        let Some(count) = self.count(list) else {
            return Some(Truth::Unknown);
        };
        let mut so_far = Truth::False;
        for element in 0..count {
            self.meter.charge(1);
            let value = self.request.facts.element(list, element);
            so_far = so_far.or(equal(&self.met(value), needle));
        }
        Some(so_far)
    }

    fn in_network(&self, text: &[u8], networks: u16) -> Option<Truth> {
        let Some(address) = network::parse(text) else {
            return Some(Truth::Unknown);
        };
        let (bytes, layout) = (self.program.bytes(), self.program.layout());
        let ranges = layout.networks.table(bytes, u32::from(networks))?;
        self.meter.charge(ranges.count);
        let inside = (0..ranges.count)
            .any(|place| ranges.record(bytes, place).is_some_and(|r| network::holds(r, address)));
        Some(inside.into())
    }
}

fn whole(number: u64) -> Value<'static> {
    u32::try_from(number).map_or(Value::Unusable, |number| Value::Number(Number::whole(number)))
}

const fn present(value: &Value<'_>) -> Truth {
    match value {
        Value::Absent => Truth::False,
        Value::Unread => Truth::Unknown,
        _ => Truth::True,
    }
}

fn equal(left: &Value<'_>, right: &Value<'_>) -> Truth {
    match (left, right) {
        (Value::Null, Value::Null) => Truth::True,
        (Value::Bool(left), Value::Bool(right)) => (left == right).into(),
        (Value::Number(left), Value::Number(right)) => (left == right).into(),
        (Value::Text(left), Value::Text(right)) => (left == right).into(),
        _ => Truth::Unknown,
    }
}

fn ordered(opcode: Opcode, left: &Value<'_>, right: &Value<'_>) -> Truth {
    let order = match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        _ => return Truth::Unknown,
    };
    Truth::from(match opcode {
        Opcode::Less => order.is_lt(),
        Opcode::LessOrEqual => order.is_le(),
        Opcode::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}

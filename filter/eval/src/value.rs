//! Values of fields, numbers that compare exactly, and three-valued truth.

use core::cmp::Ordering;

/// `coefficient * 10^exponent`, in lowest form: no trailing zero in the coefficient, and zero has exponent 0.
///
/// Of a literal, the coefficient has at most `MAX_DIGITS` digits and the exponent is within `MAX_EXPONENT`. A request
/// may offer any; for a number that does not fit, or not exactly, it offers [`Value::Unusable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// The digits, with sign.
    pub coefficient: i64,
    /// The power of ten.
    pub exponent: i16,
}

impl Number {
    /// A whole number that is in lowest form, or is brought there.
    #[must_use]
    pub fn whole(number: u32) -> Self {
        let mut coefficient = i64::from(number);
        let mut exponent = 0_i16;
        while coefficient != 0 && coefficient.checked_rem(10) == Some(0) {
            coefficient = coefficient.checked_div(10).unwrap_or(0);
            exponent = exponent.saturating_add(1);
        }
        Self { coefficient, exponent }
    }

    /// How many digits its magnitude has before the point, were it written out: its order of magnitude.
    fn magnitude(self) -> i32 {
        let digits = self.coefficient.unsigned_abs().checked_ilog10().map_or(0, |log| log.saturating_add(1));
        i32::from(self.exponent).saturating_add(i32::try_from(digits).unwrap_or(i32::MAX))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.exponent == other.exponent {
            return self.coefficient.cmp(&other.coefficient);
        }
        let (left, right) = (self.coefficient.signum(), other.coefficient.signum());
        if left != right || left == 0 {
            return left.cmp(&right);
        }
        let by_size = self.magnitude().cmp(&other.magnitude()).then_with(|| {
            // Equal magnitudes: exponents differ by less than 19, so that lifting the coarser one fits an `i128`.
            let shift = i32::from(self.exponent).saturating_sub(i32::from(other.exponent));
            let left = lifted(self.coefficient, shift);
            let right = lifted(other.coefficient, shift.saturating_neg());
            left.cmp(&right)
        });
        if left > 0 { by_size } else { by_size.reverse() }
    }
}

/// `|coefficient| * 10^power` for a power that is not negative, else `|coefficient|`.
fn lifted(coefficient: i64, power: i32) -> u128 {
    let power = u32::try_from(power).unwrap_or(0);
    u128::from(coefficient.unsigned_abs()).saturating_mul(10_u128.checked_pow(power).unwrap_or(u128::MAX))
}

/// What a field holds, or why it holds nothing that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// The request has no such field.
    Absent,
    /// It cannot be told yet, or no longer: the bytes that would say have not been read.
    Unread,
    /// It is there, but too large, repeated, out of range, or of a kind that no operation takes.
    Unusable,
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(Number),
    /// Text: UTF-8 from bodies, any bytes from headers.
    Text(&'a [u8]),
}

/// How many elements a list field has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many, whether or not that is more than `MAX_LIST`.
    Elements(u32),
    /// There is no such field, or it is not a list.
    NotAList,
    /// It cannot be told yet, or no longer.
    Unread,
}

/// Whether a request has arguments that its action does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arguments {
    /// It has none but those.
    Listed,
    /// It has others, or it cannot be told.
    Unlisted,
    /// It cannot be told yet, or no longer.
    Unread,
}

/// True, false, or unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It cannot be told: a grant takes it as false, a deny as true.
    Unknown,
}

impl Truth {
    /// False if either is false, else unknown if either is.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Unknown,
        }
    }

    /// True if either is true, else unknown if either is.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }

    /// The contrary; unknown stays.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

#[cfg(test)]
mod tests;

//! JSON numbers as exact decimals.

use core::fmt;

/// An exact decimal, `coefficient` × 10^`exponent`.
///
/// There is one form for each value: the coefficient has no trailing zero, and zero is 0 × 10^0, also
/// when it was written `-0`. So equal numbers compare equal, as `1`, `1.0` and `10e-1` do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number {
    coefficient: i64,
    exponent: i16,
}

/// A number that [`Number`] cannot hold exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutOfRange;

/// The state inside a number.
///
/// Digits go to `coefficient` without trailing zeros; zeros that may turn out not to be trailing
/// wait in `zeros`.
#[derive(Debug)]
pub(super) struct NumberScanner {
    phase: Phase,
    negative: bool,
    negative_exponent: bool,
    overflow: bool,
    coefficient: u64,
    zeros: i64,
    fraction_digits: i64,
    exponent: i64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// Past this an exponent is out of range whatever the digits are, short of a text of as many digits.
const FAR: i64 = 1 << 48;

impl Number {
    /// The number `coefficient` × 10^`exponent`.
    ///
    /// # Errors
    /// [`OutOfRange`] if without trailing zeros in the coefficient the exponent has no place.
    pub fn new(coefficient: i64, exponent: i64) -> Result<Self, OutOfRange> {
        let (mut coefficient, mut exponent) = (coefficient, exponent);
        if coefficient == 0 {
            return Ok(Self { coefficient: 0, exponent: 0 });
        }
        while coefficient % 10 == 0 {
            coefficient /= 10;
            exponent = exponent.saturating_add(1);
        }
        let exponent = i16::try_from(exponent).map_err(|_| OutOfRange)?;
        Ok(Self { coefficient, exponent })
    }

    /// The digits, with the sign and without trailing zeros.
    #[must_use]
    pub const fn coefficient(self) -> i64 {
        self.coefficient
    }

    /// The power of ten that the coefficient is multiplied with.
    #[must_use]
    pub const fn exponent(self) -> i16 {
        self.exponent
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        // An i64 has at most 18 trailing zeros, so the exponent always has a place.
        Self::new(value, 0).unwrap_or(Self { coefficient: 0, exponent: 0 })
    }
}

impl fmt::Display for Number {
    /// Writes a JSON number: an integer in full up to 18 zeros, anything else with an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.coefficient.fmt(f)?;
        match u8::try_from(self.exponent) {
            Ok(zeros @ 0..=18) => (0..zeros).try_for_each(|_| f.write_str("0")),
            _ => write!(f, "e{}", self.exponent),
        }
    }
}

impl NumberScanner {
    /// Starts with the first byte of a number: `-` or a digit.
    pub(super) fn new(first: u8) -> Self {
        let mut scanner = Self {
            phase: Phase::Minus,
            negative: first == b'-',
            negative_exponent: false,
            overflow: false,
            coefficient: 0,
            zeros: 0,
            fraction_digits: 0,
            exponent: 0,
        };
        if first != b'-' {
            scanner.accept(first);
        }
        scanner
    }

    /// Takes the bytes of `bytes` that belong to the number and gives back the rest, or nothing if
    /// not even the first belongs to it.
    pub(super) fn step<'b>(&mut self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let length = bytes.iter().take_while(|&&byte| self.accept(byte)).count();
        if length == 0 { None } else { bytes.get(length..) }
    }

    /// The number, if it may end here.
    pub(super) fn value(&self) -> Option<Result<Number, OutOfRange>> {
        match self.phase {
            Phase::Zero | Phase::Integer | Phase::Fraction | Phase::ExponentDigits => Some(self.decimal()),
            Phase::Minus | Phase::Point | Phase::Exponent | Phase::ExponentSign => None,
        }
    }

    fn decimal(&self) -> Result<Number, OutOfRange> {
        if self.overflow {
            return Err(OutOfRange);
        }
        let coefficient = if self.negative {
            0_i64.checked_sub_unsigned(self.coefficient)
        } else {
            i64::try_from(self.coefficient).ok()
        };
        let exponent = if self.negative_exponent { self.exponent.saturating_neg() } else { self.exponent };
        let exponent = exponent.saturating_sub(self.fraction_digits).saturating_add(self.zeros);
        Number::new(coefficient.ok_or(OutOfRange)?, exponent)
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.phase = match (self.phase, byte) {
            (Phase::Minus, b'0') => self.digit(byte, Phase::Zero),
            (Phase::Minus | Phase::Integer, b'0'..=b'9') => self.digit(byte, Phase::Integer),
            (Phase::Zero | Phase::Integer, b'.') => Phase::Point,
            (Phase::Point | Phase::Fraction, b'0'..=b'9') => {
                self.fraction_digits = self.fraction_digits.saturating_add(1);
                self.digit(byte, Phase::Fraction)
            }
            (Phase::Zero | Phase::Integer | Phase::Fraction, b'e' | b'E') => Phase::Exponent,
            (Phase::Exponent, b'+' | b'-') => {
                self.negative_exponent = byte == b'-';
                Phase::ExponentSign
            }
            (Phase::Exponent | Phase::ExponentSign | Phase::ExponentDigits, b'0'..=b'9') => {
                let digit = i64::from(byte.wrapping_sub(b'0'));
                self.exponent = self.exponent.saturating_mul(10).saturating_add(digit).min(FAR);
                Phase::ExponentDigits
            }
            _ => return false,
        };
        true
    }

    fn digit(&mut self, byte: u8, next: Phase) -> Phase {
        match byte {
            b'0' if self.coefficient == 0 => {}
            b'0' => self.zeros = self.zeros.saturating_add(1),
            _ => {
                let zeros = core::mem::take(&mut self.zeros);
                let shifted = u32::try_from(zeros)
                    .ok()
                    .and_then(|zeros| 10_u64.checked_pow(zeros.saturating_add(1)))
                    .and_then(|power| self.coefficient.checked_mul(power))
                    .and_then(|shifted| shifted.checked_add(u64::from(byte.wrapping_sub(b'0'))));
                match shifted {
                    Some(coefficient) => self.coefficient = coefficient,
                    None => self.overflow = true,
                }
            }
        }
        next
    }
}

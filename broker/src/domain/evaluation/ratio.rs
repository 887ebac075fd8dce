//! Exact fractions. Whatever does not fit is none, and then nothing is concluded.

use std::cmp::Ordering;

/// A fraction in lowest terms with a positive denominator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    above: i128,
    below: i128,
}

impl Ratio {
    /// Nought.
    pub const ZERO: Self = Self { above: 0, below: 1 };
    /// One.
    pub const ONE: Self = Self { above: 1, below: 1 };

    /// A whole number.
    #[must_use]
    pub fn whole(value: i128) -> Self {
        Self { above: value, below: 1 }
    }

    fn new(above: i128, below: i128) -> Option<Self> {
        let (mut a, mut b) = (above.checked_abs()?, below.checked_abs()?);
        while b != 0 {
            (a, b) = (b, a.checked_rem(b)?);
        }
        let divisor = if below < 0 { a.checked_neg()? } else { a };
        Some(Self { above: above.checked_div(divisor)?, below: below.checked_div(divisor)? })
    }

    /// Whether it is nought.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.above == 0
    }

    /// Whether it is more than nought.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.above > 0
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        let left = self.above.checked_mul(other.below)?;
        let right = other.above.checked_mul(self.below)?;
        Self::new(left.checked_add(right)?, self.below.checked_mul(other.below)?)
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated()?)
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Self) -> Option<Self> {
        Self::new(self.above.checked_mul(other.above)?, self.below.checked_mul(other.below)?)
    }

    /// The quotient; none by nought.
    #[must_use]
    pub fn over(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        Self::new(self.above.checked_mul(other.below)?, self.below.checked_mul(other.above)?)
    }

    /// The negative.
    #[must_use]
    pub fn negated(self) -> Option<Self> {
        Some(Self { above: self.above.checked_neg()?, below: self.below })
    }

    /// Which is more.
    #[must_use]
    pub fn compare(self, other: Self) -> Option<Ordering> {
        Some(self.minus(other)?.above.cmp(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(above: i128, below: i128) -> Ratio {
        Ratio::new(above, below).unwrap()
    }

    #[test]
    fn fractions_are_exact() {
        assert_eq!(ratio(2, -4), ratio(-1, 2));
        assert_eq!(ratio(1, 3).plus(ratio(1, 6)), Some(ratio(1, 2)));
        assert_eq!(ratio(1, 3).minus(ratio(1, 3)), Some(Ratio::ZERO));
        assert_eq!(ratio(2, 3).times(ratio(3, 4)), Some(ratio(1, 2)));
        assert_eq!(ratio(2, 3).over(ratio(4, 3)), Some(ratio(1, 2)));
        assert_eq!(Ratio::ONE.over(Ratio::ZERO), None);
        assert_eq!(ratio(1, 3).compare(ratio(1, 2)), Some(Ordering::Less));
    }

    #[test]
    fn what_does_not_fit_is_none() {
        let huge = Ratio::whole(i128::MAX);
        assert_eq!(huge.plus(Ratio::ONE), None);
        assert_eq!(huge.times(huge), None);
    }
}

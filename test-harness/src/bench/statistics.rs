//! Figures from samples.

/// The middle of several figures, and how far they spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Figure {
    /// Of figures of which there is at least one; else all are 0.
    pub(super) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let (Some(min), Some(max)) = (figures.first(), figures.last()) else {
            return Self { median: 0.0, min: 0.0, max: 0.0 };
        };
        let upper = figures[figures.len() / 2];
        let lower = figures[(figures.len() - 1) / 2];
        Self { median: f64::midpoint(lower, upper), min: *min, max: *max }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn of() {
        let check = |figures: &[f64], wanted: (f64, f64, f64)| {
            let found = Figure::of(figures.iter().copied());
            assert_eq!((found.min, found.median, found.max), wanted, "{figures:?}");
        };
        check(&[], (0.0, 0.0, 0.0));
        check(&[3.0], (3.0, 3.0, 3.0));
        check(&[4.0, 1.0], (1.0, 2.5, 4.0));
        check(&[9.0, 1.0, 2.0], (1.0, 2.0, 9.0));
    }
}

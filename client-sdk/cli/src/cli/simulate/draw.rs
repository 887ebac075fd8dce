//! Lots, drawn from a seed: what a run of the simulation does can be repeated. Not for secrets.

/// A source of lots.
#[derive(Clone, Debug)]
pub(crate) struct Draw(fastrand::Rng);

impl Draw {
    /// The lots of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// Another source, for another task.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.0.fork())
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u8) -> bool {
        self.0.u8(0..100) < percent
    }

    /// One of several; none of nothing.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.0.usize(0..of.len())) }
    }
}

//! What reading the values of named parameters told of the list that they stand in; spares a second look at it, and never decides.

/// Which parameters of a list a rule was seen to name, by their places; of those behind the first 64 it knows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noted(u64);

impl Noted {
    /// Notes that the parameter at this place is named.
    #[inline]
    pub(crate) fn note(&mut self, at: usize) {
        if at < 64 {
            self.0 |= 1 << at;
        }
    }

    /// Whether the parameter at this place was seen to be named.
    #[inline]
    pub(crate) fn has(self, at: usize) -> bool {
        at < 64 && self.0 >> at & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_first_64_is_never_taken_for_named() {
        let mut noted = Noted::default();
        (0..200).for_each(|at| noted.note(at));
        assert!((0..64).all(|at| noted.has(at)));
        assert!((64..200).all(|at| !noted.has(at)));
    }
}

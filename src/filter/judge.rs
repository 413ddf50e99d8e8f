//! The question that a filter asks about a row. Who answers it knows people and rules; here are only numbers and texts.

use super::plan::Bounds;
use super::tally::Tally;
use std::rc::Rc;

/// A dimension by which the rule keeps rows, by its place among those of the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DimensionNo(pub u16);

/// A permission that lifts masks, by its place among those of the route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantNo(pub u16);

/// Says what the person may see. Each row is a decision of its own.
///
/// A row is what stands in it: dimension and value, several of one dimension where the row has several, all of which must be
/// within. What lies outside of all rows is asked about with no values.
pub trait Judge {
    /// Whether the person may see a row with these values at all.
    fn keeps(&self, row: &[(DimensionNo, &str)]) -> bool;

    /// Whether the person may see, in such a row, fields that are masked unless `grant`.
    fn shows(&self, grant: GrantNo, row: &[(DimensionNo, &str)]) -> bool;

    /// Whether there may be a row in which the person sees fields that are masked unless `grant`.
    fn may_show(&self, grant: GrantNo) -> bool;

    /// Whether a request to the same application with this method and target, path and query, could only be refused.
    fn is_refused(&self, method: &str, target: &str) -> bool;

    /// Whether no value of these dimensions could hide a row from the person, so that totals betray nothing.
    fn keeps_all(&self, dimensions: &[DimensionNo]) -> bool;
}

/// What a filter works by, for one answer.
#[derive(Clone)]
pub struct Terms {
    /// Who is asked.
    pub judge: Rc<dyn Judge>,
    /// Where it is counted what was done.
    pub tally: Rc<Tally>,
    /// What it may take up.
    pub bounds: Bounds,
    /// What was asked, and by whom.
    pub occasion: Rc<Occasion>,
}

/// What a filter knows of the request whose answer it is.
#[derive(Clone, Debug, Default)]
pub struct Occasion {
    /// Whether it came over TLS.
    pub https: bool,
    /// Host and port as the client names them.
    pub authority: String,
    /// Path and query as the client wrote them.
    pub target: String,
    /// What a watermark says: who asked and when.
    pub watermark: String,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Sees rows whose every value is among these, and masked fields or not.
    pub struct Sees(pub &'static [&'static str], pub bool);

    impl Judge for Sees {
        fn keeps(&self, row: &[(DimensionNo, &str)]) -> bool {
            row.iter().all(|(_, value)| self.0.contains(value))
        }

        fn shows(&self, _: GrantNo, _: &[(DimensionNo, &str)]) -> bool {
            self.1
        }

        fn may_show(&self, _: GrantNo) -> bool {
            self.1
        }

        fn is_refused(&self, _: &str, _: &str) -> bool {
            false
        }

        fn keeps_all(&self, _: &[DimensionNo]) -> bool {
            self.0.contains(&"*")
        }
    }

    /// The terms of an answer that is asked of `judge`.
    pub fn terms(judge: impl Judge + 'static) -> Terms {
        Terms { judge: Rc::new(judge), tally: Rc::default(), bounds: Bounds::default(), occasion: Rc::default() }
    }
}

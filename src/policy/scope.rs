//! Scope boxes against what a request asks for: cut, unite, choose; never a name and never a parameter.
//!
//! A box is cut to what the request asks for (a value that nobody asks for cannot decide anything), boxes that are then
//! alike in all dimensions but one are united, and **one** resulting box must hold everything. Nothing is united that a
//! sequence of requests with one value each could not have reached, so uniting never widens what a person may do.

use crate::rules::{DimensionId, ScopeBox, ValueId, ValueSet};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// The most united boxes that are tried beyond those of the assignments. Past it fewer boxes unite, so more is refused.
const MOST_UNITED: usize = 256;

/// The values that a request gives for a dimension; `None` stands for one that no assignment and no dictionary names.
pub(super) type Given = SmallVec<[Option<ValueId>; 2]>;

/// What a request asks of one bound dimension.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// These values, all of them.
    All(Given),
    /// Those of these values that lie within.
    Some(Given),
    /// Nothing is given: whatever lies within.
    Open,
    /// Everything there is and could ever be.
    Everything,
}

/// A dimension and what is asked of it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) dimension: DimensionId,
    pub(super) ask: Ask,
}

/// How a box stands to what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It holds all that is asked, and whatever could be filled in.
    Whole,
    /// It may play a part: something is open, narrowed, or held only in part.
    Part,
    /// It says nothing of this bound dimension.
    Omits(DimensionId),
    /// None of the values asked for in this dimension lies within it.
    Outside(DimensionId),
}

/// How one box of an assignment stands to what is asked. Does not allocate.
pub(super) fn fit(scope: &ScopeBox, asked: &[Asked]) -> Fit {
    let mut whole = true;
    for Asked { dimension, ask } in asked {
        let Some(limit) = scope.limit(*dimension) else { return Fit::Omits(*dimension) };
        match ask {
            // what is unlimited here holds whatever another box could fill in
            Ask::Open => whole &= matches!(limit, ValueSet::All),
            Ask::Everything if !matches!(limit, ValueSet::All) => return Fit::Outside(*dimension),
            Ask::Everything => {}
            Ask::All(given) | Ask::Some(given) => {
                let held = given.iter().filter(|value| limit.contains(**value)).count();
                if held == 0 {
                    return Fit::Outside(*dimension);
                }
                whole &= held == given.len();
            }
        }
    }
    if whole { Fit::Whole } else { Fit::Part }
}

/// One dimension of a box that was cut.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Side {
    /// Which of the given values lie within, by their positions.
    Marks(SmallVec<[u64; 1]>),
    /// Of an open dimension: everything.
    Everything,
    /// Of an open dimension: these, sorted.
    Values(Vec<ValueId>),
}

impl Side {
    fn cut(limit: &ValueSet, ask: &Ask) -> Self {
        match ask {
            Ask::Open => match limit {
                ValueSet::All => Self::Everything,
                ValueSet::Set(values) => Self::Values(values.iter().copied().collect()),
            },
            // INVARIANT: no box that is limited here has a part in it.
            Ask::Everything => Self::Everything,
            Ask::All(given) | Ask::Some(given) => {
                let mut marks = SmallVec::from_elem(0, given.len().div_ceil(64));
                for (position, value) in given.iter().enumerate() {
                    if limit.contains(*value)
                        && let Some(word) = marks.get_mut(position / 64)
                    {
                        *word |= 1 << (position % 64);
                    }
                }
                Self::Marks(marks)
            }
        }
    }

    fn absorb(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Marks(mine), Self::Marks(theirs)) => {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    *mine |= theirs;
                }
            }
            (Self::Values(mine), Self::Values(theirs)) => {
                mine.extend_from_slice(theirs);
                mine.sort_unstable();
                mine.dedup();
            }
            (_, Self::Everything) => *self = Self::Everything,
            _ => {}
        }
    }

    fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Marks(mine), Self::Marks(theirs)) => {
                mine.iter().zip(theirs).all(|(mine, theirs)| mine & !theirs == 0)
            }
            (Self::Values(mine), Self::Values(theirs)) => mine.iter().all(|value| theirs.binary_search(value).is_ok()),
            (_, Self::Everything) => true,
            _ => false,
        }
    }

    /// Whether the given value at `position` lies within.
    pub(super) fn marked(&self, position: usize) -> bool {
        matches!(self, Self::Marks(marks) if marks.get(position / 64).is_some_and(|word| word >> (position % 64) & 1 == 1))
    }

    fn complete(&self, ask: &Ask) -> bool {
        match ask {
            Ask::All(given) => (0..given.len()).all(|position| self.marked(position)),
            Ask::Some(_) | Ask::Open | Ask::Everything => true,
        }
    }
}

type Sides = SmallVec<[Side; 3]>;

/// A box cut to what is asked, and the assignments that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) sides: Sides,
    pub(super) from: SmallVec<[u32; 4]>,
}

impl Cut {
    /// The box of assignment number `from`, cut; `None` where [`fit`] finds no part in it.
    pub(super) fn new(from: u32, scope: &ScopeBox, asked: &[Asked]) -> Option<Self> {
        if matches!(fit(scope, asked), Fit::Omits(_) | Fit::Outside(_)) {
            return None;
        }
        let sides = asked
            .iter()
            .map(|Asked { dimension, ask }| Some(Side::cut(scope.limit(*dimension)?, ask)))
            .collect::<Option<Sides>>()?;
        Some(Self { sides, from: SmallVec::from_slice(&[from]) })
    }

    fn within(&self, other: &Self) -> bool {
        self.sides.iter().zip(&other.sides).all(|(mine, theirs)| mine.within(theirs))
    }

    fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.sides.iter_mut().zip(&other.sides) {
            mine.absorb(theirs);
        }
        self.from.extend_from_slice(&other.from);
        self.from.sort_unstable();
        self.from.dedup();
    }
}

/// The boxes, and all that come of uniting those that are alike in all dimensions but one, until nothing new comes.
fn unite(cuts: Vec<Cut>, dimensions: usize) -> Vec<Cut> {
    let mut known: FxHashMap<Sides, usize> = FxHashMap::default();
    let mut boxes: Vec<Cut> = Vec::with_capacity(cuts.len());
    for cut in cuts {
        if !known.contains_key(&cut.sides) {
            known.insert(cut.sides.clone(), boxes.len());
            boxes.push(cut);
        }
    }
    let limit = boxes.len().saturating_add(MOST_UNITED);
    loop {
        let mut fresh: Vec<Cut> = Vec::new();
        for dimension in 0..dimensions {
            let mut groups: FxHashMap<Sides, Cut> = FxHashMap::default();
            for cut in &boxes {
                let mut others = cut.sides.clone();
                others.remove(dimension);
                groups.entry(others).and_modify(|united| united.absorb(cut)).or_insert_with(|| cut.clone());
            }
            fresh.extend(groups.into_values().filter(|united| !known.contains_key(&united.sides)));
        }
        // INVARIANT: the outcome does not depend on the order of assignments or of the hash table.
        fresh.sort_by(|a, b| a.from.cmp(&b.from));
        let before = boxes.len();
        for united in fresh {
            if boxes.len() < limit && !known.contains_key(&united.sides) {
                known.insert(united.sides.clone(), boxes.len());
                boxes.push(united);
            }
        }
        if boxes.len() == before {
            return boxes;
        }
    }
}

/// Which of the united boxes is used.
#[derive(Debug)]
pub(super) enum Choice {
    /// This one, the only one that does.
    One(Cut),
    /// No box holds all that is asked.
    None,
    /// Several do; they differ in the bound dimension at this position.
    Several(usize),
}

/// Unites the cut boxes and chooses the one that holds what is asked; boxes that lie within another do not count.
pub(super) fn choose(cuts: Vec<Cut>, asked: &[Asked]) -> Choice {
    let mut fitting: Vec<Cut> = unite(cuts, asked.len())
        .into_iter()
        .filter(|cut| cut.sides.iter().zip(asked).all(|(side, asked)| side.complete(&asked.ask)))
        .collect();
    let inner: Vec<bool> = (0..fitting.len())
        .map(|i| {
            let of = |i: usize| fitting.get(i);
            (0..fitting.len()).any(|j| i != j && of(i).zip(of(j)).is_some_and(|(a, b)| a.within(b)))
        })
        .collect();
    let mut inner = inner.into_iter();
    fitting.retain(|_| !inner.next().unwrap_or(false));
    let mut outer = fitting.into_iter();
    match (outer.next(), outer.next()) {
        (None, _) => Choice::None,
        (Some(one), None) => Choice::One(one),
        (Some(one), Some(other)) => {
            let at = one.sides.iter().zip(&other.sides).position(|(a, b)| a != b);
            Choice::Several(at.unwrap_or(0))
        }
    }
}

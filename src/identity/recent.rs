//! A small bounded cache of one core: what was asked lately, by bytes; never decides whether a value still holds.

use rustc_hash::FxHasher;
use std::cell::RefCell;
use std::hash::Hasher;

/// Keeps a bounded number of values; those not asked for lately go first. For one core only.
///
/// Every key has its set of two places, by a hash that is fast and can be foreseen: whoever makes keys collide only makes
/// values be computed again.
#[derive(Debug)]
pub struct Recent<V> {
    sets: RefCell<Vec<Set<V>>>,
}

/// The value asked for last, and the one before it.
#[derive(Debug)]
struct Set<V>([Option<Box<Kept<V>>>; 2]);

#[derive(Debug)]
struct Kept<V> {
    key: Box<[u8]>,
    value: V,
}

impl<V: Clone> Recent<V> {
    /// An empty cache of at most twice `half` values, `half` rounded up to a power of two.
    #[must_use]
    pub fn new(half: usize) -> Self {
        let sets = std::iter::repeat_with(|| Set([None, None])).take(half.next_power_of_two());
        Self { sets: RefCell::new(sets.collect()) }
    }

    /// The value of `key`, computed where it is not known. `compute` must not use the cache.
    pub fn get_or(&self, key: &[u8], compute: impl FnOnce() -> V) -> V {
        self.get(key).unwrap_or_else(|| {
            let value = compute();
            self.insert(key, value.clone());
            value
        })
    }

    /// The value of `key`, where it is known.
    pub fn get(&self, key: &[u8]) -> Option<V> {
        self.of(key, |Set(places)| {
            let at = places.iter().position(|place| place.as_ref().is_some_and(|kept| *kept.key == *key))?;
            if at > 0 {
                places.rotate_right(1);
            }
            places.first()?.as_ref().map(|kept| kept.value.clone())
        })
    }

    /// Keeps a value.
    pub fn insert(&self, key: &[u8], value: V) {
        self.of(key, |Set(places)| {
            places.rotate_right(1);
            let [newest, _] = places;
            *newest = Some(Box::new(Kept { key: key.into(), value }));
            Some(())
        });
    }

    fn of<T>(&self, key: &[u8], then: impl FnOnce(&mut Set<V>) -> Option<T>) -> Option<T> {
        let mut sets = self.sets.borrow_mut();
        let mut hasher = FxHasher::default();
        hasher.write(key);
        let last = sets.len().checked_sub(1)?;
        let set = sets.get_mut(usize::try_from(hasher.finish()).unwrap_or(usize::MAX) & last)?;
        then(set)
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sets.borrow().iter().map(|Set(places)| places.iter().flatten().count()).sum()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.sets.borrow_mut().iter_mut().for_each(|set| *set = Set([None, None]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_asked_for() {
        let recent = Recent::new(4);
        for round in 0_u32..100 {
            assert_eq!(recent.get_or(b"hot", || 0), 0);
            recent.get_or(&round.to_be_bytes(), || 1);
            assert!(recent.len() <= 8);
        }
        assert_eq!(recent.get_or(b"hot", || panic!("was forgotten")), 0);
        assert_eq!(recent.get_or(&1_u32.to_be_bytes(), || 2), 2, "the oldest went");
        recent.clear();
        assert!(recent.is_empty());
    }
}

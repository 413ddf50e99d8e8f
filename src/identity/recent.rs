//! A small bounded cache of one core: what was asked lately, by bytes; never decides whether a value still holds.

use std::cell::RefCell;
use std::collections::HashMap;

/// Keeps at most twice `half` values; those not asked for lately go first. For one core only.
#[derive(Debug)]
pub struct Recent<V> {
    generations: RefCell<Generations<V>>,
    half: usize,
}

#[derive(Debug)]
struct Generations<V> {
    young: HashMap<Box<[u8]>, V>,
    old: HashMap<Box<[u8]>, V>,
}

impl<V: Clone> Recent<V> {
    /// An empty cache of at most twice `half` values.
    #[must_use]
    pub fn new(half: usize) -> Self {
        Self { generations: RefCell::new(Generations { young: HashMap::new(), old: HashMap::new() }), half }
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
        let mut generations = self.generations.borrow_mut();
        if let Some(value) = generations.young.get(key) {
            return Some(value.clone());
        }
        let value = generations.old.remove(key)?;
        generations.keep(key, value.clone(), self.half);
        Some(value)
    }

    /// Keeps a value.
    pub fn insert(&self, key: &[u8], value: V) {
        self.generations.borrow_mut().keep(key, value, self.half);
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        let generations = self.generations.borrow();
        generations.young.len() + generations.old.len()
    }

    /// Whether nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        let mut generations = self.generations.borrow_mut();
        generations.young.clear();
        generations.old.clear();
    }
}

impl<V> Generations<V> {
    fn keep(&mut self, key: &[u8], value: V, half: usize) {
        if self.young.len() >= half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key.into(), value);
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
    }
}

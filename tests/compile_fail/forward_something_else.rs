//! The sealed trait cannot be implemented for anything else.
use scopegate::policy::{Forwardable, Parcel};

struct Anything;

impl Forwardable for Anything {
    fn parcel(&self) -> &Parcel {
        unreachable!()
    }
}

fn main() {}

//! What a permit owns is read, never written.
use scopegate::policy::{Forwardable, Permit};

fn redirect(permit: &Permit, other: &Permit) {
    permit.parcel().upstream = other.parcel().upstream.clone();
}

fn main() {}

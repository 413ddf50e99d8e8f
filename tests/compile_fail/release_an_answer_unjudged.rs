//! An answer that is held comes out only where it was judged, and the judgement is on record.
use scopegate::audit::Recorded;
use scopegate::upstream::{HeldAnswer, JudgedAnswer};

fn take(held: HeldAnswer<'_>) {
    let _ = held.answer;
}

fn unrecorded(judged: JudgedAnswer) {
    let _ = JudgedAnswer::release(judged);
}

fn unjudged(held: Recorded<HeldAnswer<'_>>) {
    let _ = JudgedAnswer::release(held);
}

fn main() {}

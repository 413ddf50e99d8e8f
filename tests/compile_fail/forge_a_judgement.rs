//! A judgement that permits comes out of `decide` only.
use scopegate::model::{Effect, Outcome, Reason};
use scopegate::policy::{Detail, Judgement};

fn main() {
    let mut judgement = Judgement::refused(Reason::NotGranted, Detail::None);
    judgement.outcome = Outcome::Permit;
    judgement.effect = Effect::None;
}

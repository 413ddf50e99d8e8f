//! `Recorded` comes out of the journal only.
use scopegate::audit::Recorded;
use scopegate::policy::Permit;

fn pretend(permit: Permit) -> Recorded<Permit> {
    Recorded(permit)
}

fn main() {}

//! Nobody outside of `policy` can put a permit together.
use scopegate::policy::Permit;

fn main() {
    let _ = Permit(unreachable!());
}

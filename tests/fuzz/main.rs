//! Differential fuzzing: whatever our readers accept, independent ones read the same way (hyper heads and bodies; `form_urlencoded`,
//! `multer`, `serde_json` and `roxmltree` parameters); says nothing about what ours refuses.
//!
//! `SCOPEGATE_FUZZ_CASES` sets the number of generated cases (a few thousand by default), `SCOPEGATE_FUZZ_SECONDS` lets each target go on
//! for so long instead, `SCOPEGATE_FUZZ_SEED` sets the first seed; `tests/fuzz.sh` is the long run. `SCOPEGATE_CORPORA` names a folder with third-party corpora (`smuggler/te_gadgets.json`, `llhttp/**.md`) that are
//! tried as well. A failure prints the seed and the bytes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)] // a test stops where it fails

mod answer;
mod corpus;
mod filter;
mod generate;
mod head;
mod page;
mod place;
mod request;
#[path = "../filter/support.rs"]
#[allow(dead_code, clippy::expect_used, clippy::unwrap_used, reason = "the tests of filters use the rest of it")]
mod support;

use generate::Random;
use std::time::{Duration, Instant};

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Calls `each` with the seeds of a run; gives how many there were.
fn cases(mut each: impl FnMut(u64, &mut Random)) -> u64 {
    let (count, first) = (from_env("SCOPEGATE_FUZZ_CASES", 4000), from_env("SCOPEGATE_FUZZ_SEED", 1));
    let (lasts, begun) = (Duration::from_secs(from_env("SCOPEGATE_FUZZ_SECONDS", 0)), Instant::now());
    let goes_on = |done: u64| if lasts.is_zero() { done < count } else { begun.elapsed() < lasts };
    (0..).take_while(|done| goes_on(*done)).map(|done| each(first + done, &mut Random::new(first + done))).count()
        as u64
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Runs futures on one core; time moves only when nobody has anything to do.
struct Core(tokio::runtime::Runtime);

impl Core {
    fn new() -> Self {
        Self(tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap())
    }

    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::task::LocalSet::new().block_on(&self.0, future)
    }
}

#[test]
fn requests_that_are_accepted_mean_the_same_to_hyper() {
    let (core, mut accepted, mut refused) = (Core::new(), 0, 0);
    cases(|seed, random| {
        let bytes = generate::requests(random);
        let split = random.below(64) + 1;
        match request::compare(&core, &bytes, split) {
            Ok(read) => (accepted, refused) = (accepted + read.accepted, refused + read.refused),
            Err(difference) => panic!("seed {seed}: {difference}\n{}", shown(&bytes)),
        }
    });
    println!("{accepted} requests accepted, {refused} refused");
    assert!(accepted > 100 && refused > 100, "the generator has lost its aim: {accepted} accepted, {refused} refused");
}

#[test]
fn answers_that_are_accepted_mean_the_same_to_hyper() {
    let (core, mut accepted, mut refused) = (Core::new(), 0, 0);
    cases(|seed, random| {
        let head_request = random.one_in(8);
        let bytes = generate::answer(random);
        let split = random.below(64) + 1;
        match answer::compare(&core, &bytes, head_request, split) {
            Ok(true) => accepted += 1,
            Ok(false) => refused += 1,
            Err(difference) => panic!("seed {seed}: {difference}\n{}", shown(&bytes)),
        }
    });
    println!("{accepted} answers accepted, {refused} refused");
    assert!(accepted > 100 && refused > 100, "the generator has lost its aim: {accepted} accepted, {refused} refused");
}

#[test]
fn what_is_left_of_an_odd_answer_is_what_the_person_may_see_however_it_comes() {
    let (mut passed, mut refused) = (0, 0);
    cases(|seed, random| match filter::compare(random) {
        Ok(true) => passed += 1,
        Ok(false) => refused += 1,
        Err((difference, bytes)) => panic!("seed {seed}: {difference}\n{}", shown(&bytes)),
    });
    println!("{passed} answers passed, {refused} refused");
    assert!(passed > 100 && refused > 100, "the generator has lost its aim: {passed} passed, {refused} refused");
}

#[test]
fn what_is_left_of_an_odd_page_shows_a_browser_nothing_that_is_hidden() {
    let (mut passed, mut refused) = (0, 0);
    cases(|seed, random| match page::compare(random) {
        Ok(true) => passed += 1,
        Ok(false) => refused += 1,
        Err((difference, page)) => panic!("seed {seed}: {difference}\n{page}"),
    });
    println!("{passed} pages passed, {refused} refused");
    assert!(passed > 100 && refused > 100, "the generator has lost its aim: {passed} passed, {refused} refused");
}

#[test]
fn known_gadgets_are_refused_or_mean_the_same_to_hyper() {
    let core = Core::new();
    for (name, bytes) in corpus::requests() {
        for split in [1, 7, 1 << 16] {
            if let Err(difference) = request::compare(&core, &bytes, split) {
                panic!("{name}: {difference}\n{}", shown(&bytes));
            }
        }
    }
    for (name, bytes) in corpus::answers() {
        for split in [1, 1 << 16] {
            if let Err(difference) = answer::compare(&core, &bytes, false, split) {
                panic!("{name}: {difference}\n{}", shown(&bytes));
            }
        }
    }
    for (name, line) in corpus::codings() {
        // the gadget smuggles when one side takes the length and the other one the coding
        for body in ["0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n"] {
            let mut bytes = b"POST /a HTTP/1.1\r\nHost: h\r\n".to_vec();
            let length =
                if name.starts_with('+') { format!("Content-Length: {}\r\n", body.len()) } else { String::new() };
            bytes.extend_from_slice(length.as_bytes());
            bytes.extend_from_slice(&line);
            bytes.extend_from_slice(b"\r\n\r\n");
            bytes.extend_from_slice(body.as_bytes());
            if let Err(difference) = request::compare(&core, &bytes, 1 << 16) {
                panic!("{name}: {difference}\n{}", shown(&bytes));
            }
            if name.starts_with('+') && request::smuggles(&core, &bytes) {
                panic!("{name}: the inner request was served\n{}", shown(&bytes));
            }
        }
    }
}

/// Parameters of one kind: whether they were accepted, or how readers differ.
type Compare<'a> = &'a dyn Fn(&mut Random) -> Result<bool, String>;

#[test]
fn parameters_that_are_accepted_mean_the_same_to_independent_readers() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let multipart = |random: &mut Random| place::multipart(random, &runtime);
    let kinds: [(&str, Compare<'_>); 9] = [
        ("path", &head::path),
        ("query and form", &place::form),
        ("header", &head::header),
        ("cookie", &place::cookie),
        ("multipart", &multipart),
        ("json", &place::json),
        ("xml", &place::xml),
        ("xml-rpc", &place::call),
        ("soap", &head::soap),
    ];
    let mut accepted = [0_u64; 9];
    let all = cases(|seed, _| {
        for ((kind, compare), accepted) in kinds.iter().zip(&mut accepted) {
            match compare(&mut Random::new(seed)) {
                Ok(yes) => *accepted += u64::from(yes),
                Err(difference) => panic!("{kind}, seed {seed}: {difference}"),
            }
        }
    });
    for ((kind, _), accepted) in kinds.iter().zip(accepted) {
        let refused = all - accepted;
        println!("{kind}: {accepted} accepted, {refused} refused");
        assert!(
            accepted > 100 && refused > 100,
            "the generator has lost its aim: {kind}: {accepted} accepted, {refused} refused"
        );
    }
}

//! Sends generated requests through a gateway and holds what the readers saw against what is on record as decided.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use scopegate::request::{Dialect, RawDialect};
use serde_json::Value;

use crate::generate;
use crate::launch::Kind;
use crate::random::Random;
use crate::seen::Seen;
use crate::spot::{self, Spot};
use crate::world::{HOST, KEY, World, relay};

/// What is tried: readers, and the dialect in which the gateway reads for them.
pub struct Subject {
    pub readers: Vec<Kind>,
    /// As rules spell it.
    pub dialect: String,
    pub spots: Vec<Spot>,
    /// The character set that the readers are told, where it is not theirs by default.
    pub charset: Option<&'static str>,
}

impl Subject {
    pub fn of(kind: Kind, dialect: &str) -> Self {
        Self { readers: vec![kind], dialect: dialect.to_owned(), spots: spot::spots(kind), charset: None }
    }

    fn upstream(&self) -> SocketAddr {
        match self.readers[..] {
            [one] => one.address(),
            _ => relay(),
        }
    }

    fn facts(&self) -> Dialect {
        serde_yaml::from_str::<RawDialect>(&self.dialect).unwrap().compile()
    }
}

/// How many requests ended how.
#[derive(Debug, Default)]
pub struct Tally {
    pub sent: usize,
    /// Refused by the gateway, by reason.
    pub refused: BTreeMap<String, usize>,
    /// Permitted, and refused by the reader.
    pub failed: usize,
    /// Permitted, read, and compared, by place.
    pub compared: BTreeMap<&'static str, usize>,
    /// Compared with a value that was there.
    pub valued: usize,
    pub differences: Vec<Difference>,
}

/// A reader saw something else than what was decided.
#[derive(Debug)]
pub struct Difference {
    pub seed: u64,
    pub reader: Kind,
    pub spot: String,
    pub accessor: String,
    pub decided: String,
    pub seen: String,
    pub request: String,
}

impl Difference {
    fn shown(&self) -> String {
        let Self { seed, reader, spot, accessor, decided, seen, request } = self;
        format!("{reader:?} {spot}, seed {seed}\n  decided: {decided}\n  {accessor}: {seen}\n  {request}")
    }
}

/// The number of requests: `SCOPEGATE_READER_CASES`, or so many.
pub fn count(otherwise: u64) -> u64 {
    std::env::var("SCOPEGATE_READER_CASES").ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Sends `count` requests and compares each that was permitted.
pub fn run(subject: &Subject, count: u64) -> Tally {
    let world = World::new(subject.upstream(), &subject.dialect, &spot::rules(&subject.spots));
    let mut client = world.client();
    let mut tally = Tally::default();
    let mut permitted = Vec::new();
    for seed in 1..=count {
        let mut random = Random::new(seed);
        let spot = subject.spots[random.below(subject.spots.len())];
        let case = generate::case(&mut random, &spot);
        let charset = subject.charset.map_or_else(String::new, |charset| format!("X-Read-Charset: {charset}\r\n"));
        let bytes = case.bytes(HOST, &format!("X-Api-Key: {KEY}\r\nX-Read: {}\r\n{charset}", spot.name));
        let answer = client.send(&bytes);
        tally.sent += 1;
        match (answer.reason, serde_json::from_slice::<Value>(&answer.body)) {
            (Some(reason), _) => *tally.refused.entry(reason).or_default() += 1,
            (None, Ok(seen)) if answer.status == 200 => permitted.push((seed, spot, bytes, seen)),
            _ => tally.failed += 1,
        }
    }
    let records = world.end();
    let facts = subject.facts();
    for (seed, spot, bytes, seen) in permitted {
        let seen = match seen {
            Value::Array(all) => all,
            one => vec![one],
        };
        for (reader, seen) in subject.readers.iter().zip(&seen).filter(|(_, seen)| seen.is_object()) {
            let record = &records[seen["id"].as_str().unwrap()];
            let decided = Decided::of(record);
            *tally.compared.entry(spot.place).or_default() += 1;
            tally.valued += usize::from(!matches!(&decided.values[..], [all] if all == "*"));
            for (accessor, seen) in differing(&decided, &spot, seen, &facts) {
                let decided = format!("{:?} at {}", decided.values, decided.target);
                let request = bytes.escape_ascii().to_string();
                let difference =
                    Difference { seed, reader: *reader, spot: spot.id(), accessor, decided, seen, request };
                tally.differences.push(difference);
            }
        }
    }
    tally
}

/// What is on record.
struct Decided {
    values: Vec<String>,
    target: String,
}

impl Decided {
    fn of(record: &Value) -> Self {
        let values = match &record["scope"]["warehouse"] {
            Value::String(one) => vec![one.clone()],
            Value::Array(many) => many.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
            _ => Vec::new(),
        };
        Self { values, target: record["target"].as_str().unwrap().to_owned() }
    }

    /// The path, decoded.
    fn path(&self) -> Vec<u8> {
        let path = self.target.split('?').next().unwrap();
        percent_encoding::percent_decode_str(path).collect()
    }
}

/// The accessors that gave something else than what was decided, and what they gave.
fn differing(decided: &Decided, spot: &Spot, told: &Value, facts: &Dialect) -> Vec<(String, String)> {
    let in_bytes = told["bytes"] == true;
    let charset = if spot.place == "query" { facts.query_charset } else { facts.charset };
    let expected: Vec<Vec<u8>> = decided
        .values
        .iter()
        .map(|value| match in_bytes {
            true => charset.encode(value).unwrap().into_owned(),
            false => value.clone().into_bytes(),
        })
        .collect();
    let mut differing = Vec::new();
    for accessor in told["seen"][spot.place].as_array().into_iter().flatten() {
        let seen = Seen::of(&accessor[1]);
        if !agrees(&expected, spot, &seen) {
            differing.push((accessor[0].as_str().unwrap().to_owned(), seen.shown()));
        }
    }
    let path = Seen::of(&told["path"]);
    if !matches!(&path, Seen::Text(path) if *path == decided.path()) {
        differing.push(("path".to_owned(), path.shown()));
    }
    differing
}

fn agrees(expected: &[Vec<u8>], spot: &Spot, seen: &Seen) -> bool {
    let is_one_of = |text: &Vec<u8>| expected.contains(text);
    match (expected, seen) {
        // how the record writes that there was none and that the person may see all of them
        ([all], Seen::Nothing) if all == b"*" => true,
        ([all], Seen::Text(text)) if all == b"*" => text.is_empty() || text == b"*",
        ([all], Seen::List(texts)) if all == b"*" => texts.iter().all(|text| text.is_empty() || text == b"*"),
        // an empty value counts as absent
        ([], Seen::Nothing) => true,
        ([], Seen::Text(text)) => text.is_empty(),
        ([], Seen::List(all)) => all.iter().all(Vec::is_empty),
        ([one], Seen::Text(text)) => text == one,
        // the record names each value of a list once
        (_, Seen::List(all)) if spot.list => all.iter().all(is_one_of) && expected.iter().all(|one| all.contains(one)),
        (_, Seen::List(all)) => all == expected,
        (_, Seen::Text(text)) if spot.list => is_one_of(text),
        // what is no text in JSON is none to the application either; the rule would give it a type
        (_, Seen::Other(_)) => spot.place == "json",
        _ => false,
    }
}

/// Fails where a reader saw something else, or where too little was compared for that to mean anything.
pub fn check(name: &str, tally: &Tally) {
    let compared: usize = tally.compared.values().sum();
    println!(
        "{name}: {} sent, {compared} compared ({} with a value), {} refused by the reader; {:?}; refused {:?}",
        tally.sent, tally.valued, tally.failed, tally.compared, tally.refused
    );
    let mut shown: BTreeMap<(String, String), (usize, &Difference)> = BTreeMap::new();
    for difference in &tally.differences {
        let key = (format!("{:?} {}", difference.reader, difference.spot), difference.accessor.clone());
        shown.entry(key).or_insert((0, difference)).0 += 1;
    }
    let all = std::env::var_os("SCOPEGATE_READER_SHOW").is_some();
    let told: Vec<String> = match all {
        true => tally.differences.iter().map(Difference::shown).collect(),
        false => shown.values().map(|(times, difference)| format!("{times} times: {}", difference.shown())).collect(),
    };
    assert!(told.is_empty(), "{} differences\n{}", tally.differences.len(), told.join("\n"));
    assert!(compared * 10 > tally.sent * 3, "the generator has lost its aim: {compared} of {} compared", tally.sent);
    assert!(
        tally.valued * 10 > tally.sent * 2,
        "the generator has lost its aim: {} of {} valued",
        tally.valued,
        tally.sent
    );
}

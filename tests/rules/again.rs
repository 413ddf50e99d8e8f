//! A load that takes over what the last one knew against a load from nothing: the same rules, the same people, the same words.

use super::{came_of, taken_over};
use proptest::prelude::*;
use scopegate::diagnostics::Report;
use scopegate::rules::load::{File, Loaded, load_files, load_files_again};
use scopegate::rules::{Before, People};
use std::path::Path;
use std::sync::Arc;

const HEADS: [&str; 12] = [
    "people:\n",
    "# everybody\npeople: # of us\n\n  # the first\n",
    "people:\n# nobody yet\n",
    "people: {\n",
    "people: {} # {\n",
    "people:\r\n",
    "\u{feff}people:\n",
    "--- |\npeople:\n",
    "%YAML 1.2\n---\npeople:\n",
    "people: &all\n",
    "others: {}\npeople:\n",
    "people: >\n",
];

/// Entries, and what only looks like one; `NAME` is a name. The first ones are sound.
const ENTRIES: [&str; 45] = [
    "  NAME: {}\n",
    "  NAME: {assignments: [{role: r, scope: {warehouse: [HF]}}]}\n",
    "  NAME: {assignments: [{role: q, scope: {warehouse: [W-NAME, SH]}}, {role: r, scope: {warehouse: all, shop: [X]}}]}\n",
    "  NAME:\n    title: |\n      two\n\n      # lines\n    assignments:\n    - role: r\n      scope: {warehouse: [SH, {below: EAST}]}\n",
    "  \"NAME\": {title: \"one\n      # two\"}\n",
    "  'NAME':\n    title: >-\n      folded\n\n      text\n\n\n",
    "  NAME: {title: plain\n      goes on, # remark\n    kind: service}\n",
    "  NAME:\n    title: plain\n      goes on\n  # a remark behind it\n# and another one\n",
    "  NAME: {api-keys: [{sha256: \"0000000000000000000000000000000000000000000000000000000000000001\"}]}\n",
    "  NAME: {password: \"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$Yo0KSNgqKzHFLQUBWoZzGbyqIZ2ENZWYkjEZSkNtWso\", frozen: true}\n",
    "  NAME:\n    title: |+\n      kept\n\n\n",
    "  NAME: {from: 2026-01-01T00:00:00Z, until: 2026-02-01T00:00:00Z} # for a month\n",
    "  # a remark\n",
    "\n",
    "# a remark in front\n",
    "      # a remark far behind\n",
    "  NAME: {assignments: [{id: own, role: s, scope: {shop: [X, Y]}}]}\n",
    "  NAME: {assignments: [{role: r, scope: {shop: [{below: X}]}}]}\n",
    "  NAME: {assignments: [{role: gone}]}\n",
    "  NAME: {assignments: [{role: r, scope: {shop: [Z]}}]}\n",
    "  NAME:\n",
    "  NAME\n",
    "  NAME: |\n      text\n",
    "  NAME: &one {}\n",
    "  NAME: !one {}\n",
    "  NAME: *one\n",
    "  NAME: {},\n",
    "  - NAME\n",
    "  ? NAME\n  : {}\n",
    "  NAME: {title: \"open\n",
    "  NAME: is\", kind: person}\n",
    "  NAME: {title: x,\n",
    "  kind: person}\n",
    "  <<: {}\n",
    "    NAME: {}\n",
    " NAME: {}\n",
    "NAME: {}\n",
    "\tNAME: {}\n",
    "...\n",
    "---\n",
    "%YAML 1.2\n",
    "  NAME: {}\r\n",
    "  NAME: {} # \r  other: {}\n",
    "\u{feff}\n",
    "\0\n",
];
const SOUND: usize = 18;
const NAMES: [&str; 8] = ["ann", "bob", "cas", "dan", "eve", "fay", "gus", "hal"];
const TAILS: [&str; 5] = ["", "", "}\n", "...\n", "# end"];

#[derive(Clone, Debug)]
struct State {
    head: usize,
    /// Entry and name.
    people: Vec<(usize, usize)>,
    tail: usize,
    ends: bool,
    /// The permissions that there are, and which of them change something.
    permissions: [u16; 2],
    /// By how much roles are turned, and how many there are.
    roles: (usize, usize),
    dimensions: usize,
    /// For each application the permissions that its routes ask for.
    apps: [u16; 3],
}

impl State {
    fn first() -> Self {
        let people = NAMES.iter().enumerate().map(|(at, _)| (at % 4, at)).collect();
        Self {
            head: 0,
            people,
            tail: 0,
            ends: true,
            permissions: [0x3f, 5],
            roles: (0, 4),
            dimensions: 0,
            apps: [1, 6, 9],
        }
    }

    fn files(&self) -> Vec<File> {
        let mut people = HEADS[self.head].to_owned();
        for (entry, name) in &self.people {
            people.push_str(&ENTRIES[*entry].replace("NAME", NAMES[*name]));
        }
        people.push_str(TAILS[self.tail]);
        if !self.ends {
            people.truncate(people.trim_end_matches('\n').len());
        }
        let bits = |of: u16| (0..10).filter(move |bit| of >> bit & 1 == 1);
        let [known, changes] = self.permissions;
        let effect = |bit: u16| if changes >> bit & 1 == 1 { "none" } else { "change" };
        let permissions: Vec<String> =
            bits(known).map(|bit| format!("p{bit}:view: {{effect: {}}}", effect(bit))).collect();
        let dimensions = [
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [X, Y]}",
            "warehouse: {title: Store, tree: {EAST: [HF, NJ]}}, shop: {title: Shop, values: [X, Y]}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [X, Y]}, customer: {}",
            "warehouse: {tree: {EAST: [HF]}}, shop: {values: [X, Y]}",
            "customer: {}, warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [X, Y]}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [Y, X]}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [X, Z]}",
            "warehouse: {values: [EAST, HF, NJ]}, shop: {values: [X, Y]}",
            "warehouse: {tree: {EAST: [HF], NJ: []}}, shop: {values: [X, Y]}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {tree: {X: [Y]}}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [X, Y], tree: {X: [Y]}}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [Z, X, Y], tree: {X: [Y, Z]}}",
            "warehouse: {tree: {EAST: [HF, NJ]}}, shop: {values: [X, Z, Y], tree: {X: [Y], ALL: [X, Z]}}",
            "warehouse: {tree: {SH: [NJ], EAST: [SH]}}, shop: {values: [X]}",
            "warehouse: {tree: {EAST: [W-ann, W-bob]}}, shop: {values: [Y, X, Z]}",
        ][self.dimensions];
        let (turn, count) = self.roles;
        let roles: Vec<String> = (0..count)
            .map(|at| ["q", "r", "s", "t"][(at + turn) % 4])
            .map(|role| {
                format!(
                    "{role}: {{permissions: [{}]}}",
                    bits(known & 0x15).map(|bit| format!("'p{bit}:view'")).collect::<Vec<_>>().join(", ")
                )
            })
            .collect();
        let roles = format!(
            "dimensions: {{{dimensions}}}\npermissions: {{{}}}\nroles: {{{}}}\n",
            permissions.join(", "),
            roles.join(", ")
        );
        let app = |number: usize| {
            let routes: String = bits(self.apps[number])
                .map(|bit| match bit % 3 {
                    0 => format!("  - {{id: r{bit}, match: GET /r{bit}, permission: 'p{bit}:view', scope: {{warehouse: {{query: w}}}}}}\n"),
                    1 => format!("  - {{id: r{bit}, match: GET /r{bit}, operation: {{by: {{query: do}}, cases: {{a: 'p{bit}:view', b: 'p0:view'}}}}, scope: {{shop: ignored}}}}\n"),
                    _ => format!("  - {{id: r{bit}, match: GET /r{bit}, permission: 'p{bit}:view', answer: {{json: {{mask: [{{fields: [/cost], unless: 'p1:view'}}]}}}}}}\n"),
                })
                .collect();
            let text = format!(
                "app: a{number}\nhosts: a{number}.test\nupstream: {{url: \"http://127.0.0.1:1\"}}\nidentity: {{}}\nroutes:\n{routes}"
            );
            File { name: format!("a{number}.yaml"), text }
        };
        let file = |name: &str, text: String| File { name: name.to_owned(), text };
        vec![app(0), app(1), app(2), file("people.yaml", people), file("roles.yaml", roles)]
    }

    fn edited(&self, (what, at, to): (u8, usize, usize)) -> Self {
        let mut state = self.clone();
        let place = at % (state.people.len() + 1);
        let name = to / 64 % NAMES.len();
        // now and then something faulty
        let entry = if to % 64 < 56 { to % SOUND } else { at / 7 % ENTRIES.len() };
        match what {
            0..=2 => state.people.insert(place, (entry, name)),
            3..=6 => state.people.get_mut(place).into_iter().for_each(|old| old.0 = entry),
            7..=9 if place < state.people.len() => drop(state.people.remove(place)),
            10 if place < state.people.len() => {
                let moved = state.people.remove(place);
                state.people.insert(to % (state.people.len() + 1), moved);
            }
            11 => state.head = if to % 4 > 0 { to % 3 } else { to / 4 % HEADS.len() },
            12 => state.tail = to % TAILS.len(),
            13 => state.ends = !state.ends,
            14 | 15 => state.permissions[0] ^= 1 << (to % 10),
            16 => state.permissions[1] ^= 1 << (to % 10),
            17 => state.roles = (to % 4, 4 - usize::from(at % 5 == 0)),
            18 => state.dimensions = to % 15,
            _ => state.apps[at % 3] ^= 1 << (to % 10),
        }
        state
    }
}

/// Loads the state after what `before` holds, and from nothing; both must come to the same.
fn both(files: &[File], before: &mut Before, note: &str) -> Result<Loaded, ()> {
    let known = load_files_again(files, Path::new(""), 7, before, Report::new());
    let fresh = load_files(files, Path::new(""), Report::new());
    let known_came = came_of(&known);
    assert_eq!(known_came, came_of(&fresh), "{note}\n{files:#?}");
    known.map_err(drop)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn people_entry_by_entry_come_to_the_same(edits in prop::collection::vec((0_u8..21, 0_usize..1000, 0_usize..1024), 1..24)) {
        let mut before = Before::default();
        let mut state = State::first();
        both(&state.files(), &mut before, "at first").unwrap();
        for edit in edits {
            let next = state.edited(edit);
            if both(&next.files(), &mut before, &format!("{edit:?}")).is_ok() {
                state = next;
            }
        }
    }
}

const ROLES: &str =
    "dimensions: {warehouse: {}}\npermissions: {p:view: {effect: none}}\nroles: {r: {permissions: ['p:view']}}\n";

fn with_people(texts: &[&str]) -> Vec<File> {
    let app = "app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\nidentity: {}\nroutes:\n  - {id: p, match: GET /p, permission: 'p:view', scope: {warehouse: {query: w}}}\n";
    let mut files = vec![
        File { name: "a.yaml".to_owned(), text: app.to_owned() },
        File { name: "roles.yaml".to_owned(), text: ROLES.to_owned() },
    ];
    for (at, text) in texts.iter().enumerate() {
        files.push(File { name: format!("{at}/people.yaml"), text: (*text).to_owned() });
    }
    files
}

/// Loads one people file after another; gives how many entries the second load took over, or that there were faults.
fn taken(first: &[&str], second: &[&str]) -> Option<usize> {
    let mut before = Before::default();
    let first = both(&with_people(first), &mut before, "first").unwrap();
    let second = both(&with_people(second), &mut before, "second").ok()?;
    Some(taken_over(&first.people, &second.people))
}

#[test]
fn only_entries_whose_text_is_new_and_the_last_one_are_read() {
    let old = "people:\n  a: {}\n  b: {}\n  c: {}\n  d: {}\n  e: {}\n";
    for (new, count) in [
        ("people:\n  a: {}\n  b: {title: B}\n  c: {}\n  d: {}\n  e: {}\n", 3),
        ("# remark\npeople: # remark\n\n  a: {}\n  b: {}\n  c: {}\n  d: {}\n  e: {}\n", 4),
        ("people:\n  d: {}\n  c: {}\n  f: {}\n  b: {}\n  a: {}\n", 3),
        ("people:\n  a: {}\n  c: {}\n  d: {}\n", 2),
        ("people:\n  a: {}\n\n  b: {} # remark\n  c: {}\n  d: {}\n  f: {}\n", 2),
        ("people:\n   a: {}\n   b: {}\n   c: {}\n   d: {}\n   e: {}\n", 0),
        ("people: {\n  a: {},\n  b: {}}\n", 0),
    ] {
        assert_eq!(taken(&[old], &[new]), Some(count), "{new}");
    }
}

#[test]
fn an_entry_that_is_taken_over_means_what_it_would_where_it_stands() {
    for (old, new) in [
        // a comma is right between braces and wrong without
        ("people: {\n  a: {},\n  b: {},\n  c: {}}\n", "people:\n  a: {},\n  b: {},\n  c: {}\n"),
        ("people:\n  {a: {},\n  b: {},\n  c: {}}\n", "people:\n  b: {},\n  c: {}\n"),
        // as many names as lines that look like entries, but not in them
        (
            "people:\n  a: {title: \"\n  x\"} # \r  b: {}\n  c: {}\n  d: {}\n",
            "people:\n  a: {title: \"\n  y: {}\n  c: {title: \"}\"}\n  d: {}\n",
        ),
        // what ends the document stands behind the last entry only
        ("people:\n  a: {}\n  b: {}\n...\n", "people:\n  a: {}\n  b: {}\n...\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {title: B}\n...\n  c: {}\n"),
        // what looked like three entries was one, and is three
        (
            "people:\n  a: {title: \"\n  b: {}\n  c: {}\"}\n  d: {}\n",
            "people:\n  a: {title: \"\n  x: {}\"}\n  b: {}\n  d: {}\n",
        ),
        // the name again, in another spelling
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {}\n  \"a\": {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {}\n  a: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {}\n  c: {}\n  \"b\": {}\n"),
        // what ends a block scalar, and the file
        (
            "people:\n  a: {title: x}\n  b:\n    title: |+\n      x\n\n  c: {}\n",
            "people:\n  a: {title: x}\n  b:\n    title: |+\n      x\n\n",
        ),
        (
            "people:\n  a: {}\n  b:\n    title: |+\n      x\n    ",
            "people:\n  a: {}\n  b:\n    title: |+\n      x\n    \n  c: {}\n",
        ),
        // a key without a value takes what stands below it
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b:\n  - x\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  ? b\n  : {}\n  c: {}\n"),
        // what the head makes of it
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "others: {}\npeople:\n  a: {}\n  b: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people: &all\n  a: {}\n  b: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people: |\n  a: {}\n  b: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "--- |\npeople:\n  a: {}\n  b: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "x: |\n  people:\npeople:\n  a: {}\n  b: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {}\n  c: {}\npeople:\n  a: {}\n  d: {}\n"),
        // a line break that ends no line
        ("people:\n  a: {}\n  b: {} # \r  d: {}\n  c: {}\n", "people:\n  b: {} # \r  d: {}\n  a: {}\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {title: B} # \r  a: {}\n  c: {}\n"),
        ("people:\r\n  a: {}\r\n  b: {}\r\n  c: {}\r\n", "people:\r\n  b: {}\r\n  a: {}\r\n  d: {}\r\n"),
        // a character that is nothing inside of a text
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n  b: {} # \0\n  c: {}\n"),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n", "people:\n  a: {}\n\u{feff}  b: {}\n  c: {}\n"),
        // faults are told at their places, however much is taken over
        (
            "people:\n  a: {}\n  b: {}\n  c: {}\n  d: {}\n",
            "people:\n  a: {}\n\n\n  b: {}\n  c: {assignments: [{role: x}]}\n  d: {}\n",
        ),
        ("people:\n  a: {}\n  b: {}\n  c: {}\n  d: {}\n", "people:\n  a: {}\n\n\n  b: {}\n  c: {titel: C}\n  d: {}\n"),
    ] {
        taken(&[old], &[new]);
    }
}

#[test]
fn whoever_has_a_group_is_read_again_when_it_changes() {
    let mut before = Before::default();
    let mut load = |values: &str, tree: &str, people: &str| {
        let mut files = with_people(&[people]);
        files[1].text = ROLES.replace("warehouse: {}", &format!("warehouse: {{values: [{values}], tree: {{{tree}}}}}"));
        both(&files, &mut before, tree).unwrap()
    };
    let has = |name: &str, scope: &str| {
        format!("  {name}: {{assignments: [{{role: r, scope: {{warehouse: [{scope}]}}}}]}}\n")
    };
    let [a, b, c, d] = [("a", "{below: EAST}"), ("b", "HF"), ("c", "SH, {below: WEST}"), ("d", "EAST")]
        .map(|(name, scope)| has(name, scope));
    let e = "  e: {}\n";
    let people = format!("people:\n{a}{b}{c}{d}{e}");
    let mut last = load("HF, SH, NJ", "EAST: [HF], WEST: [SH]", &people);
    // somebody else in front, by which everybody has another place
    let moved = format!("people:\n  f: {{}}\n{d}{c}{b}{a}{e}");
    for (values, tree, people, count) in [
        ("W9, HF, SH, NJ", "EAST: [HF, NJ], WEST: [SH]", &people, 3),
        ("W9, HF, SH, NJ", "EAST: [HF, NJ], WEST: [SH]", &moved, 4),
        ("W9, HF, SH, NJ", "EAST: [HF, NJ], WEST: [SH, W9]", &moved, 4),
        ("W9, HF, SH, NJ", "EAST: [HF], WEST: [SH, W9], ALL: [EAST, WEST]", &moved, 4),
        ("W9, HF, SH, NJ", "EAST: [HF], WEST: [SH, W9], NJ: [W9], ALL: [EAST, WEST, NJ]", &moved, 5),
        ("W9, HF, SH, NJ, W8", "EAST: [HF, W8], WEST: [SH, W9, W8], NJ: [W9], ALL: [EAST, WEST, NJ]", &moved, 3),
    ] {
        let next = load(values, tree, people);
        assert_eq!(taken_over(&last.people, &next.people), count, "{tree}");
        last = next;
    }
}

#[test]
fn whoever_has_a_group_of_an_open_dimension_is_read_again_when_it_changes() {
    let mut before = Before::default();
    let mut load = |tree: &str, people: &str| {
        let mut files = with_people(&[people]);
        files[1].text = ROLES.replace("warehouse: {}", &format!("warehouse: {{tree: {{{tree}}}}}"));
        both(&files, &mut before, tree).unwrap()
    };
    let has = |name: &str, scope: &str| {
        format!("  {name}: {{assignments: [{{role: r, scope: {{warehouse: [{scope}]}}}}]}}\n")
    };
    let people = [("a", "{below: EAST}"), ("b", "W7"), ("c", "SH, {below: W7}"), ("d", "EAST, W8"), ("e", "HF")]
        .map(|(name, scope)| has(name, scope));
    let people = format!("people:\n{}  f: {{}}\n", people.concat());
    let mut last = load("EAST: [HF]", &people);
    for (tree, count) in [
        ("EAST: [HF, SH]", 4),
        // a value that somebody has, and one that nobody has
        ("EAST: [HF, W7], NORTH: [W9]", 4),
        // what was a value becomes a group
        ("EAST: [HF, W7], W7: [W8, W1]", 3),
        ("NORTH: [W9], W7: [W8, W1]", 4),
        ("W7: [W1, W8], NORTH: [W9]", 6),
    ] {
        let next = load(tree, &people);
        assert_eq!(taken_over(&last.people, &next.people), count, "{tree}");
        last = next;
    }
}

#[test]
fn a_value_that_is_no_more_is_found_with_whoever_has_it() {
    let mut before = Before::default();
    let has = |name: &str, scope: &str| {
        format!("  {name}: {{assignments: [{{role: r, scope: {{warehouse: [{scope}]}}}}]}}\n")
    };
    let all = |b: &str| {
        let others = [has("c", "SH, NJ"), has("d", "{below: EAST}"), "  e: {}\n".to_owned()];
        format!("people:\n{}{}{}", has("a", "HF"), has("b", b), others.concat())
    };
    let mut load = |values: &str, people: &str| {
        let mut files = with_people(&[people]);
        files[1].text =
            ROLES.replace("warehouse: {}", &format!("warehouse: {{values: [{values}], tree: {{EAST: [HF]}}}}"));
        both(&files, &mut before, values)
    };
    let mut last = load("HF, SH, NJ, W1, W2", &all("SH, W1")).unwrap();
    // somebody has what would be gone
    assert!(load("HF, SH, NJ, W2", &all("SH, W1")).is_err());
    assert!(load("HF, SH, W1, W2", &all("SH, W1")).is_err());
    for (values, b, count) in [
        // nobody has it
        ("HF, SH, NJ, W1", "SH, W1", 4),
        // who had it has something else
        ("HF, SH, NJ", "SH", 3),
        // another in its place, by which it has another number
        ("W3, HF, SH, NJ", "W3", 3),
        // the same again
        ("HF, SH, NJ, W1", "W1", 3),
        ("W1, NJ, SH, HF, W2", "W1", 5),
        // more are gone than are left
        ("HF, SH, NJ", "SH", 3),
        ("HF, SH, NJ, V1, V2, V3, V4, V5", "V5", 3),
        ("HF, SH, NJ", "NJ", 0),
        ("HF, SH, NJ, V1", "V1", 3),
    ] {
        let next = load(values, &all(b)).unwrap();
        assert_eq!(taken_over(&last.people, &next.people), count, "{values}");
        last = next;
    }
}

#[test]
fn a_name_or_a_key_that_two_have_is_found_across_files_and_loads() {
    let key = |name: &str, last: u8| format!("  {name}: {{api-keys: [{{sha256: \"{:0>64}\"}}]}}\n", last);
    let file = |entries: &[String]| format!("people:\n{}", entries.concat());
    let plain = |name: &str| format!("  {name}: {{}}\n");
    let old = file(&[key("a", 1), plain("b"), key("c", 2), plain("d")]);
    for (new, count) in [
        (file(&[key("a", 1), key("b", 2), key("c", 2), plain("d")]), None),
        (file(&[key("a", 1), plain("b"), key("c", 2), key("d", 1)]), None),
        (file(&[key("c", 2), plain("b"), key("a", 3), key("d", 1)]), Some(2)),
    ] {
        assert_eq!(taken(&[&old], &[&new]), count, "{new}");
    }
    let other = file(&[plain("e"), plain("f"), plain("g")]);
    assert_eq!(taken(&[&old, &other], &[&old, &file(&[plain("e"), plain("b"), plain("g")])]), None);
    // an entry may go from one file to the other
    assert_eq!(
        taken(
            &[&old, &other],
            &[&file(&[plain("e"), key("a", 1), plain("d")]), &file(&[plain("f"), key("c", 2), plain("b")])]
        ),
        Some(4)
    );
    // a file of one entry, of none, and in another form
    assert_eq!(taken(&[&old, &other], &[&old, "people:\n  z: {}\n"]), Some(3));
    assert_eq!(taken(&[&old, &other], &[&old, "people: {z: {}}\n"]), Some(0));
}

#[test]
fn a_dimension_that_is_opened_or_closed_is_not_the_same_though_its_values_are() {
    let mut before = Before::default();
    for values in ["values: [X, Y], ", "", "values: [X, Y], "] {
        let mut files = with_people(&["people:\n  a: {assignments: [{role: r, scope: {warehouse: X}}]}\n  b: {}\n"]);
        files[1].text = ROLES.replace("warehouse: {}", &format!("warehouse: {{{values}tree: {{X: [Y]}}}}"));
        both(&files, &mut before, values).unwrap();
    }
}

#[test]
fn values_that_nobody_has_any_more_go_in_time() {
    let mut before = Before::default();
    let people = |of: usize| {
        format!("people:\n  a: {{}}\n  b: {{assignments: [{{role: r, scope: {{warehouse: W{of}}}}}]}}\n  c: {{}}\n")
    };
    let mut known = 0;
    for of in 0..1200 {
        let loaded =
            load_files_again(&with_people(&[&people(of)]), Path::new(""), 1, &mut before, Report::new()).unwrap();
        let values = loaded.set.catalog.dimensions[0].values().count();
        known = known.max(values);
        assert!(values <= of + 1);
    }
    assert!((2..=1000).contains(&known), "{known}");
}

#[test]
fn people_who_are_read_in_part_have_the_next_number() {
    let mut before = Before::default();
    let mut load = |text: &str, sequence: u64| -> Arc<People> {
        load_files_again(&with_people(&[text]), Path::new(""), sequence, &mut before, Report::new()).unwrap().people
    };
    let text = "people:\n  a: {}\n  b: {}\n  c: {}\n";
    assert_eq!(load(text, 5).sequence, 5);
    assert_eq!(load(text, 6).sequence, 5);
    assert_eq!(load(&text.replace("b: {}", "b: {title: B}"), 7).sequence, 7);
    assert_eq!(load(&format!("# remark\n{text}"), 8).sequence, 8);
}

//! Golden diagnostics: each folder of `tests/rules` is a set of rule files and what is said about it, word for word.
//!
//! `SCOPEGATE_BLESS=1 cargo test --test rules` writes what is said now; read the difference before you commit it.
//! A folder without `roles.yaml` or `people.yaml` takes those of `tests/rules/_base`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::field_reassign_with_default,
    reason = "what stops here fails by stopping"
)]

use scopegate::diagnostics::{Report, Style};
use scopegate::rules::load::{File, Loaded, load_files, load_files_again};
use scopegate::rules::{Before, People, PermissionId, PermissionSet, Subject, ValueId};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[path = "rules/again.rs"]
mod again;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.retain(|folder| folder.is_dir() && !folder.ends_with("_base"));
    folders.sort();
    folders
}

fn files(folder: &Path) -> Vec<File> {
    let mut files = Vec::new();
    for folder in [folder, &folder.with_file_name("_base")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.ends_with(".yaml") && !files.iter().any(|file: &File| file.name == name) {
                files.push(File { name, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

fn said(folder: &Path) -> String {
    let report = match load_files(&files(folder), Path::new("rules"), Report::new()) {
        Ok(loaded) => loaded.lints,
        Err(report) => report,
    };
    let text = report.render(Style::Human { colour: false });
    if text.is_empty() { "nothing is wrong\n".to_owned() } else { text }
}

#[test]
fn each_fault_is_told_in_the_same_words_as_before() {
    let bless = std::env::var_os("SCOPEGATE_BLESS").is_some();
    let mut wrong = Vec::new();
    for folder in folders() {
        let (said, golden) = (said(&folder), folder.join("expected.txt"));
        if bless {
            fs::write(&golden, &said).unwrap();
        } else if fs::read_to_string(&golden).unwrap_or_default() != said {
            wrong.push(format!("{}\n{said}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "said something else in {} folders:\n\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn each_kind_of_fault_has_a_folder() {
    assert!(folders().len() >= 40, "{} folders", folders().len());
}

#[test]
fn each_place_points_at_the_text_that_is_meant() {
    for folder in folders() {
        let files = files(&folder);
        let report = match load_files(&files, Path::new("rules"), Report::new()) {
            Ok(loaded) => loaded.lints,
            Err(report) => report,
        };
        for found in report.found() {
            let place = &found.place;
            let Some(file) = files.iter().find(|file| file.name == *place.file) else { continue };
            let line = file.text.lines().nth(place.line as usize - 1);
            let line = line.unwrap_or_else(|| panic!("{}: {place} lies behind the end", folder.display()));
            assert!(
                (place.column as usize) <= line.chars().count() + 1,
                "{}: {place} lies behind the end of its line",
                folder.display()
            );
        }
    }
}

#[test]
fn the_revision_follows_the_contents_and_not_the_folder() {
    let file = |name: &str, text: &str| File { name: name.to_owned(), text: text.to_owned() };
    let app = "app: a\nhosts: a.test\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n  - {id: r, match: GET /, public: true}\n";
    let revision = |files: &[File]| load_files(files, Path::new(""), Report::new()).unwrap().set.revision.to_string();
    let first = revision(&[file("x/a.yaml", app)]);
    assert_eq!(first.len(), 12);
    assert_eq!(first, revision(&[file("y/a.yaml", app)]));
    assert_ne!(first, revision(&[file("x/a.yaml", &app.replace("id: r", "id: s"))]));
    assert_ne!(first, revision(&[file("x/b.yaml", app)]));
}

/// The files of one state, by number: each of them in one of its variants.
fn variant(number: usize) -> Vec<File> {
    let roles = [
        "dimensions: {warehouse: {}}\npermissions: {b:view: {effect: none}}\nroles: {r: {permissions: ['b:view']}}\n",
        "dimensions: {shop: {}, warehouse: {}}\npermissions: {a:view: {}, b:view: {effect: none}}\nroles: {q: {permissions: ['a:view']}, r: {permissions: ['b:view']}}\n",
        "dimensions: {warehouse: {values: [HF, SH, W1]}}\npermissions: {b:view: {}}\nroles: {r: {permissions: ['b:view']}}\n",
        // as the first one, but for what a role grants, for titles, for a role, for the tree, for a permission more
        "dimensions: {warehouse: {}}\npermissions: {b:view: {effect: none}}\nroles: {r: {permissions: []}}\n",
        "dimensions: {warehouse: {title: Store}}\npermissions: {b:view: {effect: none, title: Look}}\nroles: {r: {title: Clerk, permissions: ['b:view']}}\n",
        "dimensions: {warehouse: {}}\npermissions: {b:view: {effect: none}}\nroles: {q: {permissions: []}, r: {permissions: ['b:view']}}\n",
        "dimensions: {warehouse: {tree: {HF: [SH]}}}\npermissions: {b:view: {effect: none}}\nroles: {r: {permissions: ['b:view']}}\n",
        "dimensions: {warehouse: {}}\npermissions: {b:view: {effect: none}, c:view: {}}\nroles: {r: {permissions: ['b:view', 'c:view']}}\n",
        // as the third one, but for a value in front, a group, a group with one more
        "dimensions: {warehouse: {values: [W0, HF, SH, W1]}}\npermissions: {b:view: {}}\nroles: {r: {permissions: ['b:view']}}\n",
        "dimensions: {warehouse: {values: [HF, SH, W1], tree: {EAST: [HF]}}}\npermissions: {b:view: {}}\nroles: {r: {permissions: ['b:view']}}\n",
        "dimensions: {warehouse: {values: [HF, W2, SH, W1], tree: {EAST: [W2, HF]}}}\npermissions: {b:view: {}}\nroles: {r: {permissions: ['b:view']}}\n",
    ];
    let people = [
        "people:\n  one: {assignments: [{role: r, scope: {warehouse: [HF]}}]}\n",
        "people:\n  two: {assignments: [{role: r, scope: {warehouse: [SH, HF]}}]}\n  one: {assignments: [{role: r, scope: {warehouse: all}}]}\n",
        "people:\n  one: {assignments: [{role: nobody}]}\n",
        "people:\n  one: {assignments: [{role: r, scope: {warehouse: [{below: EAST}, W1]}}]}\n",
    ];
    let head = |name: &str, host: &str| {
        format!("app: {name}\nhosts: {host}\nupstream: {{url: \"http://127.0.0.1:1\"}}\nidentity: {{}}\nroutes:\n")
    };
    let scoped = "  - {id: list, match: GET /list, permission: 'b:view', scope: {warehouse: {query: warehouse}}, params: {page: int}}\n";
    let first = [
        head("first", "a.test") + scoped,
        head("first", "a.test")
            + scoped
            + "  - {id: more, match: GET /more, permission: 'b:view', scope: {warehouse: ignored}}\n",
        head("first", "b.test") + scoped,
        head("first", "a.test") + "  - {id: list, match: GET /list, permission: 'c:view'}\n",
    ];
    let second = [head("second", "b.test") + scoped, head("first", "c.test") + scoped, String::new()];
    let tests = [
        "now: 2026-01-01T00:00:00Z\ntests: []\n",
        "people: {three: {assignments: [{role: r, scope: {warehouse: [W1]}}]}}\ntests: []\n",
    ];
    let mut rest = number;
    let mut pick = |count: usize| {
        let at = rest % count;
        rest /= count;
        at
    };
    let texts = [
        ("first.yaml", first[pick(4)].clone()),
        ("people.yaml", people[pick(4)].to_owned()),
        ("roles.yaml", roles[pick(11)].to_owned()),
        ("second.yaml", second[pick(3)].clone()),
        ("some_test.yaml", tests[pick(2)].to_owned()),
    ];
    let texts = texts.into_iter().filter(|(_, text)| !text.is_empty());
    texts.map(|(name, text)| File { name: name.to_owned(), text }).collect()
}

/// Everything that comes of a load in words, since numbers depend on what was loaded before; but for the sequence number of people.
fn came_of(loaded: &Result<Loaded, Report>) -> String {
    let Loaded { set, people, suites, lints } = match loaded {
        Ok(loaded) => loaded,
        Err(report) => return report.render(Style::Plain),
    };
    let mut words = format!("{}\n{}", set.revision, lints.render(Style::Plain));
    for (_, permission) in set.catalog.permissions() {
        writeln!(words, "{permission:?}").unwrap();
    }
    let granted = |set: &PermissionSet| {
        let granted = set.iter().map(|id| set_name(loaded.as_ref().unwrap(), id));
        granted.collect::<BTreeSet<_>>()
    };
    for role in &set.catalog.roles {
        writeln!(words, "{} {:?} {:?} {:?}", role.name, role.title, role.contact, granted(&role.permissions)).unwrap();
    }
    for dimension in &set.catalog.dimensions {
        writeln!(words, "{} {:?} {}", dimension.name, dimension.title, dimension.closed).unwrap();
        let mut values: Vec<ValueId> = dimension.values().filter_map(|value| dimension.value_id(value)).collect();
        values.sort_by_key(|value| dimension.rank(*value));
        // an open one may still have values that nobody has any more, and that the tree had
        for value in values.into_iter().filter(|&value| dimension.closed || dimension.is_group(value)) {
            let below = dimension.below(value).iter().map(|below| dimension.value(*below)).collect::<BTreeSet<_>>();
            writeln!(words, "  {} {below:?}", dimension.value(value)).unwrap();
        }
    }
    for app in &set.apps {
        // an identity chain has a number of its own each time
        let text = format!("{:?}", (&app.name, &app.hosts, &app.routes, app.mode, &app.secrets));
        let mut rest = text.as_str();
        while let Some((text, (number, behind))) =
            rest.split_once("PermissionId(").and_then(|(text, behind)| Some((text, behind.split_once(')')?)))
        {
            words.push_str(text);
            words.push_str(set_name(loaded.as_ref().unwrap(), PermissionId(number.parse().unwrap())));
            rest = behind;
        }
        writeln!(words, "{rest}").unwrap();
    }
    let hosts = ["a.test", "b.test", "c.test"].map(|host| set.app_for_host(host).map(|app| &app.name));
    writeln!(words, "{hosts:?} {}", suites.len()).unwrap();
    for subject in people.iter() {
        let Subject { id, kind, title, status, from, until, assignments } = subject;
        let at = people.named(id.as_str()).map(|found| std::ptr::eq(found, subject));
        let password = people.password_hash(id);
        writeln!(words, "{id:?} {kind:?} {title:?} {status:?} {from:?} {until:?} {at:?} {password:?}").unwrap();
        for assignment in assignments {
            let role = set.catalog.role(assignment.role).map(|role| &role.name);
            write!(words, "  {} {role:?} {:?} {:?}", assignment.id, assignment.from, assignment.until).unwrap();
            for (dimension, values) in assignment.scope.limits() {
                let dimension = set.catalog.dimension(*dimension).unwrap();
                let mut values = values.values().map(<[_]>::to_vec);
                values.iter_mut().for_each(|values| values.sort_by_key(|value| dimension.rank(*value)));
                let texts =
                    values.map(|values| values.into_iter().map(|value| dimension.value(value)).collect::<Vec<_>>());
                write!(words, " {}: {texts:?}", dimension.name).unwrap();
            }
            words.push('\n');
        }
    }
    for last in 0..4 {
        let mut key = [0; 32];
        key[31] = last;
        writeln!(words, "{:?}", people.api_key_owner(&key)).unwrap();
    }
    words
}

fn set_name(loaded: &Loaded, id: PermissionId) -> &str {
    loaded.set.catalog.permission(id).map_or("gone", |permission| permission.name.as_str())
}

/// How many of the people were copied from the earlier ones.
fn taken_over(before: &People, after: &People) -> usize {
    let copied = |subject: &&Subject| {
        let old = before.named(subject.id.as_str());
        old.is_some_and(|old| std::ptr::eq(old.id.as_str(), subject.id.as_str()))
    };
    after.iter().filter(copied).count()
}

#[test]
fn a_load_that_takes_over_what_it_knows_comes_to_the_same() {
    let mut before = Before::default();
    let (mut sound, mut faulty) = (0, 0);
    let all = 4 * 4 * 11 * 3 * 2;
    let mut number = 0;
    for step in 0..1000 {
        // sometimes one file changes, sometimes several
        number = (number + [1, 4, 16, 176, 528, 7, 131][step % 7] * (1 + step % 3)) % all;
        let files = variant(number);
        let known = load_files_again(&files, Path::new(""), 1, &mut before, Report::new());
        let fresh = load_files(&files, Path::new(""), Report::new());
        if fresh.is_ok() {
            sound += 1
        } else {
            faulty += 1
        }
        assert_eq!(came_of(&known), came_of(&fresh), "state {number} at step {step}");
    }
    assert!(sound > 50 && faulty > 50, "{sound} sound, {faulty} faulty");
}

#[test]
fn what_did_not_change_is_taken_over_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("shared"), "0123456789abcdef0123456789abcdef").unwrap();
    let jwt = "{jwt: {keys: {secret: shared}, algorithms: HS256, issuer: i, audience: a}}";
    let mut files = variant(0);
    files[0].text = files[0].text.replace("identity: {}", &format!("identity: {jwt}"));
    let mut before = Before::default();
    let mut load = |files: &[File]| load_files_again(files, folder.path(), 1, &mut before, Report::new()).unwrap();
    let first = load(&files);
    let app = |loaded: &Loaded, name: &str| Arc::clone(loaded.set.app(name).unwrap());
    let same = |a: &Loaded, b: &Loaded| ["first", "second"].map(|name| Arc::ptr_eq(&app(a, name), &app(b, name)));
    let second = load(&files);
    assert_eq!((same(&first, &second), Arc::ptr_eq(&first.people, &second.people)), ([true; 2], true));
    fs::write(folder.path().join("shared"), "another secret, as long as the first").unwrap();
    let third = load(&files);
    assert_eq!((same(&second, &third), Arc::ptr_eq(&second.people, &third.people)), ([false, true], true));
    assert_ne!(second.set.revision, third.set.revision);
    files[1].text = variant(4)[1].text.clone();
    let fourth = load(&files);
    assert_eq!((same(&third, &fourth), Arc::ptr_eq(&third.people, &fourth.people)), ([true; 2], false));
    let mut under = |roles: &str, (apps, people): (bool, bool), before: Loaded| {
        files[2].text = roles.to_owned();
        let after = load(&files);
        let taken = (same(&before, &after), Arc::ptr_eq(&before.people, &after.people));
        assert_eq!(taken, ([apps; 2], people), "{roles}");
        after
    };
    let roles = |dimensions: &str, effect: &str, roles: &str| {
        format!("dimensions: {dimensions}\npermissions: {{b:view: {{effect: {effect}}}}}\nroles: {roles}\n")
    };
    let (open, granted) = ("{warehouse: {}}", "{r: {permissions: ['b:view']}}");
    let next = under(&roles(open, "none", granted), (true, true), fourth);
    let next = under(&roles(open, "none", "{r: {permissions: []}}"), (true, true), next);
    let next = under(&roles("{warehouse: {title: Store}}", "none", granted), (true, true), next);
    let next = under(&roles(open, "none", "{q: {permissions: []}, r: {permissions: []}}"), (true, false), next);
    let next = under(&roles("{warehouse: {tree: {HF: [SH]}}}", "none", granted), (true, false), next);
    let next = under(&roles("{warehouse: {tree: {HF: [SH]}}}", "change", granted), (false, true), next);
    // further values of a closed dimension, wherever they stand, and groups of their own move nobody; what goes, or comes below what was there, does
    let next = under(&roles("{warehouse: {values: [HF, SH]}}", "change", granted), (true, false), next);
    let next = under(&roles("{warehouse: {values: [W0, HF, W1, SH]}}", "change", granted), (true, true), next);
    let next = under(&roles("{warehouse: {values: [SH, W0, HF, W1]}}", "change", granted), (true, true), next);
    let next = under(&roles("{warehouse: {values: [HF, SH, W1]}}", "change", granted), (true, false), next);
    let east = |members: &str| format!("{{warehouse: {{values: [HF, SH, W1], tree: {{EAST: [{members}]}}}}}}");
    let next = under(&roles(&east("HF"), "change", granted), (true, true), next);
    let next = under(&roles(&east("HF, SH"), "change", granted), (true, false), next);
    let next = under(&roles("{shop: {}, warehouse: {}}", "change", granted), (false, false), next);
    // roles and dimensions that come behind the rest move nothing; what comes before it, or goes, does. Permissions keep their numbers.
    let (none, behind) = ("{r: {permissions: []}}", "{r: {permissions: []}, q: {permissions: []}}");
    let more =
        |permissions: &str, roles: &str| format!("dimensions: {open}\npermissions: {permissions}\nroles: {roles}\n");
    let next = under(&more("{b:view: {}}", none), (false, false), next);
    let next = under(&more("{b:view: {}, c:view: {}}", behind), (true, true), next);
    let next = under(&more("{b:view: {}, c:view: {effect: none}}", behind), (true, true), next);
    let next = under(&more("{a:view: {}, b:view: {}, c:view: {}}", behind), (true, true), next);
    let next = under(&more("{a:view: {}, b:view: {}}", behind), (true, true), next);
    let next = under(&more("{b:view: {}, d:view: {}}", none), (true, false), next);
    under(&more("{a:view: {}, b:view: {}}", "{o: {permissions: []}, r: {permissions: []}}"), (true, false), next);
}

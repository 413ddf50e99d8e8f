//! Recovery of what killed processes left, and hand-over.

use crate::bench::*;
use scopegate::audit::filter::{Filter, Wanted};
use scopegate::audit::query::{Order, Query, query};
use scopegate::audit::verify::report::State;
use scopegate::audit::verify::{Trust, verify};
use scopegate::audit::{Disk, Durability, Journal, JournalError, JournalSettings, Ledger, Room};
use scopegate::model::SystemClock;
use scopegate::telemetry::Metrics;
use std::io::{self, BufRead as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// A journal as a process leaves it behind that is killed: a copy of its files, whose lock nobody holds.
fn killed(write: impl AsyncFnOnce(&Bench, &Journal)) -> Bench {
    killed_with(quiet(), write)
}

/// The same with other settings, but for its reserve, which it has not.
fn killed_with(settings: JournalSettings, write: impl AsyncFnOnce(&Bench, &Journal)) -> Bench {
    let alive = Bench::new(JournalSettings { reserve_bytes: 0, ..settings });
    let dead = Bench::new(quiet());
    let ledger = alive.open();
    local(async {
        let journal = ledger.journal(0).unwrap();
        write(&alive, &journal).await;
        copy(alive.path(), dead.path());
    });
    dead
}

#[test]
fn recovery_drops_a_torn_last_record_and_marks_what_is_unknown() {
    let bench = killed(async |_, journal| {
        for count in 0..5 {
            record(journal, count).await.unwrap();
        }
        journal.outcome(&outcome(1));
        journal.outcome(&outcome(3));
        journal.flush().unwrap();
    });
    let torn = segments(&bench, "core-00").remove(0);
    let mut bytes = std::fs::read(&torn).unwrap();
    bytes.extend_from_slice(b"{\"kind\":\"decision\",\"se");
    std::fs::write(&torn, bytes).unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert_eq!((report.runs[0].state, report.runs[0].torn_bytes), (State::Crashed, 22));

    let ledger = bench.open();
    let recovered = ledger.recover().unwrap();
    assert_eq!((recovered[0].torn_bytes, recovered[0].unknown, recovered.len()), (22, 3, 1));
    assert_eq!(ledger.recover().unwrap(), vec![], "what is closed stays closed");
    ledger.stop().unwrap();
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert!(report.runs.iter().all(|run| run.state == State::Closed && run.unbound == 0));
    let unknown = bench.query(&["completion=unknown"], Order::Oldest, 9);
    let requests: Vec<_> = unknown.iter().map(|entry| entry.text("request").unwrap().into_owned()).collect();
    assert_eq!(requests, [0, 2, 4].map(|count| id(count).to_string()));
    assert_eq!(bench.query(&["action=recovered", "core=core-00"], Order::Oldest, 9).len(), 1);
    assert_eq!(bench.query(&["action=recovered", "core=control"], Order::Oldest, 9).len(), 2);
}

#[test]
fn recovery_leaves_damage_as_it_is_and_says_where() {
    let bench = killed(async |_, journal| {
        for count in 0..5 {
            record(journal, count).await.unwrap();
        }
    });
    let damaged = segments(&bench, "core-00").remove(0);
    let mut bytes = std::fs::read(&damaged).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, &bytes).unwrap();
    let ledger = bench.open();
    let recovered = ledger.recover().unwrap();
    assert!(recovered[0].damaged[0].contains("core-00"), "{recovered:?}");
    assert_eq!(std::fs::read(&damaged).unwrap(), bytes);
    ledger.stop().unwrap();
    assert!(!bench.verify().sound());
}

/// The bytes of the first segment of the core.
fn core(bench: &Bench) -> Vec<u8> {
    std::fs::read(segments(bench, "core-00").remove(0)).unwrap()
}

fn change_core(bench: &Bench, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = core(bench);
    change(&mut bytes);
    std::fs::write(segments(bench, "core-00").remove(0), bytes).unwrap();
}

/// Where the line of this place stands, without its line break.
fn line(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let ends: Vec<_> = memchr::memchr_iter(b'\n', bytes).collect();
    ends[at - 1] + 1..ends[at]
}

/// A killed process whose last write broke off after this many whole lines and bytes of the next one.
fn broke_off(lines: u64, torn: u64) -> Bench {
    killed(async |bench, journal| {
        broken_off(bench, journal, 0).await;
        breaks_off(bench, journal, bytes_of(lines, bench) + torn);
    })
}

#[test]
fn whole_lines_of_a_write_that_broke_off_are_kept_and_bound_by_the_recovery() {
    for kept in [0, 1, 2, 30] {
        for torn in [0, 1, 20] {
            let mut bench = broke_off(kept, torn);
            // less than what is kept: it is not written once more
            bench.settings.held_bytes = 100;
            let before = core(&bench);
            let report = bench.verify();
            assert!(report.sound(), "{report:?}");
            let ledger = bench.open();
            let recovered = ledger.recover().unwrap();
            assert_eq!((recovered[0].torn_bytes, recovered[0].unknown), (torn, kept + 1), "{recovered:?}");
            ledger.stop().unwrap();
            let report = bench.verify();
            assert!(report.sound() && report.runs.iter().all(|run| run.state == State::Closed), "{report:?}");
            assert_eq!(bench.query(&["kind=decision"], Order::Oldest, 99).len() as u64, kept + 1);
            assert!(core(&bench).starts_with(&before[..before.len() - torn as usize]), "what stood there stands there");
        }
    }
}

type Change = fn(&mut [u8]);

/// What a power loss or somebody's hand may do to a line.
const CHANGES: [(&str, Change); 4] = [
    ("another end", |line| line[line.len() - 1] ^= 1),
    ("another number", |line| line[b"{\"kind\":\"decision\",\"seq\":".len()] ^= 1),
    ("nothing but zeros", |line| line.fill(0)),
    ("a hole in the middle", |line| line[100..110].fill(0)),
];

#[test]
fn a_last_line_of_a_write_that_broke_off_is_dropped_where_it_is_not_whole() {
    for (what, change) in CHANGES {
        let bench = broke_off(5, 0);
        let mut last = 0..0;
        change_core(&bench, |bytes| {
            last = line(bytes, 6);
            change(&mut bytes[last.clone()]);
        });
        let ledger = bench.open();
        let recovered = ledger.recover().unwrap();
        assert_eq!(
            (recovered[0].torn_bytes, recovered[0].unknown),
            (last.len() as u64 + 1, 5),
            "{what}: {recovered:?}"
        );
        ledger.stop().unwrap();
        let report = bench.verify();
        assert!(report.sound(), "{what}: {report:?}");
    }
}

fn is_left_as_it_is(what: &str, bench: &Bench) {
    let damaged = core(bench);
    let ledger = bench.open();
    let recovered = ledger.recover().unwrap();
    assert!(recovered[0].damaged[0].contains("core-00"), "{what}: {recovered:?}");
    ledger.stop().unwrap();
    assert!(core(bench) == damaged && !bench.verify().sound(), "{what}");
}

#[test]
fn damage_before_the_last_line_is_left_as_it_is() {
    for (what, change) in CHANGES {
        let bench = broke_off(5, 0);
        change_core(&bench, |bytes| {
            let place = line(bytes, 4);
            change(&mut bytes[place]);
        });
        is_left_as_it_is(what, &bench);
    }
}

#[test]
fn more_lines_without_a_hash_than_a_write_has_are_damage() {
    let bench = broke_off(0, 0);
    change_core(&bench, |bytes| {
        for seq in 3..8 {
            let front = format!("{{\"kind\":\"decision\",\"seq\":{seq},\"time\":\"\",\"x\":\"");
            bytes.extend_from_slice(&[front.as_bytes(), &vec![b'x'; 14 << 20], b"\"}\n"].concat());
        }
    });
    is_left_as_it_is("70 MiB", &bench);
}

#[test]
fn damage_in_a_write_that_a_hash_ends_is_left_as_it_is() {
    let word: (&str, Change) = ("another word", |line| line[line.len() - 90] ^= 1);
    let [_, number, _, hole] = CHANGES;
    let anywhere = CHANGES.into_iter().chain([word]).map(|change| (5, change));
    for (at, (what, change)) in anywhere.chain([word, number, hole].map(|change| (11, change))) {
        let bench = killed(async |_, journal| {
            record(journal, 0).await.unwrap();
            (1..10).for_each(|count| drop(journal.append(&decision(count), Durability::Written).unwrap()));
            journal.flush().unwrap();
        });
        change_core(&bench, |bytes| {
            let place = line(bytes, at - 1);
            change(&mut bytes[place]);
        });
        is_left_as_it_is(what, &bench);
    }
}

#[test]
fn a_recovery_that_breaks_off_is_gone_on_with_by_the_next_one() {
    for bytes in [0, 1, 300, 900] {
        let mut bench = broke_off(5, 7);
        bench.settings.reserve_bytes = 0;
        let ledger = bench.open();
        bench.tape.tell(|told| told.free = Some(bytes));
        assert!(matches!(ledger.recover(), Err(JournalError::Full)), "{bytes}");
        bench.tape.tell(|told| told.free = None);
        ledger.stop().unwrap();
        let ledger = bench.open();
        ledger.recover().unwrap();
        ledger.stop().unwrap();
        let report = bench.verify();
        assert!(report.sound() && report.runs.iter().all(|run| run.state == State::Closed), "{bytes}: {report:?}");
        assert_eq!(bench.query(&["kind=decision", "completion=unknown"], Order::Oldest, 99).len(), 6, "{bytes}");
    }
}

#[test]
fn a_segment_that_does_not_end_with_a_hash_is_damaged_where_another_follows() {
    let without_hash = |text: &str| format!("{}}}\n", &text[..text.rfind(",\"hash\"").unwrap()]);
    let with_more = |text: &str| format!("{text}{{\"kind\":");
    let changes: [&dyn Fn(&str) -> String; 2] = [&without_hash, &with_more];
    for change in changes {
        let settings = JournalSettings { segment_bytes: 1, ..quiet() };
        let bench = killed_with(settings, async |_, journal| {
            for count in 0..3 {
                record(journal, count).await.unwrap();
            }
        });
        let path = segments(&bench, "core-00").remove(1);
        std::fs::write(&path, change(&std::fs::read_to_string(&path).unwrap())).unwrap();
        is_left_as_it_is("an end", &bench);
    }
}

#[test]
fn recovery_leaves_a_living_process_alone() {
    let bench = Bench::new(quiet());
    let (old, new) = (bench.open(), bench.open_at(2, SystemClock));
    assert_eq!(new.recover().unwrap(), vec![]);
    local(async {
        let (one, two) = (old.journal(0).unwrap(), new.journal(1).unwrap());
        for count in 0..10 {
            record(&one, count).await.unwrap();
            record(&two, count + 100).await.unwrap();
        }
        let report = bench.verify();
        assert!(report.sound() && report.runs.iter().all(|run| run.state == State::Living), "{report:?}");
    });
    old.stop().unwrap();
    drop(old);
    new.stop().unwrap();
    drop(new);
    let report = bench.verify();
    assert!(report.sound() && report.runs.iter().all(|run| run.state == State::Closed), "{report:?}");
    assert_eq!(bench.query(&["kind=decision"], Order::Newest, 99).len(), 20);
}

/// This very test again, in a process of its own.
fn own_process(test: &str, dir: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, dir);
    command
}

const CHILD: &str = "SCOPEGATE_TEST_CHILD";

fn on_disk(dir: &Path, settings: JournalSettings) -> Ledger {
    Ledger::open(dir, "n1", 1, settings, Arc::new(Disk), Arc::new(SystemClock), Metrics::new(1)).unwrap()
}

#[test]
fn whatever_was_released_before_a_kill_is_on_record() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let ledger = on_disk(Path::new(&dir), quiet());
        return local(async {
            let journal = ledger.journal(0).unwrap();
            for count in (0..).step_by(16) {
                for task in spawn_records(&journal, count..count + 16) {
                    println!("released {}", task.await.unwrap().unwrap());
                }
            }
        });
    }
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut child = own_process("recovery::whatever_was_released_before_a_kill_is_on_record", dir.path());
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = io::BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut last = None;
        let released = |line: String| line.strip_prefix("released ")?.parse::<u32>().ok();
        for line in lines.by_ref() {
            last = released(line).or(last);
            if last >= Some(500) {
                child.kill().unwrap();
                break;
            }
        }
        // What the process said before it died is still in the pipe; a cut last line is a shorter number.
        last = lines.filter_map(released).max().max(last);
        child.wait().unwrap();
        let ledger = on_disk(dir.path(), quiet());
        assert_eq!(ledger.recover().unwrap().len(), 1);
        ledger.stop().unwrap();
        let report = verify(dir.path(), &Trust::default()).unwrap();
        assert!(report.sound(), "{report:?}");
        let filter = Filter::new(Vec::new(), None, None);
        let mut numbers = Vec::new();
        query(
            dir.path(),
            &Query { filter, wanted: Wanted::Decisions, order: Order::Oldest, limit: None },
            &mut |entry| {
                numbers.push(entry.text("request").unwrap().into_owned());
                assert_eq!(entry.text("completion").unwrap(), "unknown");
                ControlFlow::Continue(())
            },
        )
        .unwrap();
        numbers.sort();
        assert!((0..=last.unwrap()).all(|count| numbers.binary_search(&id(count).to_string()).is_ok()));
        std::fs::remove_dir_all(dir.path().join("n1")).unwrap();
    }
}

/// On a real file system of 2 MiB, where the machine lets a test mount one.
#[test]
fn a_small_disk_that_fills_up_behaves_as_the_told_one() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = Path::new(&dir);
        let ballast = dir.join(".ballast");
        std::fs::write(&ballast, vec![0; 1 << 20]).unwrap();
        let settings = JournalSettings { reserve_bytes: 256 << 10, sync_every: Duration::from_millis(5), ..quiet() };
        let ledger = on_disk(dir, settings);
        local(async {
            let journal = ledger.journal(0).unwrap();
            let mut count = 0;
            while ledger.stats().room == Room::Ample {
                record(&journal, count).await.unwrap();
                count += 1;
            }
            assert!(matches!(journal.append(&decision(0), Durability::Strict).map(drop), Err(JournalError::Full)));
            while record(&journal, count).await.is_ok() {
                count += 1;
            }
            assert_eq!(ledger.stats().room, Room::None);
            std::fs::remove_file(ballast).unwrap();
            record(&journal, count + 1).await.unwrap();
            while ledger.stats().room != Room::Ample {
                tokio::task::yield_now().await;
            }
            journal.record(decision(count + 2), Durability::Strict, ()).await.map(drop).unwrap();
        });
        ledger.stop().unwrap();
        let report = verify(dir, &Trust::default()).unwrap();
        assert!(report.sound(), "{report:?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mount = |then: Command| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg("mount -t tmpfs -o size=2m none \"$0\" && exec \"$@\"").arg(dir.path());
        command.arg(then.get_program()).args(then.get_args()).envs(then.get_envs().filter_map(|(k, v)| Some((k, v?))));
        command.status()
    };
    if !mount(Command::new("true")).is_ok_and(|status| status.success()) {
        eprintln!("this machine lets nobody mount: the told disk has to do");
        return;
    }
    let status =
        mount(own_process("recovery::a_small_disk_that_fills_up_behaves_as_the_told_one", dir.path())).unwrap();
    assert!(status.success());
}

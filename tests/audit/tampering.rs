//! What of tampering shows, and where.

use crate::bench::*;
use crate::disk::*;
use scopegate::audit::verify::report::{Report, State};
use scopegate::audit::verify::{Anchor, Trust, verify};
use scopegate::audit::{JournalSettings, PublicKey, chain, layout};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A closed journal of several small segments and checkpoints, with a second run after it.
fn filled() -> Bench {
    let bench = Bench::new(JournalSettings { segment_bytes: 2000, ..quiet() });
    for run in 0..2 {
        let ledger = bench.open();
        local(async {
            let journal = ledger.journal(0).unwrap();
            for count in 0..12 {
                record(&journal, run * 100 + count).await.unwrap();
                journal.outcome(&outcome(run * 100 + count));
            }
        });
        ledger.stop().unwrap();
    }
    let report = bench.verify();
    assert!(report.sound(), "{report:?}");
    assert!(segments(&bench, "core-00").len() > 6);
    bench
}

fn every_file(bench: &Bench) -> Vec<PathBuf> {
    ["core-00", "control", "checkpoints"].iter().flat_map(|series| segments(bench, series)).collect()
}

fn tampered(bench: &Bench, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Report {
    let before = std::fs::read(path).unwrap();
    let mut bytes = before.clone();
    change(&mut bytes);
    assert_ne!(bytes, before);
    std::fs::write(path, bytes).unwrap();
    let report = bench.verify();
    std::fs::write(path, before).unwrap();
    report
}

#[test]
fn any_byte_that_is_changed_shows_in_the_file_where_it_stands() {
    let bench = filled();
    let mut random = 12_345_u64;
    for path in every_file(&bench) {
        let length = std::fs::metadata(&path).unwrap().len();
        let ends = [0, length - 1, length - 2, length - 3];
        for round in 0..40_usize {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(ends.get(round).copied().unwrap_or((random >> 33) % length)).unwrap();
            let report = tampered(&bench, &path, |bytes| bytes[place] ^= 1 << (random >> 61));
            match report.faults.first() {
                Some(fault) => assert!(path.starts_with(&fault.file), "{fault:?}"),
                // Without its last line break the last checkpoint of the newest run is an unfinished one: the run was not closed.
                None => {
                    assert!(place as u64 == length - 1 && report.runs[1].state == State::Crashed, "{place} {path:?}")
                }
            }
        }
    }
}

#[test]
fn a_line_that_is_gone_swapped_or_doubled_shows_at_its_place() {
    let bench = filled();
    let path = segments(&bench, "core-00").remove(1);
    let lines = |bytes: &[u8]| bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let place = |report: &Report| (report.faults[0].file.clone(), report.faults[0].line, report.faults.len());
    let expected = (path.clone(), Some(2), 1);
    let gone = tampered(&bench, &path, |bytes| {
        let mut all = lines(bytes);
        all.remove(1);
        *bytes = all.concat();
    });
    assert_eq!(place(&gone), expected);
    let swapped = tampered(&bench, &path, |bytes| {
        let mut all = lines(bytes);
        all.swap(1, 2);
        *bytes = all.concat();
    });
    assert_eq!(place(&swapped), expected);
    let doubled = tampered(&bench, &path, |bytes| {
        let mut all = lines(bytes);
        all.insert(1, all[0].clone());
        *bytes = all.concat();
    });
    assert_eq!(place(&doubled), expected);
}

#[test]
fn an_end_that_is_cut_off_shows() {
    let bench = filled();
    for series in ["core-00", "control", "checkpoints"] {
        let path = segments(&bench, series).pop().unwrap();
        for whole in [true, false] {
            let report = tampered(&bench, &path, |bytes| {
                let end = bytes.len() - 2;
                let cut = if whole { memchr::memrchr(b'\n', &bytes[..end]).map_or(0, |at| at + 1) } else { end };
                bytes.truncate(cut);
            });
            // A checkpoint at the very end of the newest run can only be missed by an anchor; its run then counts as crashed.
            let shows = !report.sound() || (series == "checkpoints" && report.runs[1].state == State::Crashed);
            assert!(shows, "{series} {whole}: {report:?}");
        }
    }
}

#[test]
fn a_segment_series_or_run_that_is_gone_shows() {
    let bench = filled();
    let first_run = layout::runs(bench.path()).unwrap().remove(0);
    let away = bench.path().join(".away");
    let core = segments(&bench, "core-00");
    let of_first = core.iter().filter(|path| path.starts_with(&first_run.path)).count();
    let missing = [
        core[0].clone(),
        core[1].clone(),
        core[of_first - 1].clone(),
        first_run.path.join("core-00"),
        first_run.path.join("checkpoints"),
        first_run.path.clone(),
    ];
    for path in missing {
        std::fs::rename(&path, &away).unwrap();
        let report = bench.verify();
        std::fs::rename(&away, &path).unwrap();
        let fault = report.faults.first().unwrap_or_else(|| panic!("{} is not missed", path.display()));
        assert!(fault.file.starts_with(&first_run.path), "{fault:?}");
    }
    assert!(bench.verify().sound());
}

/// Rewrites a series with a changed line and all hashes computed anew: what somebody without the key can do.
fn forge(path: &Path, origin: chain::Hash) {
    let mut head = origin;
    let mut forged = Vec::new();
    for line in std::fs::read(path).unwrap().split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        let (body, _) = chain::split(line).unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap().replace("keeper.hf", "nobody");
        head = chain::link(head, body.as_bytes(), &mut Vec::new());
        forged.extend_from_slice(format!("{body},\"hash\":\"{head}\"}}\n").as_bytes());
    }
    std::fs::write(path, forged).unwrap();
}

#[test]
fn a_chain_that_was_computed_anew_shows_against_the_checkpoints() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async { record(&ledger.journal(0).unwrap(), 1).await.unwrap() });
    ledger.stop().unwrap();
    let run = layout::runs(bench.path()).unwrap().remove(0);
    let path = segments(&bench, "core-00").remove(0);
    forge(&path, chain::Hash::origin("n1", &run.name, "core-00"));
    let report = bench.verify();
    assert_eq!((report.faults[0].line, report.faults.len()), (Some(2), 1));
    assert!(report.faults[0].expected.contains("checkpoint"), "{report:?}");
}

#[test]
fn another_key_or_a_dropped_run_shows_only_against_what_was_kept_elsewhere() {
    let bench = filled();
    let elsewhere = tempfile::tempdir().unwrap();
    let newest = layout::runs(bench.path()).unwrap().pop().unwrap();
    let last = segments(&bench, "checkpoints").pop().unwrap();
    let anchor = elsewhere.path().join("anchor");
    let text = std::fs::read_to_string(last).unwrap();
    std::fs::write(&anchor, text.lines().last().unwrap()).unwrap();
    let anchors = Anchor::read(&anchor).unwrap();
    std::fs::remove_dir_all(&newest.path).unwrap();
    assert!(bench.verify().sound(), "the newest run is missed by nobody inside");
    assert!(bench.verify().limits.iter().any(|limit| limit.contains("--anchor")));
    let report = verify(bench.path(), &Trust { keys: Vec::new(), anchors }).unwrap();
    assert_eq!(report.faults[0].file, newest.path);
    let other = Bench::new(quiet());
    other.open().stop().unwrap();
    let keys = vec![PublicKey::read(&other.path().join("signing.pub")).unwrap()];
    let report = verify(bench.path(), &Trust { keys, anchors: Vec::new() }).unwrap();
    assert!(report.faults[0].expected.contains("a signature by"), "{report:?}");
}

#[test]
fn checkpoints_are_made_as_time_passes_and_bind_what_was_written() {
    let bench = Bench::new(JournalSettings { checkpoint_every: Duration::from_millis(2), ..quiet() });
    let ledger = bench.open();
    local(async { record(&ledger.journal(0).unwrap(), 1).await.unwrap() });
    bench.tape.wait_until(|told| {
        let wrote = |event: &Event| {
            matches!(event, Event::Wrote(series, bytes)
            if series == "checkpoints" && memchr::memmem::find(bytes, b"\"name\":\"core-00\",\"records\":2").is_some())
        };
        told.events.iter().any(wrote)
    });
    let report = bench.verify();
    assert!(report.sound() && report.runs[0].unbound == 0, "{report:?}");
}

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
fn a_hash_that_is_taken_out_shows() {
    let bench = filled();
    for path in every_file(&bench) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.lines().any(|line| chain::split(line.as_bytes()).is_some()), "{path:?}");
        for line in text.lines() {
            let Some((body, _)) = chain::split(line.as_bytes()) else { continue };
            let without = format!("{}}}", std::str::from_utf8(body).unwrap());
            let report = tampered(&bench, &path, |bytes| *bytes = text.replace(line, &without).into_bytes());
            assert!(!report.sound(), "{line}");
            if line.starts_with("{\"kind\":\"checkpoint\"") {
                assert_eq!(report.faults[0].expected, "a checkpoint that ends in its hash");
            }
        }
    }
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

/// Rewrites a segment that follows this hash, with another word and all hashes computed anew, but for those of the first `open` lines,
/// which are left out: what somebody without the key can do.
fn forge(path: &Path, before: chain::Hash, (word, other): (&str, &str), open: usize) {
    let mut link = chain::Link::after(before);
    let mut forged = Vec::new();
    let before = std::fs::read_to_string(path).unwrap();
    let text = before.replacen(word, other, 1);
    for (at, line) in text.lines().enumerate() {
        let split = chain::split(line.as_bytes());
        let body = split.map_or_else(|| line.strip_suffix('}').unwrap().as_bytes(), |(body, _)| body);
        let body = std::str::from_utf8(body).unwrap();
        link = link.then(body.as_bytes());
        if split.is_some() && at >= open {
            let head = link.hash();
            forged.extend_from_slice(format!("{body},\"hash\":\"{head}\"}}\n").as_bytes());
            link = chain::Link::after(head);
        } else {
            link = link.then(b"}\n");
            forged.extend_from_slice(format!("{body}}}\n").as_bytes());
        }
    }
    assert_ne!(forged, before.into_bytes());
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
    forge(&path, chain::Hash::origin("n1", &run.name, "core-00"), ("keeper.hf", "nobody"), 0);
    let report = bench.verify();
    assert_eq!((report.faults[0].line, report.faults.len()), (Some(2), 1));
    assert!(report.faults[0].expected.contains("checkpoint"), "{report:?}");
}

#[test]
fn a_record_that_a_checkpoint_binds_has_a_hash() {
    let bench = Bench::new(quiet());
    let ledger = bench.open();
    local(async {
        record(&ledger.journal(0).unwrap(), 1).await.unwrap();
        // the first checkpoint binds the head of the segment
        let run = layout::runs(bench.path()).unwrap().remove(0);
        let path = segments(&bench, "core-00").remove(0);
        forge(&path, chain::Hash::origin("n1", &run.name, "core-00"), ("\"segment\":1", "\"segment\":2"), 1);
        let report = bench.verify();
        let fault = &report.faults[0];
        assert_eq!((fault.line, fault.found.as_str()), (Some(1), "a line without a hash"), "{report:?}");
    });
}

#[test]
fn the_head_of_a_segment_of_checkpoints_is_signed_by_the_next_of_them() {
    let bench = Bench::new(JournalSettings { segment_bytes: 1, ..quiet() });
    bench.open().stop().unwrap();
    let mut checkpoints = segments(&bench, "checkpoints");
    let last = checkpoints.pop().unwrap();
    let before = std::fs::read(checkpoints.pop().unwrap()).unwrap();
    let (_, head) =
        chain::split(before.strip_suffix(b"\n").unwrap().rsplit(|&byte| byte == b'\n').next().unwrap()).unwrap();
    assert!(bench.verify().sound());
    forge(&last, head, ("\"segment\":", "\"doubtful_from\":1,\"segment\":"), 0);
    let report = bench.verify();
    let fault = &report.faults[0];
    assert!(fault.line == Some(2) && fault.expected.contains("a signature by"), "{report:?}");
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

//! Sessions in the SQLite store: over restarts, and between the two processes of a hand-over.

use crate::world::{START, key};
use scopegate::identity::session::port::{BindingChange, BindingStore, Since};
use scopegate::identity::session::{Binding, SessionKey, SessionSettings, SessionTable};
use scopegate::model::{SubjectId, Timestamp};
use scopegate::store::SqliteStore;
use scopegate::store::ports::{Freeze, FreezeStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn binding(subject: &str) -> Binding {
    Binding {
        subject: SubjectId::new(subject),
        app: "wms".into(),
        device: Some("device-1".into()),
        created: START,
        last_seen: START,
        expires: START.after(Duration::from_secs(3600)),
        idle_micros: 1_800_000_000,
    }
}

async fn open(path: &Path) -> (SqliteStore, Arc<SessionTable>) {
    let store = SqliteStore::open(path).await.unwrap();
    let table = SessionTable::open(&key(), Arc::new(store.clone()), SessionSettings::default()).await.unwrap();
    (store, table)
}

#[tokio::test]
async fn sessions_survive_a_restart_with_everything_they_hold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (store, table) = open(&path).await;
    let (one, two) = (table.key("wms", "SID", b"one"), table.key("wms", "SID", b"two"));
    table
        .commit(vec![BindingChange::Put(one, binding("clerk")), BindingChange::Put(two, binding("engineer"))])
        .await
        .unwrap();
    table.commit(vec![BindingChange::Remove(two)]).await.unwrap();
    let later = START.after(Duration::from_secs(60));
    assert!(table.lookup(&one, later).is_some());
    table.sweep(later).await.unwrap();
    drop(table);
    store.close().await;

    let (_store, table) = open(&path).await;
    let session = table.lookup(&one, later).unwrap();
    assert_eq!(*session.binding(), Binding { last_seen: later, ..binding("clerk") });
    assert!(table.lookup(&two, later).is_none() && table.len() == 1);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(3).any(|window| window == b"one"), "no cookie value in the file");
}

#[tokio::test]
async fn a_sign_in_and_a_sign_out_in_one_process_hold_in_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (old_store, old) = open(&path).await;
    assert!(!old_store.is_shared());
    let (new_store, new) = open(&path).await;
    assert!(new_store.is_shared(), "the newcomer knows at once");
    let key = old.key("wms", "SID", b"abc");
    assert_eq!(key, new.key("wms", "SID", b"abc"));

    // a sign-in on the old process is read through by the new one, before it has polled
    old.commit(vec![BindingChange::Put(key, binding("clerk"))]).await.unwrap();
    assert!(new.lookup(&key, START).is_none());
    let found = new.lookup_through(&key, START).await.unwrap().unwrap();
    assert_eq!(found.binding().subject.as_str(), "clerk");

    // a sign-out on the new one reaches the old one with its next poll
    new.commit(vec![BindingChange::Remove(key)]).await.unwrap();
    assert!(new.lookup_through(&key, START).await.unwrap().is_none());
    old.poll().await.unwrap();
    assert!(old.lookup(&key, START).is_none());

    // and back: the next person in the same session
    old.commit(vec![BindingChange::Put(key, binding("engineer"))]).await.unwrap();
    new.poll().await.unwrap();
    assert_eq!(new.lookup(&key, START).unwrap().binding().subject.as_str(), "engineer");
    new_store.close().await;
}

#[tokio::test]
async fn late_news_of_an_older_change_does_not_revive_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (_a_store, a) = open(&path).await;
    let (_b_store, b) = open(&path).await;
    let key = a.key("wms", "SID", b"abc");
    a.commit(vec![BindingChange::Put(key, binding("clerk"))]).await.unwrap();
    b.poll().await.unwrap();
    // b signs out; its own poll then still brings the sign-in of a
    b.commit(vec![BindingChange::Remove(key)]).await.unwrap();
    b.poll().await.unwrap();
    b.sweep(START).await.unwrap();
    b.poll().await.unwrap();
    assert!(b.lookup_through(&key, START).await.unwrap().is_none());
    a.poll().await.unwrap();
    assert!(a.lookup(&key, START).is_none());
}

#[tokio::test]
async fn many_sign_ins_at_once_are_all_kept_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (store, table) = open(&path).await;
    let tasks: Vec<_> = (0..200_u32)
        .map(|at| {
            let table = table.clone();
            tokio::spawn(async move {
                let key = table.key("wms", "SID", &at.to_be_bytes());
                table.commit(vec![BindingChange::Put(key, binding("clerk"))]).await.unwrap();
                assert!(table.lookup(&key, START).is_some(), "visible once committed");
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(table.len(), 200);
    let Since::Changes(changes) = store.changes_since(0).await.unwrap() else { panic!("all are listed") };
    let sequences: Vec<u64> = changes.iter().map(|made| made.sequence).collect();
    assert_eq!(sequences, (1..=200).collect::<Vec<u64>>());
    assert_eq!(table.end_subject(&SubjectId::new("clerk")).await.unwrap(), 200);
    assert!(table.is_empty() && store.load().await.unwrap().bindings.is_empty());
}

#[tokio::test]
async fn the_table_is_bounded_and_those_unused_for_longest_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("store.db")).await.unwrap();
    let settings = SessionSettings { capacity: 16, ..SessionSettings::default() };
    let table = SessionTable::open(&key(), Arc::new(store), settings).await.unwrap();
    let keys: Vec<_> = (0..17_u8).map(|at| table.key("wms", "SID", &[at])).collect();
    for (key, at) in keys.iter().zip(0..) {
        let seen = Timestamp::from_micros(START.as_micros() + at);
        let binding = Binding { last_seen: seen, ..binding("clerk") };
        table.commit(vec![BindingChange::Put(*key, binding)]).await.unwrap();
    }
    assert!(table.len() <= 16);
    assert!(table.lookup(&keys[0], START).is_none() && table.lookup(&keys[16], START).is_some());
}

#[tokio::test]
async fn freezes_are_kept_and_seen_by_every_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (one, two) = (SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap());
    let before = two.freezes(None).await.unwrap().unwrap();
    let freeze = Freeze { subject: SubjectId::new("clerk"), since: START, note: "left the company".into() };
    one.freeze(freeze.clone()).await.unwrap();
    let after = two.freezes(Some(before.sequence)).await.unwrap().unwrap();
    assert_eq!(after.freezes, [freeze]);
    assert_eq!(two.freezes(Some(after.sequence)).await.unwrap(), None, "nothing new");
    two.thaw(SubjectId::new("clerk")).await.unwrap();
    assert!(one.freezes(None).await.unwrap().unwrap().freezes.is_empty());
}

#[tokio::test]
async fn a_freeze_right_after_a_look_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let (one, two) = (SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap());
    let log = std::fs::File::options().append(true).open(dir.path().join("store.db-wal")).unwrap();
    let mut known = two.freezes(None).await.unwrap().unwrap().sequence;
    for round in 0..20 {
        // the log has rested: looks cost nothing until it is written again
        log.set_modified(std::time::SystemTime::now() - Duration::from_secs(round + 1)).unwrap();
        for _ in 0..3 {
            assert_eq!(two.freezes(Some(known)).await.unwrap(), None);
            assert!(matches!(two.changes_since(round).await.unwrap(), Since::Changes(changes) if changes.is_empty()));
        }
        let subject = SubjectId::new(&format!("clerk-{round}"));
        one.freeze(Freeze { subject, since: START, note: String::new() }).await.unwrap();
        if round % 2 == 1 {
            // also where the next look comes late
            log.set_modified(std::time::SystemTime::now() - Duration::from_secs(1)).unwrap();
        }
        known = two.freezes(Some(known)).await.unwrap().expect("a freeze of another process").sequence;
        let key = SessionKey([u8::try_from(round).unwrap(); 32]);
        one.commit(vec![BindingChange::Put(key, binding("clerk"))]).await.unwrap();
        assert!(matches!(two.changes_since(round).await.unwrap(), Since::Changes(changes) if changes.len() == 1));
    }
}

//! Lookups on the application's database: real servers, read only, in time, and nothing of their address anywhere.

use std::collections::BTreeMap;

use serde_json::json;

use crate::database::Database;
use crate::held::{Heard, ask, begun};
use crate::peer::Peer;
use crate::world::{Received, World, page};

const RULES: &str = r#"
lookups:
  order:
    key: int
    sql: {url: {file: db.url}, query: "select warehouse, channel from orders where id = {key}"}
    values: {warehouse: {}, channel: {column: channel}}
    within: 10s
  numbered:
    key: {code: "[A-Za-z0-9' =-]+"}
    sql: {url: {file: db.url}, query: "select warehouse from orders where number = {key}"}
    value: {column: warehouse, map: {HF: HF, SH: SH}}
    within: 10s
  all: {key: int, sql: {url: {file: db.url}, query: "select warehouse from orders where id < {key}"}, within: 10s}
  slow: {key: int, sql: {url: {file: db.url}, query: "SLOW"}, within: 300ms}
  writing: {key: int, sql: {url: {file: db.url}, query: "WRITING"}, within: 10s}
  wrong: {key: int, sql: {url: {file: db.url}, query: "select nothing from nowhere where id = {key}"}, within: 10s}
  patient: {key: int, sql: {url: {file: db.url}, query: "select warehouse from orders where id = {key}"}, within: 60s}
  elsewhere: {key: int, sql: {url: {file: other.url}, query: "select warehouse from orders where id = {key}"}, within: 10s}
routes:
  - {id: order, match: "GET /order/{id:int}", permission: order:view, scope: {warehouse: {lookup: order, key: {path: id}}, channel: {lookup: order, key: {path: id}}}}
  - {id: numbered, match: GET /numbered, permission: order:view, scope: {warehouse: {lookup: numbered, key: {query: no}}, channel: ignored}}
  - id: bulk
    match: POST /orders
    permission: order:view
    scope: {warehouse: {lookup: order, key: {json: /ids}}, channel: ignored}
    params: {ids: {at: {json: /ids}, type: {list: {of: int}}}}
  - {id: all, match: "GET /all/{id:int}", permission: order:view, scope: {warehouse: {lookup: all, key: {path: id}}, channel: ignored}}
  - {id: slow, match: "GET /slow/{id:int}", permission: order:view, scope: {warehouse: {lookup: slow, key: {path: id}}, channel: ignored}}
  - {id: writing, match: "GET /writing/{id:int}", permission: order:view, scope: {warehouse: {lookup: writing, key: {path: id}}, channel: ignored}}
  - {id: wrong, match: "GET /wrong/{id:int}", permission: order:view, scope: {warehouse: {lookup: wrong, key: {path: id}}, channel: ignored}}
  - {id: plain, match: GET /plain, permission: order:view, scope: {warehouse: ignored, channel: ignored}}
  - {id: patient, match: "GET /patient/{id:int}", permission: order:view, scope: {warehouse: {lookup: patient, key: {path: id}}, channel: ignored}}
  - {id: elsewhere, match: "GET /elsewhere/{id:int}", permission: order:view, scope: {warehouse: {lookup: elsewhere, key: {path: id}}, channel: ignored}}
"#;

fn world(database: &Database, slow: &str, writing: &str) -> World {
    let (url, other) = (database.url.clone(), database.url.replace("s3cret", "wr0ng").replace(".db", ".nodb"));
    let rules = RULES.replace("SLOW", slow).replace("WRITING", writing);
    let application = |_: &Received| page("ok");
    World::with(&rules, application, move |folder| {
        std::fs::write(folder.join("db.url"), url).unwrap();
        std::fs::write(folder.join("other.url"), other).unwrap();
    })
}

/// What holds of each of them.
fn tells(database: &Database, slow: &str, writing: &str, refused: &str) -> World {
    let world = world(database, slow, writing);
    let mut keeper = world.person("keeper.hf");
    let (_, record) = world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    assert_eq!(record["scope"], json!({"warehouse": ["HF"], "channel": ["web"]}));
    assert_eq!(record["lookups"], json!({"order": ["5: HF, web (sql)"]}));
    world.refused(&keeper.get("/order/6"), "out-of-scope", "out-of-scope", &[]);
    // no row, and a row that does not tell
    for id in ["9", "7", "9223372036854775807"] {
        world.refused(&keeper.get(&format!("/order/{id}")), "object-unknown", "out-of-scope", &[]);
    }
    // bound, never part of the text
    world.permitted(&keeper.get("/numbered?no=A-5"), &["GET /numbered?no=A-5"]);
    for no in ["A-9'%20or%20'1'='1", "A-5'--"] {
        world.refused(&keeper.get(&format!("/numbered?no={no}")), "object-unknown", "out-of-scope", &[]);
    }
    world.refused(&keeper.get("/numbered?no=A-8"), "lookup-failed", "lookup-failed", &[]);
    let seen = keeper.json("POST", "/orders", &json!({"ids": [5, 6]}));
    world.refused(&seen, "out-of-scope", "out-of-scope", &[]);
    let seen = world.person("keeper.east").json("POST", "/orders", &json!({"ids": [6, 5, 6]}));
    world.permitted(&seen, &["POST /orders"]);
    // rows that differ are no answer
    world.permitted(&keeper.get("/all/6"), &["GET /all/6"]);
    let record = world.refused(&keeper.get("/all/7"), "lookup-failed", "lookup-failed", &[]);
    assert!(record["detail"].as_str().unwrap().contains("several different values"), "{record:#}");
    let record = world.refused(&keeper.get("/wrong/5"), "lookup-failed", "lookup-failed", &[]);
    assert!(record["detail"].as_str().unwrap().contains("the database answered with the error"), "{record:#}");
    assert_eq!(world.metric("scopegate_lookups_total{app=\"wms\",lookup=\"numbered\",result=\"sql\"}"), 1);

    // what would write is refused by the database itself, and has written nothing
    let record = world.refused(&keeper.get("/writing/5"), "lookup-failed", "lookup-failed", &[]);
    assert!(record["detail"].as_str().unwrap().contains(refused), "{record:#}");
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);

    // more slow ones than there are connections, and the next is served
    std::thread::scope(|scope| {
        let slow: Vec<_> = (0..6)
            .map(|_| world.person("keeper.hf"))
            .map(|mut keeper| scope.spawn(move || keeper.get("/slow/5")))
            .collect();
        for seen in slow {
            let seen = seen.join().unwrap();
            assert_eq!(seen.reason(), Some("lookup-timeout"), "{}", seen.text());
        }
    });
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    world
}

/// Nothing of an address is told to anybody.
fn keeps_its_secret(world: &mut World) {
    let mut keeper = world.person("keeper.hf");
    let seen = keeper.get("/elsewhere/5");
    let record = world.refused(&seen, "lookup-failed", "lookup-failed", &[]);
    world.end();
    let all = format!("{record} {} {:?}", seen.text(), seen.fields);
    for secret in ["s3cret", "wr0ng", "localhost", "socket", "orders.", "/tmp"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

/// While the server is away it is refused, and afterwards served again.
fn comes_back(world: &World, database: &mut Database) {
    let mut keeper = world.person("keeper.hf");
    database.end();
    for _ in 0..2 {
        let record = world.refused(&keeper.get("/order/5"), "lookup-failed", "lookup-failed", &[]);
        assert!(record["detail"].as_str().unwrap().contains("connection"), "{record:#}");
    }
    database.begin();
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
}

/// What asks about the orders, in the place of what is slow by itself.
const ASKS: &str = "select warehouse from orders where id = {key}";

/// While the database stalls, questions are refused in their time and everything else is served; afterwards all is well again.
fn stalls_and_heals(database: &Database) {
    let world = world(database, ASKS, ASKS);
    let mut keeper = world.person("keeper.hf");
    world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    for _ in 0..2 {
        let lock = database.lock();
        std::thread::scope(|scope| {
            let ask = |id: usize| {
                let mut keeper = world.person("keeper.hf");
                scope.spawn(move || keeper.get(&format!("/slow/{id}")))
            };
            let slow: Vec<_> = (5..25).map(ask).collect();
            for _ in 0..5 {
                assert_eq!(keeper.get("/plain").status, 200);
            }
            for seen in slow {
                let seen = seen.join().unwrap();
                assert_eq!((seen.status, seen.reason()), (504, Some("lookup-timeout")), "{}", seen.text());
            }
        });
        assert!(world.application.lines().iter().all(|line| line == "GET /plain"));
        drop(lock);
        world.permitted(&keeper.get("/order/5"), &["GET /order/5"]);
    }
    world.await_metric("scopegate_requests_in_flight", 0);
}

#[test]
fn a_file_of_sqlite_that_is_locked_is_not_waited_for_and_answers_again() {
    stalls_and_heals(&Database::sqlite());
}

#[test]
fn postgresql_that_stalls_is_not_waited_for_and_answers_again() {
    stalls_and_heals(&Database::postgres());
}

#[test]
fn mariadb_that_stalls_is_not_waited_for_and_answers_again() {
    stalls_and_heals(&Database::mariadb());
}

/// So many people ask, each about an order of its own that nobody knows, without waiting for an answer.
fn crowd(world: &World, ids: std::ops::Range<u32>) -> Vec<Peer> {
    let mut peers = Vec::new();
    for (at, id) in (0..).zip(ids) {
        if at % 100 == 0 {
            peers.push(begun(world));
        }
        ask(world, peers.last_mut().unwrap(), 2 * (at % 100) + 1, &format!("/patient/{id}"));
    }
    peers
}

/// The statuses of all answers, as often as each came.
fn statuses(peers: &mut [Peer], each: &[usize]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for (peer, &streams) in peers.iter_mut().zip(each) {
        let mut heard = Heard::default();
        heard.listen(peer, |heard| heard.streams.values().filter(|told| told.over).count() == streams);
        for told in heard.streams.values() {
            *counts.entry(told.status.unwrap()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn no_more_wait_for_a_database_than_may_and_whoever_goes_away_leaves_the_queue() {
    const FAILED: &str = "scopegate_lookups_total{app=\"wms\",lookup=\"patient\",result=\"failed\"}";
    let database = Database::sqlite();
    let world = world(&database, ASKS, ASKS);
    world.permitted(&world.person("keeper.hf").get("/patient/5"), &["GET /patient/5"]);
    let lock = database.lock();
    // 4 are asked, 256 wait, and the others are refused at once
    let mut peers = crowd(&world, 1000..1300);
    world.await_metric(FAILED, 40);
    assert_eq!(world.person("keeper.hf").get("/plain").status, 200);
    drop(lock);
    assert_eq!(statuses(&mut peers, &[100, 100, 100]), BTreeMap::from([(403, 260), (502, 40)]));
    drop(peers);
    world.await_metric("scopegate_requests_in_flight", 0);

    let lock = database.lock();
    let peers = crowd(&world, 2000..2300);
    world.await_metric(FAILED, 80);
    drop(peers);
    world.await_metric("scopegate_requests_in_flight", 0);
    // those that were put go on, and the queue is empty
    let mut peers = crowd(&world, 3000..3250);
    world.await_metric("scopegate_requests_in_flight", 250);
    drop(lock);
    assert_eq!(statuses(&mut peers, &[100, 100, 50]), BTreeMap::from([(403, 250)]));
    assert_eq!(world.metric(FAILED), 80);
    assert_eq!(world.application.lines(), ["GET /plain"], "nothing of what was refused");
}

#[test]
fn a_file_of_sqlite_tells() {
    let database = Database::sqlite();
    let slow = "with recursive n(x) as (select {key} union all select x + 1 from n) select 'HF' from n where x < 0";
    // SQLite knows no select that writes; one that loads code lacks the right
    let mut world = tells(&database, slow, "select load_extension({key})", "the error `1`");
    keeps_its_secret(&mut world);
}

#[test]
fn postgresql_tells() {
    let mut database = Database::postgres();
    let writing = "with gone as (delete from orders where id = {key} returning warehouse) select warehouse from gone";
    let mut world =
        tells(&database, "select 'HF' from (select pg_sleep(60 + {key})) as slept", writing, "the error `25006`");
    comes_back(&world, &mut database);
    keeps_its_secret(&mut world);
}

#[test]
fn mariadb_tells() {
    let mut database = Database::mariadb();
    let writing = "select spoil({key})";
    let mut world =
        tells(&database, "select 'HF' from (select sleep(60 + {key})) as slept", writing, "the error `25006`");
    comes_back(&world, &mut database);
    keeps_its_secret(&mut world);
}

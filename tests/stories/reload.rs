//! Rules change while people work: whole or not at all, from one request to the next.

use serde_json::json;

use crate::support::house::{House, WMS, tells};

#[test]
fn a_right_taken_away_is_gone_with_the_next_request() {
    let house = House::open();
    let mut technician = house.person(WMS, "technician");
    let seen = technician.get("/wms/stock/list.do");
    let (_, before) = technician.permitted(&seen, "GET", "/wms/stock/list.do");

    house.edit(
        "people.yaml",
        "{role: technician, scope: {warehouse: all, channel: all}}",
        "{role: technician, scope: {warehouse: [GZ], channel: all}}",
    );
    let revision = house.reload_untested();
    let seen = technician.get("/wms/stock/list.do");
    let (_, after) = technician.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=GZ");
    assert_ne!(before["revision"], after["revision"]);
    tells(&after, &json!({"revision": revision.as_str(), "scope": {"warehouse": ["GZ"]}}));
    let seen = technician.get("/wms/stock/list.do?warehouse=HF");
    technician.refused(&seen, 403, "out-of-scope");
}

#[test]
fn a_broken_file_changes_nothing_and_says_why() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    let before = house.demo.gateway.revision();
    house.edit("wms.yaml", "permission: stock:view", "permission: stock:vieww");
    let told = house.demo.gateway.reload().unwrap_err().to_string();
    assert!(told.contains("wms.yaml") && told.contains("stock:vieww") && told.contains("stock:view"), "{told}");
    assert_eq!(house.demo.gateway.revision().as_str(), before.as_str());
    let seen = keeper.get("/wms/stock/list.do?warehouse=HF");
    let (_, record) = keeper.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    tells(&record, &json!({"revision": before.as_str()}));
    let failed = house.journal().into_iter().any(|record| record["action"] == "reload-failed");
    assert!(failed, "the failed reload is on record");
}

#[test]
fn rules_that_fail_their_own_tests_are_not_taken() {
    let house = House::open();
    let mut keeper = house.person(WMS, "keeper.hf");
    // Somebody means well and gives everybody everything.
    house.edit("people.yaml", "scope: {warehouse: [HF], channel: all}", "scope: {warehouse: all, channel: all}");
    let told = house.demo.gateway.reload().unwrap_err().to_string();
    assert!(told.contains("demo_test.yaml"), "{told}");
    let seen = keeper.get("/wms/stock/list.do?warehouse=SH");
    keeper.refused(&seen, 403, "out-of-scope");
}

#[test]
fn where_the_process_has_real_time_reloads_run_without_it() {
    use thread_priority::*;
    let policies = std::thread::spawn(|| {
        let real_time = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        // where the system gives this user no real time, there is none to be left
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, real_time);
        let house = House::open();
        let background = house.demo.gateway.background();
        let policy = || thread_schedule_policy().unwrap();
        let task = background.spawn(async move { policy() });
        let blocking = background.spawn_blocking(policy);
        [background.block_on(task).unwrap(), background.block_on(blocking).unwrap()]
    });
    let ordinary = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other);
    assert_eq!(policies.join().unwrap(), [ordinary, ordinary]);
}

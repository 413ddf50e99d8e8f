//! Sign-in, sign-out and sessions: whom the application confirms is who asks, and nobody inherits a session.

use std::sync::Arc;

use scopegate::demo::data::PASSWORD;
use scopegate::model::SystemClock;
use serde_json::json;

use crate::support::house::{CRM, ERP, House, WMS, tells};

#[test]
fn a_sign_in_is_confirmed_by_a_page_a_cookie_or_an_answer() {
    let house = House::open();
    for (host, account, target) in
        [(WMS, "keeper.hf", "/wms/main.do"), (ERP, "finance", "/erp/index.php"), (CRM, "frontdesk", "/api/customers")]
    {
        let mut person = house.visitor(host);
        let seen = person.get(target);
        person.refused(&seen, 401, "unauthenticated");
        person.sign_in(account, PASSWORD);
        person.received();
        let seen = person.get(target);
        let (_, record) = person.permitted(&seen, "GET", target);
        tells(&record, &json!({"subject": account, "source": "legacy-session"}));
    }
    // The page that confirms was read by the gateway itself, in the new session.
    let probes: Vec<_> =
        house.demo.wms.all().into_iter().filter(|received| received.field("x-story").is_empty()).collect();
    assert_eq!(probes.iter().map(|probe| probe.target.as_str()).collect::<Vec<_>>(), ["/wms/main.do"]);
    let signed: Vec<_> = house.journal().into_iter().filter(|record| record["action"] == "sign-in").collect();
    let who: Vec<_> = signed.iter().map(|record| record["subject"].as_str().unwrap()).collect();
    assert_eq!(who.len(), 3, "{who:?}");
    let journal = house.journal();
    assert!(
        !journal.iter().any(|record| record.to_string().contains(&format!("\"{PASSWORD}\""))),
        "a password on record"
    );
}

#[test]
fn each_request_of_a_connection_comes_from_the_device_that_its_own_fields_tell() {
    const TARGET: &str = "/wms/stock/list.do?warehouse=HF";
    let house = House::open();
    let people = [house.person(WMS, "keeper.hf"), house.person(WMS, "picker.hf")];
    let [keeper, picker] = people.each_ref().map(|person| person.browser.cookies());
    let head = |cookies: &str, more: &str| {
        format!("GET {TARGET} HTTP/1.1\r\nHost: {WMS}\r\nUser-Agent: curl/8.5.0\r\nCookie: {cookies}\r\n{more}\r\n")
    };
    // as an edge proxy does that sends everybody's requests over one connection
    let turns = [&keeper, &keeper, &picker, &keeper, &picker];
    let requests: String = turns.iter().map(|cookies| head(cookies, "")).collect();
    let heard = people[0].browser.raw((requests + &head(&picker, "Connection: close\r\n")).as_bytes());
    assert_eq!(String::from_utf8_lossy(&heard).matches("HTTP/1.1 200 OK").count(), 6);
    let records: Vec<_> = house.journal().into_iter().filter(|record| record["target"] == TARGET).collect();
    let told = |of: &str| records.iter().map(|record| record[of].clone()).collect::<Vec<_>>();
    let names = ["keeper.hf", "keeper.hf", "picker.hf", "keeper.hf", "picker.hf", "picker.hf"];
    assert_eq!(told("subject"), names);
    let devices = told("device");
    assert!(devices.iter().all(|device| device["known"] == true && device["id"].is_string()));
    let ids: Vec<_> = devices.iter().map(|device| &device["id"]).collect();
    let (of_keeper, of_picker) = (ids[0], ids[2]);
    assert_ne!(of_keeper, of_picker);
    assert_eq!(ids, [of_keeper, of_keeper, of_picker, of_keeper, of_picker, of_picker]);
}

#[test]
fn whoever_keeps_no_cookie_is_offered_one_with_every_answer_of_a_connection() {
    const COOKIE: &str = "__Host-scopegate-device=";
    let visitor = House::shared().visitor(WMS);
    let head =
        |more: &str| format!("GET /wms/login.do HTTP/1.1\r\nHost: {WMS}\r\nUser-Agent: curl/8.5.0\r\n{more}\r\n");
    let heard = visitor.browser.raw((head("") + &head("Connection: close\r\n")).as_bytes());
    let heard = String::from_utf8_lossy(&heard);
    let offered: Vec<&str> = heard.split(COOKIE).skip(1).filter_map(|rest| rest.split(';').next()).collect();
    assert_eq!(offered.len(), 2, "{heard}");
    assert_ne!(offered[0], offered[1]);
}

#[test]
fn a_wrong_password_signs_nobody_in() {
    let house = House::shared();
    for (host, target, status) in
        [(WMS, "/wms/main.do", 200), (ERP, "/erp/index.php", 200), (CRM, "/api/customers", 401)]
    {
        let mut person = house.visitor(host);
        assert_eq!(person.sign_in("keeper.hf", "wrong").status, status, "the application's own answer");
        person.received();
        let seen = person.get(target);
        person.refused(&seen, 401, "unauthenticated");
    }
}

#[test]
fn a_failed_sign_in_as_somebody_else_changes_nothing() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf");
    picker.sign_in("lead", "wrong");
    picker.received();
    let seen = picker.get("/wms/stock/list.do");
    let (_, record) = picker.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    tells(&record, &json!({"subject": "picker.hf"}));
}

#[test]
fn a_sign_in_form_that_the_application_ignores_changes_nothing() {
    let house = House::shared();
    let mut picker = house.person(WMS, "picker.hf");
    // The name is right, the password stands where the application does not look.
    let seen = picker.post("/wms/login.do", &[("username", "lead")]);
    assert_eq!(seen.status, 200);
    picker.received();
    let seen = picker.get("/wms/stock/list.do?warehouse=GZ");
    let record = picker.refused(&seen, 403, "out-of-scope");
    tells(&record, &json!({"subject": "picker.hf"}));
}

#[test]
fn a_sign_out_ends_the_session_at_the_gateway_too() {
    let house = House::shared();
    let mut keeper = house.person(WMS, "keeper.hf");
    let session = keeper.browser.cookie("JSESSIONID").unwrap().to_owned();
    let seen = keeper.get("/wms/logout.do");
    keeper.permitted(&seen, "GET", "/wms/logout.do");
    assert_eq!(keeper.browser.cookie("JSESSIONID"), None);
    // Whoever kept the old value has nothing.
    keeper.browser.set_cookie("JSESSIONID", &session);
    let seen = keeper.get("/wms/main.do");
    keeper.refused(&seen, 401, "unauthenticated");
}

#[test]
fn a_session_id_chosen_beforehand_is_worth_nothing_afterwards() {
    let house = House::shared();
    let mut attacker = house.visitor(WMS);
    attacker.browser.set_cookie("JSESSIONID", "chosen-beforehand");
    let seen = attacker.get("/wms/main.do");
    attacker.refused(&seen, 401, "unauthenticated");

    let mut victim = house.visitor(WMS);
    victim.browser.set_cookie("JSESSIONID", "chosen-beforehand");
    victim.sign_in("lead", PASSWORD);
    victim.received();
    let seen = victim.get("/wms/main.do");
    victim.permitted(&seen, "GET", "/wms/main.do");

    let seen = attacker.get("/wms/main.do");
    attacker.refused(&seen, 401, "unauthenticated");
}

#[test]
fn the_next_person_on_a_browser_inherits_nothing() {
    let house = House::shared();
    // Without a sign-out in between: the session before is nobody's any more.
    let mut browser = house.person(WMS, "lead");
    let leads = browser.browser.cookie("JSESSIONID").unwrap().to_owned();
    browser.sign_in("picker.hf", PASSWORD);
    browser.received();
    let seen = browser.get("/wms/stock/list.do");
    let (_, record) = browser.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    tells(&record, &json!({"subject": "picker.hf"}));
    browser.browser.set_cookie("JSESSIONID", &leads);
    let seen = browser.get("/wms/stock/list.do");
    browser.refused(&seen, 401, "unauthenticated");
}

#[test]
fn two_sessions_in_one_request_are_refused() {
    let house = House::shared();
    let lead = house.person(WMS, "lead");
    let mut picker = house.person(WMS, "picker.hf");
    let (theirs, own) = (lead.browser.cookie("JSESSIONID").unwrap(), picker.browser.cookie("JSESSIONID").unwrap());
    let (theirs, own) = (theirs.to_owned(), own.to_owned());
    picker.browser.set_cookie("JSESSIONID", "");
    for cookies in [
        format!("JSESSIONID={own}; JSESSIONID={theirs}"),
        format!("JSESSIONID={theirs}; JSESSIONID={own}"),
        format!("JSESSIONID={own}; jsessionid={theirs}"),
    ] {
        let seen = picker.browser.send("GET", "/wms/stock/list.do", &[("Cookie", &cookies)], b"");
        assert_eq!(seen.status, 401, "{cookies}: {}", seen.text());
        assert!(picker.received().is_empty(), "{cookies}");
    }
}

#[test]
fn sessions_of_different_applications_on_one_browser_stay_apart() {
    let house = House::shared();
    let mut wms = house.person(WMS, "picker.hf");
    let mut erp = house.person(ERP, "finance");
    let session = erp.browser.cookie("PHPSESSID").unwrap().to_owned();
    wms.browser.set_cookie("PHPSESSID", &session);
    let seen = wms.get("/wms/main.do");
    let (_, record) = wms.permitted(&seen, "GET", "/wms/main.do");
    tells(&record, &json!({"subject": "picker.hf"}));
    // The value of one application's session is no session of another's.
    wms.browser.set_cookie("JSESSIONID", &session);
    let seen = wms.get("/wms/main.do");
    wms.refused(&seen, 401, "unauthenticated");
    let seen = erp.get("/erp/index.php");
    erp.permitted(&seen, "GET", "/erp/index.php");
}

#[test]
fn a_session_outlives_a_restart_of_the_gateway() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let first = House::open_in(folder.path(), Arc::new(SystemClock), |_| {});
    let keeper = first.person(WMS, "keeper.hf");
    let session = keeper.browser.cookie("JSESSIONID").unwrap().to_owned();
    first.demo.gateway.stop().unwrap();

    let second = House::open_in(folder.path(), Arc::new(SystemClock), |_| {});
    let mut keeper = second.visitor(WMS);
    keeper.browser.set_cookie("JSESSIONID", &session);
    let seen = keeper.get("/wms/stock/list.do");
    let (_, record) = keeper.permitted(&seen, "GET", "/wms/stock/list.do?warehouse=HF");
    tells(&record, &json!({"subject": "keeper.hf"}));
    second.demo.gateway.stop().unwrap();
}

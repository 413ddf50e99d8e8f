//! `check`, `test`, `matrix`, `schema`: the rules, asked before they are in force.

use crate::{APP, ROLES, folder, scopegate, scopegate_in};

const WRONG: &str = "app: shop\nhosts: [shop.test]\nupstream: {url: \"http://127.0.0.1:1\"}\nroutes:\n  - {id: stock, match: GET /stock, permission: stock:veiw}\n";

#[test]
fn check_in_the_root_of_the_repository_checks_each_rule_set() {
    scopegate(&["check"]).says(0, &["routes/demo: revision ", "routes/oscar: revision ", "0 errors"]);
    scopegate(&["check", "--routes", "routes/demo", "--strict"])
        .says(0, &["3 applications", "15 people", "0 warnings"]);
    scopegate(&["check", "--format", "plain"])
        .says(0, &["routes/demo/erp.yaml:", ": note[selector-without-absent]: `erp.order`"]);
    let notes = scopegate(&["check", "--format", "json"]).says(0, &[]).json();
    assert_eq!((&notes[0]["file"], &notes[0]["severity"]), (&"routes/demo/erp.yaml".into(), &"note".into()));
}

#[test]
fn check_tells_place_and_remedy_in_every_form() {
    let folder = folder(&[("routes/roles.yaml", ROLES), ("routes/shop.yaml", WRONG)]);
    let check = |form: &str| scopegate_in(folder.path(), &["check", "--format", form]);
    check("human").says(
        1,
        &["unknown permission `stock:veiw`", "routes/shop.yaml:5:", "stock:view", "the rules cannot be used: 1 error"],
    );
    check("plain").says(1, &["routes/shop.yaml:5:", "unknown permission `stock:veiw`"]);
    let found = check("json");
    let found = &found.says(1, &[]).json()[0];
    assert_eq!(
        (&found["file"], &found["line"], &found["severity"]),
        (&"routes/shop.yaml".into(), &5.into(), &"error".into()),
        "{found}"
    );
    scopegate_in(folder.path(), &["check", "--routes", "nowhere"]).says(1, &["nowhere", "this folder cannot be read"]);
}

#[test]
fn warnings_fail_where_that_is_asked_for() {
    let people = "people:\n  keeper.hf:\n    assignments: [{role: keeper}]\n";
    let folder = folder(&[("routes/roles.yaml", ROLES), ("routes/shop.yaml", APP), ("routes/people.yaml", people)]);
    let plain = scopegate_in(folder.path(), &["check"]);
    plain.says(0, &["warning"]);
    assert_eq!(scopegate_in(folder.path(), &["check", "--strict"]).code, 1, "{plain:?}");
}

#[test]
fn several_rule_sets_below_a_folder_are_told_apart_and_not_mixed() {
    for command in [vec!["matrix"], vec!["explain", "https://wms.localhost/wms/main.do"]] {
        let ran = scopegate(&command);
        assert_ne!(ran.code, 0);
        assert!(ran.out.contains("2 rule sets below this folder") && ran.out.contains("`routes/demo`"), "{ran:?}");
    }
}

const TESTS: &str = "now: 2026-10-01T09:00:00Z\ntests:\n  - name: nobody <sees> the stock\n    as: anonymous\n    request: GET https://shop.test/stock\n    expect: {decision: refuse, reason: EXPECTED}\n";

#[test]
fn test_runs_what_stands_beside_the_rules() {
    scopegate(&["test"])
        .says(0, &["routes/demo/demo_test.yaml", "  ok     a keeper sees the stock of the own warehouse", " 0 failed"]);
    scopegate(&["test", "routes/demo", "--name", "goods"]).says(0, &["3 passed, 0 failed"]);
    scopegate(&["test", "routes/demo", "--name", "nonsense"]).fails(&["no test has `nonsense` in its name"]);
    let json = scopegate(&["test", "routes/demo", "--format", "json"]);
    let suites = json.says(0, &[]).json()["suites"].as_array().unwrap().len();
    assert_eq!(suites, 1);
    let junit = scopegate(&["test", "routes/demo", "--format", "junit"]);
    junit.says(0, &["<testsuites name=\"scopegate\"", "failures=\"0\"", "name=\"a keeper corrects a count\"/>"]);
}

#[test]
fn a_failed_test_tells_what_differed_and_how_it_was_decided_in_every_form() {
    let tests = TESTS.replace("EXPECTED", "not-granted");
    let folder = folder(&[("routes/roles.yaml", ROLES), ("routes/shop.yaml", APP), ("routes/shop_test.yaml", &tests)]);
    let test = |form: &str| scopegate_in(folder.path(), &["test", "--format", form]);
    test("text").says(1, &["FAILED nobody <sees> the stock", "not-granted", "unauthenticated", "0 passed, 1 failed"]);
    let json = test("json");
    let case = &json.says(1, &[]).json()["suites"][0]["cases"][0];
    assert_eq!(case["name"], "nobody <sees> the stock");
    assert!(case["differences"][0].to_string().contains("unauthenticated"), "{case}");
    let junit = test("junit");
    junit
        .says(1, &["failures=\"1\"", "name=\"nobody &lt;sees&gt; the stock\"", "<failure message=", "unauthenticated"]);
    let well = TESTS.replace("EXPECTED", "unauthenticated");
    std::fs::write(folder.path().join("routes/shop_test.yaml"), well).unwrap();
    test("text").says(0, &["1 passed, 0 failed"]);
    std::fs::write(folder.path().join("routes/shop.yaml"), WRONG).unwrap();
    test("text").says(2, &["unknown permission `stock:veiw`"]);
}

#[test]
fn matrix_says_who_may_do_what() {
    let matrix = |more: &[&str]| scopegate(&[&["matrix", "--routes", "routes/demo"], more].concat());
    matrix(&[]).says(0, &["stock:adjust", "(warehouse-keeper)"]);
    matrix(&["--lang", "zh"]).says(0, &["仓库"]);
    let csv = matrix(&["--format", "csv"]);
    csv.says(0, &["permission,title,"]);
    let columns = |line: &str| line.matches(',').count();
    let lines: Vec<&str> = csv.out.lines().collect();
    assert!(lines.len() > 10 && columns(lines[0]) > 10, "{}", csv.out);
    let json = matrix(&["--format", "json"]);
    assert!(json.says(0, &[]).json()["roles"].as_array().unwrap().len() > 10);
    scopegate(&["matrix", "--routes", "nowhere"]).says(1, &["this folder cannot be read"]);
    matrix(&["--format", "xml"]).fails(&["invalid value 'xml'", "possible values"]);
}

#[test]
fn schema_prints_one_for_every_kind_of_file() {
    for (kind, field) in
        [("app", "routes"), ("roles", "roles"), ("people", "people"), ("tests", "tests"), ("gateway", "listeners")]
    {
        let schema = scopegate(&["schema", kind]).says(0, &[]).json();
        assert!(schema["properties"][field].is_object(), "{kind}");
    }
    scopegate(&["schema", "route"]).fails(&["invalid value 'route'", "possible values"]);
}

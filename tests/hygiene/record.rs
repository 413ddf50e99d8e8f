//! What stands on record: no key, no session, no secret parameter, wherever it stood in the request.

use crate::world::{KEY, World};

const RULES: &str = "identity:
  api-key: {header: X-Api-Key, query: dept}
  legacy-session:
    session: {cookie: WMSID}
    sign-in: {post: /in, user: {form: user}, succeeded: {status: 302}, confirm: {cookie: who}}
secrets: [answer]
dialect: servlet
routes:
  - {id: stock.list, match: GET /stock, permission: stock:view, others: forward}
  - id: stock.change
    match: GET /change
    permission: stock:change
    others: forward
    params: {reply: {at: {query: reply}, type: text, secret: true}}
";

#[test]
fn no_credential_stands_on_record_wherever_it_stood() {
    let world = World::new(RULES);
    let mut anybody = world.anybody();
    assert_eq!(anybody.get(&format!("/stock?page=1&dept={KEY}")).status, 200);
    let received = world.application.take();
    assert_eq!(received[0].line(), "GET /stock?page=1 HTTP/1.1", "the key is the gateway's, not the application's");
    let mut keeper = world.keeper();
    for target in [
        "/stock?dept=wrong-s3cret",
        "/stock?DEPT=wrong-s3cret",
        "/stock;wmsid=s3cret?page=1",
        "/stock;jsessionid=s3cret",
        "/stock?answer=s3cret",
        "/change?reply=s3cret",
        "/nowhere?reply=s3cret&next=/a%3Fdept%3Ds3cret",
    ] {
        keeper.get(target);
    }
    let records = world.end();
    let text = serde_json::to_string(&records).unwrap();
    assert!(records.len() > 8, "{text}");
    for secret in ["s3cret", KEY] {
        let shown: Vec<_> = records.iter().filter(|record| record.to_string().contains(secret)).collect();
        assert!(shown.is_empty(), "{shown:#?}");
    }
    assert!(text.contains("/stock?page=1&dept=***"), "{text}");
}

const PATHS: &str = "identity:
  api-key: {header: X-Api-Key, query: dept}
routes:
  - id: reset
    match: GET|POST /reset/{user}/{code}
    permission: stock:view
    body: {accept: [form, json]}
    params:
      code: {type: {code: \"[a-z0-9]+\"}, secret: true}
      answer: {at: {form: answer}, type: int, secret: true}
      reply: {at: {json: /reply}, type: int, secret: true}
      hint: {at: {header: X-Hint}, type: int, secret: true}
      crumb: {at: {cookie: crumb}, type: int, secret: true}
    when: [{param: {form: answer}, at-most: 5, absent: allow}]
  - id: verb
    match: POST /verb
    operation: {by: {form: code}, cases: {view: stock:view}}
";

/// Requests with a secret in every place that a record may come to show.
const TOLD: [(&str, &str, &str); 19] = [
    ("GET /reset/lead/s3cret", "", ""),
    ("GET /reset/lead/s3cret/more", "", ""),
    ("GET /reset/lead/S3CRET", "", ""),
    ("DELETE /reset/lead/s3cret", "", ""),
    ("GET /RESET/lead/s3cret", "", ""),
    ("GET //reset/./lead/s3cret", "", ""),
    ("GET /reset%2flead%2fs3cret", "", ""),
    ("GET /reset/lead/s3cret;a=1", "", ""),
    ("GET /reset/lead/s3cret?page=1#top", "", ""),
    ("GET http://u:s3cret@wms.test/reset/lead/s3cret", "", ""),
    ("GET reset/lead/s3cret", "", ""),
    ("GET /reset/lead/s3cret", "X-Api-Key: s3cret\r\n", ""),
    ("GET /reset/lead/s3cret", "X-Hint: s3cret\r\n", ""),
    ("GET /reset/lead/s3cret", "Cookie: crumb=s3cret; crumb=s3cret\r\n", ""),
    ("GET /reset/lead/s3cret", "Authorization: Bearer s3cret\r\n", ""),
    (
        "POST /reset/lead/s3cret",
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 13\r\n",
        "answer=s3cret",
    ),
    ("POST /reset/lead/s3cret", "Content-Type: application/json\r\nContent-Length: 18\r\n", "{\"reply\":\"s3cret\"}"),
    ("POST /reset/lead/s3cret", "Content-Type: application/json\r\nContent-Length: 18\r\n", "{\"reply\":\"s3cret\"]"),
    ("POST /verb", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n", "code=s3cret"),
];

fn no_secret_is_told(world: World) {
    let client = world.anybody();
    for (line, fields, body) in TOLD {
        let key = if fields.contains("X-Api-Key") { String::new() } else { format!("X-Api-Key: {KEY}\r\n") };
        client.raw(
            format!("{line} HTTP/1.1\r\nHost: wms.test\r\nConnection: close\r\n{key}{fields}\r\n{body}").as_bytes(),
        );
    }
    // heads that are no heads, of which no more than a part is known
    for (line, fields) in [
        ("GET /reset/lead/s3cret?dept=s3cret HTTP/1.1", "Host: wms.test\r\nBad Field: s3cret\r\n"),
        ("GET /reset/lead/s3cret HTTP/1.1", "Host: wms.test\r\nHost: wms.test\r\n"),
        ("GET /reset/lead/s3cret?dept=s3cret HTTP/9.9", "Host: wms.test\r\n"),
        ("GET /reset/lead/s3cret?dept=s3cret HTTP/1.1", "Host: u:s3cret@wms.test\r\n"),
        ("GET /reset/lead/s3cret?dept=s3cret HTTP/1.1", "Host: nobody.test\r\n"),
        ("GET /reset/lead/s3cret?dept=s3cret HTTP/1.1", ""),
    ] {
        client.raw(format!("{line}\r\nConnection: close\r\n{fields}\r\n").as_bytes());
    }
    let records = world.end();
    let decisions = records.iter().filter(|record| record["kind"] == "decision");
    assert!(decisions.count() >= TOLD.len() + 5, "{records:#?}");
    let shown: Vec<_> = records
        .iter()
        .filter(|record| [KEY, "s3cret"].iter().any(|secret| record.to_string().to_lowercase().contains(secret)))
        .collect();
    assert!(shown.is_empty(), "{shown:#?}");
    assert!(records.iter().any(|record| record["target"] == "/reset/lead/***"), "{records:#?}");
}

#[test]
fn a_secret_part_of_the_path_stands_on_no_record() {
    no_secret_is_told(World::new(PATHS));
}

#[test]
fn a_secret_part_of_the_path_stands_on_no_record_while_observing() {
    no_secret_is_told(World::new(&format!("mode: observe\n{PATHS}")));
}

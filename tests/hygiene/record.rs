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

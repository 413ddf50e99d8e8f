//! A parameter in the body tells which route a request means; who asks is told by the route that was found in the end.

use serde_json::json;

use crate::support::house::{House, WMS, tells};

const ROUTES: &str = "routes:
  - id: wms.form.feedback
    match: POST /wms/form.do
    where: {form: {kind: feedback}}
    public: true
    others: forward
  - id: wms.form.order
    match: POST /wms/form.do
    permission: portal:view
    scope: {warehouse: ignored, channel: ignored, owner: ignored}
    others: forward
";

#[test]
fn a_route_told_by_the_body_knows_who_asks() {
    let house = House::open();
    house.edit("wms.yaml", "routes:\n", ROUTES);
    house.reload_untested();

    let mut stranger = house.visitor(WMS);
    let seen = stranger.post("/wms/form.do", &[("kind", "feedback")]);
    let (_, record) = stranger.permitted(&seen, "POST", "/wms/form.do");
    tells(&record, &json!({"route": "wms.form.feedback", "reason": "public"}));
    let seen = stranger.post("/wms/form.do", &[("kind", "order")]);
    stranger.refused(&seen, 401, "unauthenticated");

    let mut picker = house.person(WMS, "picker.hf");
    let seen = picker.post("/wms/form.do", &[("kind", "order")]);
    let (_, record) = picker.permitted(&seen, "POST", "/wms/form.do");
    tells(&record, &json!({"route": "wms.form.order", "subject": "picker.hf", "role": "picker"}));
    let seen = picker.post("/wms/form.do", &[("kind", "feedback")]);
    let (_, record) = picker.permitted(&seen, "POST", "/wms/form.do");
    tells(&record, &json!({"route": "wms.form.feedback", "reason": "public", "subject": null}));
}

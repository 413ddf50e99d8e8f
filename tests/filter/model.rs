//! The filters against a model that reads the whole answer with another reader: the values that are left are the same, and the bytes
//! do not depend on how the answer is cut.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{Keeper, plan, run};

const RULE: &str = "json:\n  rows:\n    - {at: /items, keep: {warehouse: /at/warehouse}, totals: {/total: count}, optional: true}\n  \
    mask:\n    - {fields: [/items/*/cost, /secret], unless: cost:view}\n    - {fields: [\"/**/phone\"], unless: contact:view, with: {keep-last: 2}}";

const KEEPERS: [Keeper; 4] = [
    Keeper { keeps: &["HF"], shows: &[&["HF"], &[]] },
    Keeper { keeps: &["HF", "SH"], shows: &[&["SH"], &["HF"]] },
    Keeper { keeps: &["*"], shows: &[&["*"], &["SH"]] },
    Keeper { keeps: &[], shows: &[&[], &["*"]] },
];

/// Parses, changes and gives back the whole document.
fn model(keeper: &Keeper, mut document: Value) -> Value {
    let holds = |list: &[&str], row: Option<&str>| list.contains(&"*") || row.is_some_and(|row| list.contains(&row));
    fn phones(value: &mut Value, shown: &dyn Fn() -> bool) {
        match value {
            Value::Object(members) => {
                for (name, value) in members.iter_mut() {
                    if name == "phone" && !shown() {
                        *value = match value {
                            Value::String(text) => masked(text),
                            Value::Number(number) => masked(&number.to_string()),
                            _ => json!("***"),
                        };
                    } else {
                        phones(value, shown);
                    }
                }
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| phones(element, shown)),
            _ => {}
        }
    }
    fn masked(text: &str) -> Value {
        let chars: Vec<char> = text.trim().chars().collect();
        if chars.len() < 4 {
            json!("***")
        } else {
            json!(format!("***{}", chars[chars.len() - 2..].iter().collect::<String>()))
        }
    }
    let Value::Object(top) = &mut document else { return document };
    let mut kept = None;
    let all = keeper.keeps.contains(&"*");
    if let Some(items) = top.get_mut("items") {
        let judge = |row: &mut Value| {
            let value = row.get("at").and_then(|at| at.get("warehouse"));
            let value = match value {
                Some(Value::String(text)) if !text.is_empty() => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return false,
            };
            if !holds(keeper.keeps, Some(&value)) {
                return false;
            }
            if let Value::Object(members) = row
                && !holds(keeper.shows[0], Some(&value))
            {
                members.shift_remove("cost");
            }
            phones(row, &|| holds(keeper.shows[1], Some(&value)));
            true
        };
        match items {
            Value::Array(rows) => {
                rows.retain_mut(judge);
                kept = Some(rows.len());
            }
            Value::Object(rows) => {
                let old = std::mem::take(rows);
                rows.extend(old.into_iter().filter_map(|(name, mut row)| judge(&mut row).then_some((name, row))));
                kept = Some(rows.len());
            }
            _ => {}
        }
    }
    let items = top.shift_remove("items");
    if !holds(keeper.shows[0], None) {
        top.shift_remove("secret");
    }
    for (name, value) in top.iter_mut() {
        let mut member = json!({name: value.take()});
        phones(&mut member, &|| holds(keeper.shows[1], None));
        *value = member[name].take();
    }
    top.extend(items.map(|items| ("items".to_owned(), items)));
    if !all
        && let Some(total) = top.shift_remove("total")
        && let Some(kept) = kept
    {
        top.insert("total".into(), if total.is_string() { json!(kept.to_string()) } else { json!(kept) });
    }
    document
}

/// A scalar or a small tree, with the names that the rule knows among others.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zA-Z0-9\"\\\\/\u{0}-\u{1f}é库𝄞 ]{0,12}".prop_map(Value::from),
        Just(json!("13812345678")),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("phone".to_owned()),
        Just("cost".to_owned()),
        Just("secret".to_owned()),
        Just("items".to_owned()),
        Just("total".to_owned()),
        Just("at".to_owned()),
        "[a-z\"\\\\é]{0,3}",
    ]
}

fn row() -> impl Strategy<Value = Value> {
    let place = prop_oneof![4 => Just(json!("HF")), 4 => Just(json!("SH")), 1 => Just(json!("GZ")), 1 => value()];
    let members = prop::collection::vec((name(), value()), 0..4);
    let row = (members, place, any::<bool>()).prop_map(|(members, place, nested)| {
        let mut row = Map::from_iter(members);
        row.insert("at".into(), if nested { json!({"warehouse": place}) } else { place });
        Value::Object(row)
    });
    prop_oneof![9 => row, 1 => value()]
}

fn document() -> impl Strategy<Value = Value> {
    let rows = prop::collection::vec(row(), 0..8);
    (prop::collection::vec((name(), value()), 0..4), rows, prop::collection::vec((name(), value()), 0..4), 0..4_u8)
        .prop_map(|(before, rows, after, form)| {
            let mut members = Map::from_iter(before);
            match form {
                0 => drop(members.shift_remove("items")),
                1 => drop(members.insert(
                    "items".into(),
                    rows.into_iter().enumerate().map(|(at, row)| (at.to_string(), row)).collect(),
                )),
                _ => drop(members.insert("items".into(), Value::from(rows))),
            }
            for (name, value) in after {
                if name != "items" {
                    members.insert(name, value);
                }
            }
            Value::Object(members)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_left_is_what_a_whole_reader_would_leave(document in document(), who in 0..KEEPERS.len(), pretty: bool, sizes in prop::collection::vec(1..40_usize, 1..6)) {
        let keeper = &KEEPERS[who];
        let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
        let rule = plan(RULE);
        let whole = run(&rule, keeper.clone(), "application/json", text.as_bytes(), &[text.len()]).unwrap();
        let cut = run(&rule, keeper.clone(), "application/json", text.as_bytes(), &sizes).unwrap();
        prop_assert_eq!(&whole, &cut);
        let seen: Value = serde_json::from_slice(&whole).unwrap();
        prop_assert_eq!(seen, model(keeper, document), "of {}", text);
    }

    #[test]
    fn an_answer_that_is_cut_short_ends_with_an_error_wherever(document in document(), share in 0.0..1.0_f64) {
        let text = document.to_string();
        let end = (text.len() as f64 * share) as usize;
        if end > 0 {
            prop_assert!(run(&plan(RULE), KEEPERS[0].clone(), "application/json", &text.as_bytes()[..end], &[7]).is_err());
        }
    }

    #[test]
    fn records_do_not_depend_on_where_they_are_cut(text in "(Warehouse,Cost\r?\n)(([HFS]{0,2}|\"[HF,\"\n]{0,3}\")(,([0-9]{0,2}|\"[a,\"\"]{0,3}\")){0,2}\r?\n){0,6}", sizes in prop::collection::vec(1..9_usize, 1..4)) {
        let rule = plan("csv:\n  keep: {warehouse: Warehouse}\n  mask: [{fields: [Cost], unless: cost:view}]");
        let whole = run(&rule, KEEPERS[0].clone(), "text/csv", text.as_bytes(), &[text.len()]);
        prop_assert_eq!(&whole, &run(&rule, KEEPERS[0].clone(), "text/csv", text.as_bytes(), &sizes));
        if let Ok(seen) = whole {
            // whoever reads it again sees rows of the one warehouse only
            let again = run(&rule, KEEPERS[0].clone(), "text/csv", &seen, &[3]).unwrap();
            prop_assert_eq!(again, seen);
        }
    }
}

//! Odd answers through the filters: whatever is cut, damaged or repeated, the bytes that leave do not depend on how it came, another
//! reader understands them, and no row of another warehouse and no masked field is among them.

use crate::generate::Random;
use crate::support::{Keeper, plan, run};
use serde_json::Value;

const RULE: &str = "json:\n  rows: {at: /items, keep: {warehouse: /warehouse}, totals: {/total: count}}\n  \
    mask: [{fields: [\"/**/cost\"], unless: cost:view}, {fields: [\"/**/phone\"], with: {fixed: \"***\"}}]";

const HF: Keeper = Keeper { keeps: &["HF"], shows: &[&[]] };

/// A document of pieces that are mostly put together rightly.
fn value(random: &mut Random, depth: usize, out: &mut String) {
    let few = random.below(4);
    match if depth == 0 { 4 + random.below(6) } else { random.below(10) } {
        0..=2 => {
            out.push('{');
            for at in 0..few {
                out.push_str(if at > 0 { "," } else { "" });
                let names = [
                    "\"cost\"",
                    "\"c\\u006fst\"",
                    "\"phone\"",
                    "\"warehouse\"",
                    "\"items\"",
                    "\"total\"",
                    "\"a\"",
                    "\"\\ud834\\udd1e\"",
                ];
                out.push_str(names[random.below(names.len())]);
                out.push_str(if random.below(8) == 0 { " : " } else { ":" });
                value(random, depth - 1, out);
            }
            out.push('}');
        }
        3 => {
            out.push('[');
            for at in 0..few {
                out.push_str(if at > 0 { ",\n" } else { "" });
                value(random, depth - 1, out);
            }
            out.push(']');
        }
        _ => {
            let scalars = [
                "1",
                "-0.5e+7",
                "true",
                "null",
                "\"HF\"",
                "\"SH\"",
                "\"13812345678\"",
                "\"\\\"\\\\\"",
                "\"H\\u0046\"",
                "\"库\"",
            ];
            out.push_str(scalars[random.below(scalars.len())]);
        }
    }
}

fn document(random: &mut Random) -> Vec<u8> {
    let mut text = String::from("{\"total\":7,\"items\":[");
    for at in 0..random.below(6) {
        let place = ["\"HF\"", "\"SH\"", "\"H\\u0046\"", "null"][random.below(4)];
        text.push_str(if at > 0 { "," } else { "" });
        text.push_str(&format!(
            "{{\"warehouse\":{place},\"secret\":\"of {}\",\"x\":",
            place.replace('"', "").replace('\\', "/")
        ));
        value(random, 3, &mut text);
        text.push('}');
    }
    text.push_str("],\"rest\":");
    value(random, 3, &mut text);
    text.push('}');
    let mut bytes = text.into_bytes();
    if random.below(3) == 0 {
        let at = random.below(bytes.len());
        match random.below(4) {
            0 => bytes.truncate(at.max(1)),
            1 => bytes[at] = [b'"', b'\\', b'{', b']', 0, 0xff, b','][random.below(7)],
            2 => drop(bytes.remove(at)),
            _ => bytes.insert(at, [b'"', b'}', b'[', b':', b' ', b'9'][random.below(6)]),
        }
    }
    bytes
}

fn holds_cost(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(name, value)| name == "cost" || holds_cost(value)),
        Value::Array(elements) => elements.iter().any(holds_cost),
        _ => false,
    }
}

/// Tries one answer; true where it was let through.
pub fn compare(random: &mut Random) -> Result<bool, (String, Vec<u8>)> {
    let bytes = document(random);
    let plan = plan(RULE);
    let wrong = |what: String| Err((what, bytes.clone()));
    let sizes = [random.below(9) + 1, random.below(40) + 1];
    let whole = run(&plan, HF, "application/json", &bytes, &[bytes.len().max(1)]);
    let cut = run(&plan, HF, "application/json", &bytes, &sizes);
    if whole.is_ok() != cut.is_ok() || whole.as_ref().ok() != cut.as_ref().ok() {
        return wrong(format!("whole: {whole:?}, cut into {sizes:?}: {cut:?}"));
    }
    let Ok(seen) = whole else {
        return match serde_json::from_slice::<Value>(&bytes) {
            // what another reader takes is refused only for names that readers differ about, and for lists that are none
            Ok(document)
                if document["items"].is_array() && String::from_utf8_lossy(&bytes).matches("items").count() == 1 =>
            {
                wrong("it was refused although it can be read".to_owned())
            }
            _ => Ok(false),
        };
    };
    let text = String::from_utf8_lossy(&seen).into_owned();
    let Ok(document) = serde_json::from_slice::<Value>(&seen) else { return wrong(format!("unreadable: {text}")) };
    if text.contains("of SH") || text.contains("of null") {
        return wrong(format!("a row of another warehouse: {text}"));
    }
    if holds_cost(&document) {
        return wrong(format!("a masked field: {text}"));
    }
    if run(&plan, HF, "application/json", &seen, &[5]).as_ref() != Ok(&seen) {
        return wrong(format!("filtered again it is another: {text}"));
    }
    Ok(true)
}

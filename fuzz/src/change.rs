//! JSON of the right shape with something wrong in it: random bytes hardly ever are JSON, let alone a pod.

use serde_json::{Value, json};

/// Bytes that choose; none left choose the first of all.
pub struct Choices<'b>(pub &'b [u8]);

impl Choices<'_> {
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub fn below(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first) % count.max(1)
    }
}

/// Changes up to three places of a value.
pub fn change(value: &mut Value, choices: &mut Choices<'_>) {
    for _ in 0..choices.below(4) {
        change_one(value, choices);
    }
}

fn change_one(value: &mut Value, choices: &mut Choices<'_>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let at = choices.below(fields.len() + 1);
            let Some(name) = fields.keys().nth(at).cloned() else {
                return *value = other(choices);
            };
            match choices.below(8) {
                0 => drop(fields.remove(&name)),
                _ => change_one(&mut fields[&name], choices),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = choices.below(items.len() + 1);
            if at == items.len() {
                return *value = other(choices);
            }
            match choices.below(8) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => change_one(&mut items[at], choices),
            }
        }
        _ => *value = other(choices),
    }
}

fn other(choices: &mut Choices<'_>) -> Value {
    let others = [
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1 << 30),
        json!(65_536),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[{}], "x", 1]),
        json!(""),
        json!("True"),
        json!("False"),
        json!("Failed"),
        json!("Succeeded"),
        json!("CrashLoopBackOff"),
        json!("Always"),
        json!(":"),
        json!("a:"),
        json!("shop:mindaro-"),
        json!("mindaro-0123456789abcdef"),
        json!("-9223372036854775808"),
        json!("2026-01-01T00:00:00Z"),
        json!("+999999-13-41T99:99:99Z"),
        json!(".."),
        json!("../x"),
        json!("a/../../x"),
        json!("/src/../../etc/passwd"),
        json!("/etc/passwd"),
        json!("a\0b"),
        json!("é\u{10ffff}\u{feff}"),
        json!("x".repeat(300)),
        json!("..."),
        json!("a"),
    ];
    let at = choices.below(others.len());
    others[at].clone()
}

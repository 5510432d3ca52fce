//! Faults, each made for real, and what azds makes of them: what the developer is told, what `azds
//! doctor` says, that nothing is left over, and that the next `azds up` works without a manual step.
//!
//! A program of its own, with one test: most faults are the whole cluster's.

mod cluster;
mod developer;
mod objects;
mod processes;
mod stage;
mod table;
mod trust;

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use futures_util::FutureExt;
use serde_json::{Value, json};

use stage::Stage;
use table::{FAULTS, Fault};

/// Which faults are played: `all`, the number of those that are drawn, or their names with commas
/// between. Without it, those of the core.
const SETTING: &str = "AZDS_FAULTS";

#[tokio::test(flavor = "multi_thread")]
async fn faults() {
    let mut cells = Vec::new();
    for fault in chosen() {
        eprintln!("== {}", fault.name);
        let begun = Instant::now();
        let played = AssertUnwindSafe(play(fault)).catch_unwind().await;
        let mut cell = played.unwrap_or_else(|panic| json!({"failed": words(&*panic)}));
        cell["fault"] = json!(fault.name);
        cell["seconds"] = json!(begun.elapsed().as_secs());
        eprintln!("{cell:#}");
        cells.push(cell);
    }
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/faults.json");
    std::fs::write(&file, format!("{:#}\n", Value::from(cells.clone()))).expect("a file");
    let is_bad = |cell: &&Value| {
        let says = |name: &str| cell[name].as_str().is_some_and(|text| !text.is_empty());
        !(cell["failed"].is_null() && says("outcome") && says("doctor"))
    };
    let bad: Vec<&Value> = cells.iter().filter(is_bad).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Makes a fault, and looks at what is there after it.
async fn play(fault: &Fault) -> Value {
    let stage = Stage::new().await;
    let seen = (fault.make)(&stage).await;
    stage.works_again().await;
    stage.leaves_nothing().await;
    json!({"outcome": seen.outcome, "doctor": seen.doctor})
}

fn chosen() -> Vec<&'static Fault> {
    let setting = std::env::var(SETTING).unwrap_or_default();
    let all = || FAULTS.iter();
    if setting == "all" {
        return all().collect();
    }
    if let Ok(count) = setting.parse::<usize>() {
        let mut drawn: Vec<&Fault> = all().collect();
        // What a machine's clock has of chance is enough.
        let mut seed = std::time::UNIX_EPOCH
            .elapsed()
            .map_or(0, |it| it.as_nanos());
        eprintln!("drawn by {seed}");
        while drawn.len() > count {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from((seed >> 33) % drawn.len() as u128).expect("an index");
            drawn.remove(at);
        }
        return drawn;
    }
    if setting.is_empty() {
        return all().filter(|it| it.core).collect();
    }
    let named = setting.split(',').map(|name| {
        let found = all().find(|it| it.name == name);
        found.unwrap_or_else(|| panic!("no fault is called {name:?}"))
    });
    named.collect()
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without words".to_owned())
}

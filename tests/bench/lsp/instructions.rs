//! Instructions of the processor, which do not depend on what else the machine does: what gets slower is seen
//! by these first. `valgrind` counts them in this program itself, at work on the analysis alone.

use std::process::Command;
use std::sync::Arc;

use azds::analysis::{Document, Kind, Source, Surroundings};

use super::documents::{long, short};
use crate::note;
use crate::statistics::Row;

/// The argument by which this program is told to do one of [`WORKS`] so many times and end.
pub const ARGUMENT: &str = "--work";
/// More than this part above what is recorded is a regression. A newer compiler may need new records.
const MORE: f64 = 1.05;

/// A piece of work, how many thousand instructions an optimised build takes for it, and what it does.
type Work = (&'static str, f64, fn(&Document<'_>));

/// All of them. The records are of x86-64.
const WORKS: [(Work, fn() -> String); 4] = [
    (("problems of 30 lines", 430.0, problems), short),
    (("problems of 5,000 lines", 64_845.0, problems), long),
    (
        (
            "problems of 5,000 lines, half a key at the end",
            274_120.0,
            problems,
        ),
        half,
    ),
    (
        (
            "completion at the end of 5,000 lines",
            16_345.0,
            completions,
        ),
        long,
    ),
];

fn problems(document: &Document<'_>) {
    std::hint::black_box(document.problems());
}

fn completions(document: &Document<'_>) {
    std::hint::black_box(document.completions(document.text().len()));
}

fn half() -> String {
    long() + "insta"
}

/// A row for each work; of a development build, which takes more instructions, a note.
pub fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, ((name, recorded, _), _)) in WORKS.iter().enumerate() {
        let counted = count(number, 3).zip(count(number, 1));
        let Some((three, one)) = counted else {
            note("not run: instruction counts, for which valgrind is needed");
            return rows;
        };
        let thousands = (three - one) as f64 / 2.0 / 1000.0;
        if cfg!(debug_assertions) {
            note(&format!("{name}: {thousands:.0} thousand instructions"));
        } else {
            let work = format!("instructions: {name}");
            rows.push(Row::of(
                &work,
                *recorded,
                thousands,
                (recorded * MORE).round(),
                "thousand",
            ));
        }
    }
    rows
}

/// Instructions of this program while it does a work so many times.
fn count(number: usize, times: u32) -> Option<u64> {
    let program = std::env::current_exe().ok()?;
    let counted = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([ARGUMENT, &number.to_string(), &times.to_string()])
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&counted.stderr);
    let (_, after) = said.split_once("Collected : ")?;
    after.split_whitespace().next()?.parse().ok()
}

/// Does a work, as it is told to by the arguments after [`ARGUMENT`].
pub fn work(number: &str, times: &str) {
    let number: usize = number.parse().expect("the number of a work");
    let times: u32 = times.parse().expect("how many times");
    let ((_, _, work), text) = WORKS[number];
    let text = text();
    for _ in 0..times {
        // An edit makes a new text, of which nothing is known yet.
        let source = Arc::new(Source::new(text.as_str()));
        work(&Document {
            kind: Kind::AzdsYaml,
            path: "azds.yaml",
            source: &source,
            around: &AllThere,
        });
    }
}

/// What azds.yaml names is there, and empty.
struct AllThere;

impl Surroundings for AllThere {
    fn is_file(&self, path: &str) -> bool {
        !path.ends_with("dev.yaml")
    }

    fn is_folder(&self, _: &str) -> bool {
        true
    }
}

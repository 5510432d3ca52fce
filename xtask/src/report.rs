//! What `cargo xtask test` finds, counted from what the tests print.

use std::fmt::Write as _;

/// The counts of all test programs.
#[derive(Default)]
pub struct Report {
    /// Tests that held.
    pub passed: u32,
    /// Tests, and other checks, that did not.
    pub failed: u32,
    /// What was not run, and why.
    pub not_run: Vec<String>,
    part: Part,
}

/// Where in the output of a test program we are.
#[derive(Default, PartialEq)]
enum Part {
    #[default]
    Tests,
    /// What tests that held have printed.
    Successes,
    Failures,
}

impl Report {
    /// Takes a line of a test program that was called with `--show-output`; true if a person should see it.
    pub fn line(&mut self, line: &str) -> bool {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.part = Part::Tests;
            self.passed += count(result, " passed");
            self.failed += count(result, " failed");
            return true;
        }
        match line {
            "successes:" => self.part = Part::Successes,
            "failures:" => self.part = Part::Failures,
            _ => {}
        }
        match self.part {
            Part::Tests => {
                if let Some((name, why)) = line.split_once(" ... ignored") {
                    let name = name.trim_start_matches("test ");
                    self.not_run.push(format!("{name} (ignored{why})"));
                }
                !line.is_empty() && !line.ends_with(" ... ok") && !line.starts_with("running ")
            }
            Part::Successes => {
                if let Some(what) = line.strip_prefix("not run: ") {
                    self.not_run.push(what.to_owned());
                }
                false
            }
            Part::Failures => true,
        }
    }

    /// A check failed that is no test.
    pub fn failure(&mut self, what: &str) {
        println!("FAILED: {what}");
        self.failed += 1;
    }

    /// What was not run, how many that are, and the counts.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for what in &self.not_run {
            writeln!(text, "not run: {what}").expect("a String takes all");
        }
        if !self.not_run.is_empty() {
            writeln!(text, "{} not run", self.not_run.len()).expect("a String takes all");
        }
        text + &format!("{} passed, {} failed", self.passed, self.failed)
    }
}

/// The number before `label`.
fn count(result: &str, label: &str) -> u32 {
    let before = result.split(label).next().unwrap_or_default();
    let digits = before.rsplit(' ').next().unwrap_or_default();
    digits.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Report;

    const OUTPUT: &str = "\nrunning 4 tests\ntest a ... ok\ntest b ... ok\ntest c ... FAILED\ntest d ... ignored, slow\n
successes:\n\n---- b stdout ----\nnot run: no netcoredbg\n\n\nsuccesses:\n    a\n    b\n
failures:\n\n---- c stdout ----\n1 != 2\n\n\nfailures:\n    c\n
test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";

    #[test]
    fn tests_are_counted_and_only_failures_are_shown() {
        let mut report = Report::default();
        let shown: Vec<&str> = OUTPUT.lines().filter(|line| report.line(line)).collect();
        assert_eq!(
            report.summary(),
            "not run: d (ignored, slow)\nnot run: no netcoredbg\n2 not run\n2 passed, 1 failed"
        );
        assert!(
            shown.contains(&"test c ... FAILED") && shown.contains(&"1 != 2"),
            "{shown:?}"
        );
        assert!(
            !shown.contains(&"test a ... ok") && !shown.contains(&"not run: no netcoredbg"),
            "{shown:?}"
        );
    }
}

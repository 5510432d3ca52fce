//! Measured times, and what is claimed of them.

use std::time::Duration;

use serde::Serialize;

/// Times of one piece of work, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Times(Vec<f64>);

impl Times {
    /// Takes in one more.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time.as_secs_f64() * 1000.0);
    }

    /// The middle one, or the mean of the two in the middle; NaN of none.
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The one that so large a part of all does not exceed; NaN of none.
    pub fn percentile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() as f64 * part).ceil() as usize;
        sorted
            .get(at.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// For a person: the median, with the least and the most.
    pub fn describe(&self) -> String {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!(
            "{} ms ({} to {}, n={})",
            rounded(self.median()),
            rounded(least),
            rounded(most),
            self.0.len()
        )
    }
}

/// What is claimed of one piece of work, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What is done.
    pub work: String,
    /// Median of the same done without azds; `null` in JSON if nothing does the same.
    pub floor: f64,
    /// Median of ours.
    pub ours: f64,
    /// What ours may be at most.
    pub limit: f64,
    /// Of the three.
    pub unit: &'static str,
    /// Whether ours is within the limit.
    pub pass: bool,
}

impl Row {
    /// Ours may take this much longer than the floor.
    pub fn new(work: &str, floor: &Times, ours: &Times, allowance: Duration) -> Row {
        let (floor, ours) = (floor.median(), ours.median());
        let limit = floor + allowance.as_secs_f64() * 1000.0;
        Row {
            work: work.to_owned(),
            floor: rounded(floor),
            ours: rounded(ours),
            limit: rounded(limit),
            unit: "ms",
            pass: ours <= limit,
        }
    }
}

impl Row {
    /// Beside somebody else's, with a limit of its own.
    pub fn beside(work: &str, floor: &Times, ours: &Times, limit: f64) -> Row {
        Row::of(work, floor.median(), ours.median(), limit, "ms")
    }

    /// Of figures that were worked out already.
    pub fn of(work: &str, floor: f64, ours: f64, limit: f64, unit: &'static str) -> Row {
        Row {
            work: work.to_owned(),
            floor: rounded(floor),
            ours: rounded(ours),
            limit,
            unit,
            pass: ours <= limit,
        }
    }
}

/// To a tenth: what is beyond that is noise.
fn rounded(milliseconds: f64) -> f64 {
    (milliseconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(milliseconds: &[u64]) -> Times {
        let mut times = Times::default();
        for &time in milliseconds {
            times.add(Duration::from_millis(time));
        }
        times
    }

    #[test]
    fn the_median_does_not_depend_on_the_order_or_on_one_that_is_far_off() {
        assert_eq!(times(&[3, 1, 9000]).median(), 3.0);
        assert_eq!(times(&[4, 1, 2, 9000]).median(), 3.0);
        assert!(times(&[]).median().is_nan());
    }

    #[test]
    fn a_person_sees_the_spread() {
        assert_eq!(times(&[5, 7, 6]).describe(), "6 ms (5 to 7, n=3)");
    }

    #[test]
    fn a_row_holds_up_to_its_limit_and_not_beyond() {
        let allowance = Duration::from_millis(10);
        let row = |ours| Row::new("w", &times(&[20]), &times(&[ours]), allowance);
        assert_eq!(row(30).limit, 30.0);
        assert!(row(30).pass);
        assert!(!row(31).pass);
        assert!(
            !Row::new("w", &times(&[]), &times(&[1]), allowance).pass,
            "nothing was measured"
        );
    }
}

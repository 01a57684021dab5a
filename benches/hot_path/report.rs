//! Medians with ranges: single figures drift, ratios of pairs hold.

use std::fmt::Write as _;

use crate::load::Seen;

/// One case over all rounds.
pub struct Row {
    name: &'static str,
    goal: Option<f64>,
    /// CPU of the floor over CPU of ours, pair by pair.
    ratios: Vec<f64>,
    rates: Vec<f64>,
    floor_rates: Vec<f64>,
    micros: Vec<f64>,
}

impl Row {
    pub fn new(name: &'static str, goal: Option<f64>) -> Self {
        Self {
            name,
            goal,
            ratios: Vec::new(),
            rates: Vec::new(),
            floor_rates: Vec::new(),
            micros: Vec::new(),
        }
    }

    pub fn add(&mut self, floor: &Seen, ours: &Seen) {
        self.ratios.push(floor.cpu_per_answer() / ours.cpu_per_answer());
        self.rates.push(ours.rate());
        self.floor_rates.push(floor.rate());
        self.micros.push(ours.cpu_per_answer() * 1e6);
    }

    pub fn rate(&self) -> f64 {
        median(&self.rates)
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn median(values: &[f64]) -> f64 {
    sorted(values).get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub fn table(rows: &[Row]) -> String {
    let mut out = format!(
        "{:<26} {:>6} {:>15} {:>6} {:>9} {:>9} {:>9}\n",
        "", "x", "range", "goal", "floor/s", "ours/s", "µs CPU"
    );
    for row in rows {
        let ratios = sorted(&row.ratios);
        let (Some(least), Some(most)) = (ratios.first(), ratios.last()) else {
            continue;
        };
        let goal = row.goal.map_or(String::from("–"), |goal| format!("{goal:.3}"));
        let _ = writeln!(
            out,
            "{:<26} {:>6.3} {:>7.3}–{:<7.3} {:>6} {:>9.0} {:>9.0} {:>9.1}",
            row.name,
            median(&row.ratios),
            least,
            most,
            goal,
            median(&row.floor_rates),
            median(&row.rates),
            median(&row.micros),
        );
    }
    out
}

pub fn latencies(name: &str, floor: &Seen, ours: &Seen) -> String {
    let at = |seen: &Seen, part: usize| {
        let index = seen.latencies.len() * part / 100;
        seen.latencies
            .get(index)
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e6)
    };
    format!(
        "{name:<26} p50 {:>6.0} → {:<6.0} p99 {:>6.0} → {:<6.0}\n",
        at(floor, 50),
        at(ours, 50),
        at(floor, 99),
        at(ours, 99),
    )
}

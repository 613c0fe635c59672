//! The table: median and spread of each server, and the ratio of the medians.

use std::fmt::Write;

use crate::server::Kind;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    More,
    Less,
}

struct Row {
    name: &'static str,
    unit: &'static str,
    better: Better,
    values: [Vec<f64>; 2],
}

/// Collects what was measured, in the order of the first measurement.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub fn add(
        &mut self,
        (name, unit, better): (&'static str, &'static str, Better),
        kind: Kind,
        value: f64,
    ) {
        eprintln!("  {:<16} {name}: {value:.2} {unit}", kind.name());
        let at = self.rows.iter().position(|row| row.name == name);
        let at = at.unwrap_or_else(|| {
            self.rows.push(Row {
                name,
                unit,
                better,
                values: [Vec::new(), Vec::new()],
            });
            self.rows.len() - 1
        });
        let column = usize::from(kind == Kind::DockerRegistry);
        self.rows[at].values[column].push(value);
    }

    /// Writes the document.
    pub fn write(&self, rounds: usize) -> String {
        let mut text = format!(
            "# Benchmarks\n\n\
             Dockyard {} beside Debian's docker-registry 2.8.2, in one run of `make bench` on one machine \
             ({}),\nclient and servers sharing it, in turns. Each figure is the median of {rounds} with the \
             least and the most behind it. The ratio\nsays how many times better Dockyard is: above 1, it is \
             ahead. Dockyard checks a token at each request, docker-registry\nruns without any. Only ratios \
             of one run mean something: the figures are this machine's.\n\n\
             | what | unit | Dockyard | docker-registry | ratio |\n|---|---|---|---|---|\n",
            env!("CARGO_PKG_VERSION"),
            machine(),
        );
        for row in &self.rows {
            let [ours, theirs] = row.values.each_ref().map(|values| summary(values));
            let ratio = match (ours, theirs) {
                (Some(ours), Some(theirs)) => Some(match row.better {
                    Better::More => ours.median / theirs.median,
                    Better::Less => theirs.median / ours.median,
                }),
                _ => None,
            };
            let show = |summary: Option<Summary>| {
                summary.map_or("-".to_owned(), |s| {
                    format!(
                        "{} ({} to {})",
                        number(s.median),
                        number(s.least),
                        number(s.most)
                    )
                })
            };
            let ratio = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            let (ours, theirs) = (show(ours), show(theirs));
            writeln!(
                text,
                "| {} | {} | {ours} | {theirs} | {ratio} |",
                row.name, row.unit
            )
            .expect("a string takes everything");
        }
        text
    }
}

#[derive(Clone, Copy)]
struct Summary {
    median: f64,
    least: f64,
    most: f64,
}

fn summary(values: &[f64]) -> Option<Summary> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(Summary {
        median: *sorted.get(sorted.len() / 2)?,
        least: *sorted.first()?,
        most: *sorted.last()?,
    })
}

fn number(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("", |line| line.trim_start_matches(['\t', ' ', ':']));
    format!("{cpus} cores, {model}")
}

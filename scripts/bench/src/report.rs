//! Tables: median and spread on each side, and the ratio of the medians.

use std::fmt::Write;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    More,
    Less,
}

/// Whose figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Dockyard,
    /// What Dockyard is compared with.
    Other,
}

/// What is measured: name, unit, and which way is better.
pub type Measure = (&'static str, &'static str, Better);

struct Row {
    name: &'static str,
    unit: &'static str,
    better: Better,
    values: [Vec<f64>; 2],
}

/// Collects what was measured, in the order of the first measurement.
pub struct Report {
    /// What the other side is called.
    other: &'static str,
    rows: Vec<Row>,
}

impl Report {
    pub const fn beside(other: &'static str) -> Self {
        Self {
            other,
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, (name, unit, better): Measure, side: Side, value: f64) {
        let whose = match side {
            Side::Dockyard => "Dockyard",
            Side::Other => self.other,
        };
        eprintln!("  {whose:<16} {name}: {value:.2} {unit}");
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
        self.rows[at].values[side as usize].push(value);
    }

    /// Writes the table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "| what | unit | Dockyard | {} | ratio |\n|---|---|---|---|---|\n",
            self.other
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

/// Writes the document.
pub fn document(servers: &Report, tarballs: &Report, rounds: usize) -> String {
    format!(
        "# Benchmarks\n\n\
         Dockyard {version} beside Debian's docker-registry 2.8.2, in one run of `make bench` on one machine \
         ({machine}),\nclient and servers sharing it, in turns. Each figure is the median of {rounds} with the \
         least and the most behind it. The ratio\nsays how many times better Dockyard is: above 1, it is \
         ahead. Dockyard checks a token at each request, docker-registry\nruns without any. Only ratios \
         of one run mean something: the figures are this machine's.\n\n\
         {servers}\n\
         ## Tarballs\n\n\
         What of a tarball costs more than its bytes, beside the least that the same would cost otherwise. \
         The layer is a tar of this\nmachine's own programs. `pigz` compresses it as fast as it can on two \
         threads, from a file to a file; Dockyard receives,\nhashes it twice, compresses (with fewer bytes as \
         the result) and writes to last. Rates are of the bytes that are sent.\n\n\
         {tarballs}",
        version = env!("CARGO_PKG_VERSION"),
        machine = machine(),
        servers = servers.table(),
        tarballs = tarballs.table(),
    )
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

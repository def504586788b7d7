//! What came of it: a table to read, all figures as JSON, and a chart.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::chart;
use super::load::Sample;
use super::machine::Machine;
use super::options::Options;
use super::plan::Variant;
use super::statistics::Figure;

pub(super) struct Report {
    rows: Vec<Row>,
    skipped: Vec<String>,
    machine: Machine,
    rounds: usize,
    requests: usize,
}

/// What a variant came to.
pub(super) struct Row {
    pub(super) variant: Variant,
    samples: Vec<Sample>,
    /// Processor time of the sidecar per request, in microseconds.
    pub(super) cpu: Figure,
    elsewhere: Figure,
    p50: Figure,
    p99: Figure,
    /// What it takes more than the variant that it is compared with.
    added: Option<Added>,
}

struct Added {
    cpu: Figure,
    p50: Figure,
    p99: Figure,
}

impl Report {
    pub(super) fn new(
        variants: &[Variant],
        samples: &[Vec<Sample>],
        skipped: &[String],
        machine: Machine,
        options: &Options,
    ) -> Self {
        let of = |name: &String| {
            let place = variants.iter().position(|variant| variant.name == *name);
            place.and_then(|place| samples.get(place))
        };
        let rows = variants.iter().zip(samples).map(|(variant, samples)| {
            let added = variant.over.as_ref().and_then(of).map(|others| {
                let differences = |part: fn(&Sample) -> f64| {
                    Figure::of(samples.iter().zip(others).map(|(sample, other)| part(sample) - part(other)))
                };
                Added {
                    cpu: differences(|sample| sample.cpu),
                    p50: differences(|sample| sample.p50),
                    p99: differences(|sample| sample.p99),
                }
            });
            Row {
                variant: variant.clone(),
                samples: samples.clone(),
                cpu: Figure::of(samples.iter().map(|sample| sample.cpu)),
                elsewhere: Figure::of(samples.iter().map(|sample| sample.elsewhere)),
                p50: Figure::of(samples.iter().map(|sample| sample.p50)),
                p99: Figure::of(samples.iter().map(|sample| sample.p99)),
                added,
            }
        });
        Self {
            rows: rows.collect(),
            skipped: skipped.to_vec(),
            machine,
            rounds: options.rounds,
            requests: options.requests,
        }
    }

    /// In Markdown.
    pub(super) fn table(&self) -> String {
        let mut out = format!(
            "{}. {} rounds of {} requests a variant.\n",
            self.machine.sentence(),
            self.rounds,
            self.requests
        );
        if self.machine.is_noisy() {
            out.push_str("**The machine was busy with other work: compare these figures with each other, and with nothing else.**\n");
        }
        out.push_str(
            "\n| variant | CPU us/request | added CPU us | added p50 us | added p99 us | p50 us | p99 us | elsewhere us |\n\
             | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for row in &self.rows {
            let spread = |figure: Figure, digits: usize| {
                format!("{:.digits$} ({:.digits$} to {:.digits$})", figure.median, figure.min, figure.max)
            };
            let added = match &row.added {
                None => "| | | ".to_owned(),
                Some(added) => {
                    format!("| {} | {:.0} | {:.0} ", spread(added.cpu, 1), added.p50.median, added.p99.median)
                }
            };
            let elsewhere = match row.variant.helper {
                None => String::new(),
                Some(_) => format!("{:.1}", row.elsewhere.median),
            };
            let _ = writeln!(
                out,
                "| {} | {} {added}| {:.0} | {:.0} | {elsewhere} |",
                row.variant.about,
                spread(row.cpu, 1),
                row.p50.median,
                row.p99.median,
            );
        }
        for skipped in &self.skipped {
            let _ = writeln!(out, "\nNot measured: {skipped}.");
        }
        out
    }

    fn json(&self) -> Value {
        let figure = |figure: Figure| json!({"median": figure.median, "min": figure.min, "max": figure.max});
        let rows = self.rows.iter().map(|row| {
            let added = row.added.as_ref().map(|added| {
                json!({
                    "over": row.variant.over,
                    "cpu": figure(added.cpu),
                    "p50": figure(added.p50),
                    "p99": figure(added.p99),
                })
            });
            let sample = |part: fn(&Sample) -> f64| -> Vec<f64> { row.samples.iter().map(part).collect() };
            json!({
                "name": row.variant.name,
                "about": row.variant.about,
                "cpu": figure(row.cpu),
                "p50": figure(row.p50),
                "p99": figure(row.p99),
                "elsewhere": figure(row.elsewhere),
                "added": added,
                "rounds": {
                    "cpu": sample(|sample| sample.cpu),
                    "p50": sample(|sample| sample.p50),
                    "p99": sample(|sample| sample.p99),
                },
            })
        });
        json!({
            "unit": "microseconds",
            "machine": self.machine.json(),
            "rounds": self.rounds,
            "requests": self.requests,
            "variants": rows.collect::<Vec<_>>(),
            "not measured": self.skipped,
        })
    }

    /// Writes all of it to a directory.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join("mesh.md"), self.table())?;
        std::fs::write(directory.join("mesh.json"), format!("{:#}\n", self.json()))?;
        std::fs::write(directory.join("mesh.svg"), chart::svg(&self.rows))
    }
}

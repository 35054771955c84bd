//! The result as tables, which are Markdown too, and as JSON; and whether the targets are met.

use serde::Serialize;

use crate::eval::Timings;
use crate::report::markdown;

use super::measure::Spread;
use super::pictures::Picture;
use super::quality::Quality;

/// CPU time that `fast` may take for the 1080p picture.
const FAST_MS_MAX: f64 = 40.0;
/// Part of deface's CPU time at its defaults that `balanced` may take.
const DEFACE_PART_MAX: f64 = 1.0 / 3.0;
/// CPU time that everything but the models may take for the 12 MP picture in `fast`: what it takes in any profile that does
/// not look closely.
const IMAGE_SIDE_MS_MAX: f64 = 75.0;
/// Memory that a worker may take for the 12 MP picture.
const WORKER_MIB_MAX: f64 = 250.0;

/// What a subject costs on a picture.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Cost {
    pub(super) picture: &'static str,
    pub(super) subject: String,
    pub(super) classes: &'static str,
    /// CPU time of all processes for one picture more, start-up apart.
    pub(super) cpu_ms: Option<Spread>,
    /// CPU time before the first picture.
    pub(super) startup_cpu_ms: Option<Spread>,
    /// Medians by stage, as the media process books them.
    pub(super) timings: Option<Timings>,
    /// On all cores.
    pub(super) pictures_per_s: Option<Spread>,
    /// Largest resident set of one worker.
    pub(super) peak_mib: Option<f64>,
}

/// A promise and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Target {
    target: &'static str,
    at_most: f64,
    measured: Option<f64>,
    met: Option<bool>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(super) struct Benchmark {
    processor: String,
    cores: usize,
    runs: u32,
    pictures: Vec<Picture>,
    costs: Vec<Cost>,
    targets: Vec<Target>,
    quality: Vec<Quality>,
}

impl Benchmark {
    pub(super) fn new(
        cores: usize,
        runs: u32,
        pictures: Vec<Picture>,
        costs: Vec<Cost>,
        quality: Vec<Quality>,
    ) -> Self {
        Self {
            processor: processor(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            cores,
            runs,
            pictures,
            targets: targets(&costs),
            costs,
            quality,
        }
    }

    /// The tables.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            String::new(),
            format!(
                "{}, {} cores; rounds: {}; medians (least–most)",
                self.processor, self.cores, self.runs
            ),
        ];
        for picture in &self.pictures {
            lines.push(format!(
                "{}: JPEG of {}x{} pixels, {} kB",
                picture.name,
                picture.width,
                picture.height,
                picture.bytes / 1000
            ));
        }
        for table in [self.costs(), self.stages(), self.targets(), self.quality()] {
            if table.len() > 1 {
                lines.push(String::new());
                lines.extend(markdown(&table));
            }
        }
        lines
    }

    fn costs(&self) -> Vec<Vec<String>> {
        let spread = |spread: &Option<Spread>| spread.map_or_else(dash, |spread| spread.to_string());
        let head = [
            "picture",
            "subject",
            "looks for",
            "CPU ms a picture",
            "CPU ms to start",
            "pictures/s, all cores",
            "MiB a worker",
        ];
        let rows = self.costs.iter().map(|cost| {
            vec![
                cost.picture.to_owned(),
                cost.subject.clone(),
                cost.classes.to_owned(),
                spread(&cost.cpu_ms),
                spread(&cost.startup_cpu_ms),
                spread(&cost.pictures_per_s),
                cost.peak_mib.map_or_else(dash, |mib| format!("{mib:.0}")),
            ]
        });
        table(&head, rows)
    }

    fn stages(&self) -> Vec<Vec<String>> {
        let head = [
            "picture",
            "subject",
            "looks for",
            "decode",
            "resize",
            "inference",
            "mask",
            "encode",
            "all but inference",
            "all",
        ];
        let rows = self.costs.iter().filter_map(|cost| {
            let timings = cost.timings?;
            let figures = [
                timings.decode_ms,
                timings.resize_ms,
                timings.inference_ms,
                timings.mask_ms,
                timings.encode_ms,
                timings.image_side_ms(),
                timings.total_ms(),
            ];
            let names = [cost.picture, &cost.subject, cost.classes].map(str::to_owned);
            Some(
                names
                    .into_iter()
                    .chain(figures.map(|ms| format!("{ms:.1}")))
                    .collect(),
            )
        });
        table(&head, rows)
    }

    fn targets(&self) -> Vec<Vec<String>> {
        let rows = self.targets.iter().map(|target| {
            let met = target
                .met
                .map_or("not measured", |met| if met { "yes" } else { "no" });
            vec![
                target.target.to_owned(),
                format!("{:.2}", target.at_most),
                target.measured.map_or_else(dash, |value| format!("{value:.2}")),
                met.to_owned(),
            ]
        });
        table(&["target", "at most", "measured", "met"], rows)
    }

    fn quality(&self) -> Vec<Vec<String>> {
        let percent = |share: Option<f64>| share.map_or_else(dash, |share| format!("{:.1} %", 100.0 * share));
        let head = [
            "subject",
            "faces hidden",
            "with masks of 15 %",
            "recall 0.3",
            "precision 0.3",
            "CPU ms",
        ];
        let rows = self.quality.iter().map(|quality| {
            vec![
                quality.subject.clone(),
                percent(quality.coverage),
                percent(quality.coverage_alike),
                percent(quality.recall),
                percent(quality.precision),
                quality.ms.map_or_else(dash, |ms| format!("{ms:.1}")),
            ]
        });
        table(&head, rows)
    }
}

fn dash() -> String {
    "-".to_owned()
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let head = head.iter().map(|&text| text.to_owned()).collect();
    [head].into_iter().chain(rows).collect()
}

fn processor(cpuinfo: &str) -> String {
    cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or_else(
            || "unknown processor".to_owned(),
            |rest| rest.trim_start_matches([' ', '\t', ':']).to_owned(),
        )
}

fn targets(costs: &[Cost]) -> Vec<Target> {
    let find = |picture: &str, subject: &str, classes: &str| {
        costs
            .iter()
            .find(|cost| cost.picture == picture && cost.subject == subject && cost.classes == classes)
    };
    let both = "faces, plates";
    // A difference of nothing or less is noise, and noise meets no target.
    let cpu = |cost: Option<&Cost>| Some(cost?.cpu_ms?.median).filter(|ms| *ms > 0.0);
    let large = find("12 MP", "sfumato balanced", both);
    let fast = cpu(find("1080p", "sfumato fast", both));
    let balanced = cpu(find("1080p", "sfumato balanced", both));
    let deface = cpu(find("1080p", "deface, its own threads", "faces"));
    let deface_one = cpu(find("1080p", "deface, 1 thread", "faces"));
    let part = |ours: Option<f64>, of: Option<f64>| Some(ours? / of?);
    let target = |target, at_most, measured: Option<f64>| Target {
        target,
        at_most,
        measured,
        met: measured.map(|measured| measured <= at_most),
    };
    vec![
        target("fast, 1080p: CPU ms a picture", FAST_MS_MAX, fast),
        target(
            "balanced, 1080p: part of the CPU time of deface at its defaults",
            DEFACE_PART_MAX,
            part(balanced, deface),
        ),
        target(
            "balanced, 1080p: part of the CPU time of deface on one thread",
            DEFACE_PART_MAX,
            part(balanced, deface_one),
        ),
        target(
            "fast, 12 MP: CPU ms of everything but inference",
            IMAGE_SIDE_MS_MAX,
            find("12 MP", "sfumato fast", both).and_then(|cost| Some(cost.timings?.image_side_ms())),
        ),
        target(
            "balanced, 12 MP: part of the CPU time of deface on one thread",
            DEFACE_PART_MAX,
            part(cpu(large), cpu(find("12 MP", "deface, 1 thread", "faces"))),
        ),
        target(
            "balanced, 12 MP: MiB a worker",
            WORKER_MIB_MAX,
            large.and_then(|cost| cost.peak_mib),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(picture: &'static str, subject: &str, classes: &'static str, cpu_ms: f64) -> Cost {
        Cost {
            picture,
            subject: subject.to_owned(),
            classes,
            cpu_ms: Spread::of(&[cpu_ms]),
            startup_cpu_ms: None,
            timings: Some(Timings {
                decode_ms: 30.0,
                resize_ms: 5.0,
                inference_ms: 500.0,
                mask_ms: 1.0,
                encode_ms: 34.0,
            }),
            pictures_per_s: None,
            peak_mib: Some(251.0),
        }
    }

    #[test]
    fn targets_are_met_or_not_or_not_measured() {
        let both = "faces, plates";
        let costs = [
            cost("1080p", "sfumato fast", both, 39.0),
            cost("1080p", "sfumato fast", "faces", 99.0),
            cost("1080p", "sfumato balanced", both, 200.0),
            cost("1080p", "deface, its own threads", "faces", 800.0),
            cost("1080p", "deface, 1 thread", "faces", 500.0),
            cost("12 MP", "sfumato fast", both, 90.0),
            cost("12 MP", "sfumato balanced", both, 300.0),
            cost("12 MP", "deface, 1 thread", "faces", 1000.0),
        ];
        let met = |costs: &[Cost]| targets(costs).iter().map(|target| target.met).collect::<Vec<_>>();
        assert_eq!(
            met(&costs),
            [
                Some(true),
                Some(true),
                Some(false),
                Some(true),
                Some(true),
                Some(false)
            ]
        );
        assert_eq!(met(&costs[..3]), [Some(true), None, None, None, None, None]);
        assert_eq!(met(&[cost("1080p", "sfumato fast", both, -1.0)])[0], None);
    }

    #[test]
    fn the_tables_have_what_was_measured_and_json_the_same() {
        let result = Benchmark::new(
            2,
            3,
            Vec::new(),
            vec![cost("12 MP", "sfumato balanced", "faces, plates", 300.0)],
            Vec::new(),
        );
        let text = result.lines().join("\n");
        for expected in ["300.0 (300.0–300.0)", "| 70.0", "| 251.00", "not measured"] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("faces hidden"), "{text}");
        let json = serde_json::to_value(&result).unwrap();
        assert_eq!(json["costs"][0]["cpu_ms"]["median"], 300.0);
        assert_eq!(json["costs"][0]["timings"]["decode_ms"], 30.0);
    }

    #[test]
    fn the_processor_is_named_as_the_system_names_it() {
        assert_eq!(processor("model name\t: Fast CPU @ 3 GHz\n"), "Fast CPU @ 3 GHz");
        assert_eq!(processor(""), "unknown processor");
    }
}

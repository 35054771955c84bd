//! Plans of detection by what they cost and what they hide.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;

use crate::report::note;
use crate::svg::{Anchor, Svg};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 520.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 60.0;
const POINT: &str = "#2a78b5";
const BEATEN: &str = "#9aa5ad";
const CHOSEN: &str = "#d97706";
/// A plan with this before its name is a profile of the product.
const CHOSEN_MARK: &str = "FINAL ";
const GRID: &str = "#dddddd";
const LABEL_SIZE: f64 = 11.0;
/// Mean width of a letter, by its size.
const LETTER_WIDTH: f64 = 0.55;
/// Space between a point and its label.
const GAP: f64 = 7.0;
const COSTS_MS: [f64; 13] = [
    1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0,
];

/// One way to look at pictures.
#[derive(Clone, Debug, Deserialize)]
struct Plan {
    class: String,
    plan: String,
    coverage: f64,
    precision: f64,
    cpu_ms_1080p: f64,
}

impl Plan {
    fn is_chosen(&self) -> bool {
        self.plan.starts_with(CHOSEN_MARK)
    }
}

/// Draws `frontier-{class}.svg` for each class of the table into the folder.
///
/// # Errors
/// The table cannot be read, or a chart not be written.
pub(super) fn draw(table: &Path, folder: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(table).with_context(|| format!("read {}", table.display()))?;
    let plans = parse(&text).with_context(|| format!("read {}", table.display()))?;
    let mut classes: Vec<_> = plans.iter().map(|plan| plan.class.as_str()).collect();
    classes.sort_unstable();
    classes.dedup();
    for class in classes {
        let own: Vec<_> = plans.iter().filter(|plan| plan.class == class).collect();
        let path = folder.join(format!("frontier-{class}.svg"));
        super::write(&path, chart(class, &own).as_bytes())?;
        note(&path.display().to_string());
    }
    Ok(())
}

fn parse(text: &str) -> anyhow::Result<Vec<Plan>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let plans: Vec<Plan> = reader.deserialize().collect::<Result<_, _>>()?;
    ensure!(!plans.is_empty(), "there is no plan in it");
    for plan in &plans {
        let name = &plan.class;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        ensure!(
            !name.is_empty() && name.chars().all(plain),
            "`{name}` is no name of a class"
        );
        ensure!(
            plan.cpu_ms_1080p > 0.0,
            "`{}` costs no time, which cannot be drawn",
            plan.plan
        );
    }
    Ok(plans)
}

/// The plans that no other one beats in both cost and coverage, the cheapest first.
fn frontier<'a>(plans: &[&'a Plan]) -> Vec<&'a Plan> {
    let mut sorted = plans.to_vec();
    sorted.sort_by(|a, b| {
        let cost = a.cpu_ms_1080p.total_cmp(&b.cpu_ms_1080p);
        cost.then(b.coverage.total_cmp(&a.coverage))
    });
    let mut best = f64::NEG_INFINITY;
    sorted.retain(|plan| {
        let better = plan.coverage > best;
        best = best.max(plan.coverage);
        better
    });
    sorted
}

/// Places on the drawing: cost by its logarithm to the right, coverage upwards.
struct Axes {
    cost: (f64, f64),
    coverage: (f64, f64),
}

impl Axes {
    fn new(plans: &[&Plan]) -> Self {
        let costs = plans.iter().map(|plan| plan.cpu_ms_1080p);
        let coverages = plans.iter().map(|plan| plan.coverage);
        let (low, high) = (
            costs.clone().fold(f64::MAX, f64::min),
            costs.fold(f64::MIN, f64::max),
        );
        let least = coverages.fold(1.0, f64::min);
        Self {
            cost: (low / 1.3, high * 1.6),
            coverage: (((least - 0.01) * 20.0).floor().max(0.0) / 20.0, 1.0),
        }
    }

    fn x(&self, cost: f64) -> f64 {
        let part = (cost / self.cost.0).ln() / (self.cost.1 / self.cost.0).ln();
        LEFT + part * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, coverage: f64) -> f64 {
        let part = (coverage - self.coverage.0) / (self.coverage.1 - self.coverage.0);
        HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
    }

    fn point(&self, plan: &Plan) -> (f64, f64) {
        (self.x(plan.cpu_ms_1080p), self.y(plan.coverage))
    }

    fn draw(&self, svg: &mut Svg) {
        let bottom = HEIGHT - BOTTOM;
        for cost in COSTS_MS {
            if (self.cost.0..=self.cost.1).contains(&cost) {
                let x = self.x(cost);
                svg.line((x, TOP), (x, bottom), GRID, 1.0);
                svg.text((x, bottom + 18.0), Anchor::Middle, 12.0, &cost.to_string());
            }
        }
        let range = self.coverage.1 - self.coverage.0;
        let step = if range > 0.3 { 0.1 } else { 0.05 };
        for index in 0..=(range / step).round() as u32 {
            let coverage = self.coverage.1 - f64::from(index) * step;
            let y = self.y(coverage);
            svg.line((LEFT, y), (WIDTH - RIGHT, y), GRID, 1.0);
            let label = format!("{:.0} %", 100.0 * coverage);
            svg.text((LEFT - 8.0, y + 4.0), Anchor::End, 12.0, &label);
        }
    }
}

fn chart(class: &str, plans: &[&Plan]) -> String {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let axes = Axes::new(plans);
    axes.draw(&mut svg);
    let best = frontier(plans);
    let steps: Vec<_> = best.iter().map(|plan| axes.point(plan)).collect();
    svg.path(&steps, POINT, 1.5);
    let is_best = |plan: &Plan| best.iter().any(|other| std::ptr::eq(*other, plan));
    let mut labels = Labels::new(plans.iter().map(|plan| axes.point(plan)).collect());
    // What matters most has the first choice of where its label stands; the rest is named where there is room.
    let rank = |plan: &Plan| match (plan.is_chosen(), is_best(plan)) {
        (true, _) => (CHOSEN, 8),
        (false, true) => (POINT, 4),
        (false, false) => (BEATEN, 1),
    };
    let mut ordered = plans.to_vec();
    ordered.sort_by_key(|plan| std::cmp::Reverse(rank(plan).1));
    for plan in &ordered {
        let point = axes.point(plan);
        let (_, rows) = rank(plan);
        let name = plan.plan.strip_prefix(CHOSEN_MARK).unwrap_or(&plan.plan);
        let text = format!("{name} (P {:.0} %)", 100.0 * plan.precision);
        if let Some((at, anchor)) = labels.place(point, &text, rows) {
            svg.text(at, anchor, LABEL_SIZE, &text);
        }
    }
    for plan in ordered.iter().rev() {
        let radius = if plan.is_chosen() { 5.5 } else { 4.0 };
        svg.circle(axes.point(plan), radius, rank(plan).0);
    }
    let axis = "CPU milliseconds a picture of 1920x1080 (logarithmic)";
    svg.text((WIDTH / 2.0, HEIGHT - 14.0), Anchor::Middle, 13.0, axis);
    svg.text(
        (LEFT, 18.0),
        Anchor::Start,
        13.0,
        &format!("{class} hidden (P: precision; orange: profiles of the product)"),
    );
    svg.finish(&format!("Plans for {class}: coverage by cost"))
}

/// Left, top, right, bottom of what is drawn already.
type Area = [f64; 4];

/// Finds places for labels where they hide neither points nor one another.
struct Labels {
    taken: Vec<Area>,
}

impl Labels {
    fn new(points: Vec<(f64, f64)>) -> Self {
        let around = |(x, y): (f64, f64)| [x - 4.0, y - 4.0, x + 4.0, y + 4.0];
        Self {
            taken: points.into_iter().map(around).collect(),
        }
    }

    /// Where the label of a point stands: beside it, else up to so many rows above or below; none where there is no room.
    fn place(&mut self, (x, y): (f64, f64), text: &str, rows: u32) -> Option<((f64, f64), Anchor)> {
        let width = text.chars().count() as f64 * LABEL_SIZE * LETTER_WIDTH;
        let candidates = (0..rows).flat_map(|row| {
            let shift = f64::from(row) * LABEL_SIZE;
            [
                (x + GAP, y + 4.0 - shift, Anchor::Start),
                (x + GAP, y + 4.0 + shift, Anchor::Start),
                (x - GAP, y + 4.0 - shift, Anchor::End),
                (x - GAP, y + 4.0 + shift, Anchor::End),
            ]
        });
        let area = |(x, y, anchor): (f64, f64, Anchor)| {
            let left = if anchor == Anchor::End { x - width } else { x };
            [left, y - LABEL_SIZE + 2.0, left + width, y + 2.0]
        };
        let free = |area: &Area| {
            let apart = |other: &Area| {
                area[2] <= other[0] || area[0] >= other[2] || area[3] <= other[1] || area[1] >= other[3]
            };
            area[0] >= LEFT && area[2] <= WIDTH && area[1] >= TOP && self.taken.iter().all(apart)
        };
        let chosen = candidates.into_iter().find(|candidate| free(&area(*candidate)))?;
        self.taken.push(area(chosen));
        Some(((chosen.0, chosen.1), chosen.2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "class,plan,coverage,precision,recall,cpu_ms_1080p\n\
        faces,FINAL small,0.8,0.9,0.8,10\n\
        faces,worse,0.7,0.9,0.8,20\n\
        faces,large,0.95,0.8,0.9,100\n\
        plates,only,0.9,0.9,0.9,50\n";

    #[test]
    fn the_frontier_leaves_out_what_costs_more_and_hides_less() {
        let plans = parse(TABLE).unwrap();
        let faces: Vec<_> = plans.iter().filter(|plan| plan.class == "faces").collect();
        let names: Vec<_> = frontier(&faces).iter().map(|plan| plan.plan.as_str()).collect();
        assert_eq!(names, ["FINAL small", "large"]);
    }

    #[test]
    fn each_class_has_a_chart_with_all_its_plans() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("plans.csv");
        std::fs::write(&table, TABLE).unwrap();
        draw(&table, folder.path()).unwrap();
        let faces = std::fs::read_to_string(folder.path().join("frontier-faces.svg")).unwrap();
        for expected in [
            ">small (P 90 %)",
            "worse (P 90 %)",
            "large (P 80 %)",
            "polyline",
            CHOSEN,
        ] {
            assert!(faces.contains(expected), "{expected}");
        }
        let plates = std::fs::read_to_string(folder.path().join("frontier-plates.svg")).unwrap();
        assert!(plates.contains("only (P 90 %)") && !plates.contains("small") && !plates.contains(CHOSEN));
    }

    #[test]
    fn labels_of_neighbours_do_not_lie_on_one_another() {
        let mut labels = Labels::new(vec![(300.0, 200.0), (302.0, 201.0), (303.0, 202.0)]);
        let first = labels.place((300.0, 200.0), "one plan", 8).unwrap();
        let second = labels.place((302.0, 201.0), "another plan", 8).unwrap();
        let third = labels.place((303.0, 202.0), "a third plan", 8).unwrap();
        let areas = &labels.taken[3..];
        for (index, a) in areas.iter().enumerate() {
            for b in &areas[..index] {
                assert!(a[2] <= b[0] || a[0] >= b[2] || a[3] <= b[1] || a[1] >= b[3]);
            }
        }
        assert!(first != second && second != third);
        // All that is near is taken, and further away nobody would know whose name it is.
        labels.place((300.0, 200.0), "a fourth", 1);
        assert_eq!(labels.place((300.0, 200.0), "a fifth", 1), None);
    }

    #[test]
    fn a_table_that_cannot_be_drawn_is_refused() {
        let header = "class,plan,coverage,precision,recall,cpu_ms_1080p\n";
        for (rows, expected) in [
            ("", "no plan"),
            ("faces,a,0.5,0.5,0.5,0\n", "no time"),
            ("../x,a,0.5,0.5,0.5,1\n", "no name of a class"),
        ] {
            let error = parse(&format!("{header}{rows}")).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}

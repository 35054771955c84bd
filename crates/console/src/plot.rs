//! Columns over time, as SVG that is stretched to its place. The labels beside it are text of the page, which keeps its size
//! on a phone; the numbers stand in a table for whoever does not see the picture.

use std::fmt::Write;
use std::time::Duration;

use sfumato_core::Timestamp;
use sfumato_core::store::Stretches;

use crate::charts::{Series, nice_above, table};
use crate::ui::escape;

/// Width of a column with its gap, in units of the picture.
const STEP: f64 = 10.0;

/// Height of the picture, likewise.
const HEIGHT: f64 = 100.0;

const HOUR: i64 = 3600;

/// Stretches of time, in words.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// Each one whole: `2024-06-04 06:00–12:00`.
    names: Vec<String>,
    /// What stands below it; empty for most, so that no two touch.
    labels: Vec<String>,
}

impl Axis {
    /// The axis of these stretches, in UTC.
    pub(crate) fn of(stretches: Stretches) -> Self {
        let begins: Vec<Timestamp> = stretches.begins().collect();
        let count = begins.len();
        let length = Duration::from_secs(u64::from(stretches.hours) * HOUR.unsigned_abs());
        let names = begins.iter().map(|begin| {
            let (date, time) = parts(*begin);
            match stretches.hours {
                24.. => date,
                1 => format!("{date} {time}"),
                _ => format!("{date} {time}–{}", parts(begin.after(length)).1),
            }
        });
        let labels = begins.iter().enumerate().map(|(index, begin)| {
            let hour = begin.as_seconds().div_euclid(HOUR).rem_euclid(24);
            let day = || {
                let instant = jiff::Timestamp::from_second(begin.as_seconds());
                instant.map_or_else(
                    |_| String::new(),
                    |instant| instant.strftime("%-d %b").to_string(),
                )
            };
            match stretches.hours {
                // Counted from the end, which is the present.
                24.. if (count - 1 - index).is_multiple_of(5) => day(),
                2..24 if hour == 0 => day(),
                1 if hour % 3 == 0 => parts(*begin).1,
                _ => String::new(),
            }
        });
        Self {
            names: names.collect(),
            labels: labels.collect(),
        }
    }
}

/// Date and time of day.
fn parts(instant: Timestamp) -> (String, String) {
    let full = instant.to_string();
    let part = |range: std::ops::Range<usize>| full.get(range).unwrap_or_default().to_owned();
    (part(0..10), part(11..16))
}

/// Columns of one or more series upon each other. `show` writes a value for people.
pub(crate) fn columns(title: &str, axis: &Axis, series: &[Series<'_>], show: fn(u64) -> String) -> String {
    let count = axis.names.len();
    let value = |one: &Series<'_>, index: usize| one.values.get(index).copied().unwrap_or(0);
    let sums = (0..count).map(|index| series.iter().map(|one| value(one, index)).sum::<u64>());
    let most = nice_above(sums.max().unwrap_or(0));
    let width = STEP * count.max(1) as f64;
    let mut html = String::from(r#"<div class="plot"><div class="plot-area"><span aria-hidden="true">"#);
    // Writing to a string cannot fail, here and below.
    let _ = write!(html, "{}</span>", escape(&show(most)));
    if most > 1 {
        let half = escape(&show(most / 2));
        let _ = write!(
            html,
            r#"<span class="plot-half" aria-hidden="true">{half}</span>"#
        );
    }
    let _ = write!(
        html,
        r#"<svg viewBox="0 0 {width} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{}">"#,
        escape(title)
    );
    for y in [0.0, HEIGHT / 2.0, HEIGHT] {
        let _ = write!(
            html,
            r#"<line class="chart-grid" x1="0" x2="{width}" y1="{y}" y2="{y}"/>"#
        );
    }
    for (index, name) in axis.names.iter().enumerate() {
        let x = STEP * index as f64;
        let mut y = HEIGHT;
        let mut words = Vec::new();
        for one in series {
            let value = value(one, index);
            words.push(format!("{} {}", show(value), one.name));
            let height = HEIGHT * value as f64 / most as f64;
            y -= height;
            if value > 0 {
                let (x, width) = (x + STEP * 0.14, STEP * 0.72);
                let _ = write!(
                    html,
                    r#"<rect class="{}" x="{x:.1}" y="{y:.2}" width="{width:.1}" height="{height:.2}"/>"#,
                    one.class
                );
            }
        }
        // Takes the pointer over the whole height: a column of one job among thousands is not to be hit.
        let _ = write!(
            html,
            r#"<rect class="plot-hit" x="{x:.1}" y="0" width="{STEP}" height="{HEIGHT}"><title>{}: {}</title></rect>"#,
            escape(name),
            escape(&words.join(", "))
        );
    }
    html.push_str(r#"</svg></div><div class="plot-axis" aria-hidden="true">"#);
    let mut shown = 0;
    for label in &axis.labels {
        shown += usize::from(!label.is_empty());
        let minor = if shown % 2 == 0 { r#" class="minor""# } else { "" };
        let _ = write!(html, "<span{minor}>{}</span>", escape(label));
    }
    html.push_str(r#"</div></div><div class="visually-hidden">"#);
    html.push_str(&table(title, &axis.names, series, show));
    html.push_str("</div>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::count;

    fn now() -> Timestamp {
        "2026-03-04T10:29:10.656Z".parse().unwrap()
    }

    #[test]
    fn an_axis_names_every_stretch_and_labels_few() {
        let of = |hours, count| Axis::of(Stretches::until(now(), hours, count));
        let hours = of(1, 24);
        assert_eq!(hours.names.last().unwrap(), "2026-03-04 10:00");
        assert_eq!(hours.labels.iter().filter(|label| !label.is_empty()).count(), 8);
        let quarters = of(6, 28);
        assert_eq!(quarters.names.last().unwrap(), "2026-03-04 06:00–12:00");
        assert!(quarters.labels.contains(&"4 Mar".to_owned()));
        let days = of(24, 30);
        assert_eq!(days.names.last().unwrap(), "2026-03-04");
        assert_eq!(days.labels.last().unwrap(), "4 Mar");
    }

    #[test]
    fn a_plot_says_its_numbers_in_a_table_and_draws_nothing_for_nothing() {
        let axis = Axis::of(Stretches::until(now(), 1, 2));
        let series = [
            Series {
                name: "succeeded",
                class: "chart-1",
                values: &[1_200, 0],
            },
            Series {
                name: "<failed>",
                class: "chart-bad",
                values: &[3, 0],
            },
        ];
        let html = columns("Jobs", &axis, &series, count);
        assert!(html.contains("<title>2026-03-04 09:00: 1\u{202f}200 succeeded, 3 &#60;failed&#62;</title>"));
        assert!(html.contains("<td>1\u{202f}200</td><td>3</td>"));
        assert_eq!(html.matches(r#"<rect class="chart-"#).count(), 2);
        assert!(
            columns("Jobs", &axis, &[], count).contains(">1</span>"),
            "an empty axis has a top"
        );
    }
}

//! Small charts as SVG, made on the server. Colours come from the style sheet by class; the numbers stand in a table for
//! whoever does not see the picture.

use std::fmt::Write;

use crate::ui::escape;

/// Width of a chart in its own units; it is scaled to the place that it is given.
const WIDTH: f64 = 640.0;

/// Height of a chart with an axis, likewise.
const HEIGHT: f64 = 180.0;

/// Room for the axis below.
const AXIS: f64 = 22.0;

/// One part of each column, such as the jobs that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'a> {
    /// What it is, in words.
    pub(crate) name: &'a str,
    /// Its class in the style sheet: `chart-1`, `chart-2`, `chart-bad`.
    pub(crate) class: &'a str,
    /// A value for each column.
    pub(crate) values: &'a [u64],
}

/// Columns of one or more series upon each other, over labels such as hours.
pub(crate) fn columns(title: &str, labels: &[String], series: &[Series<'_>]) -> String {
    let sums: Vec<u64> = (0..labels.len())
        .map(|index| series.iter().map(|one| value(one, index)).sum())
        .collect();
    let most = nice_above(sums.iter().copied().max().unwrap_or(0));
    let plot = HEIGHT - AXIS;
    let step = WIDTH / labels.len().max(1) as f64;
    let width = (step * 0.72).min(40.0);
    let mut svg = open(title, HEIGHT, "chart");
    for part in [0.0, 0.5, 1.0] {
        let y = 8.0 + (plot - 8.0) * part;
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            svg,
            r#"<line class="chart-grid" x1="0" x2="{WIDTH}" y1="{y:.1}" y2="{y:.1}"/>"#
        );
    }
    let _ = write!(svg, r#"<text class="chart-label" x="0" y="6">{most}</text>"#);
    for (index, label) in labels.iter().enumerate() {
        let x = step * index as f64 + (step - width) / 2.0;
        let mut y = plot;
        for one in series {
            let height = (plot - 8.0) * value(one, index) as f64 / most as f64;
            y -= height;
            if height > 0.0 {
                let _ = write!(
                    svg,
                    r#"<rect class="{}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2"><title>{}: {} {}</title></rect>"#,
                    one.class,
                    escape(label),
                    value(one, index),
                    escape(one.name),
                );
            }
        }
    }
    // As many labels as fit beside each other.
    let every = labels.len().div_ceil(8).max(1);
    for (index, label) in labels.iter().enumerate().step_by(every) {
        let x = step * (index as f64 + 0.5);
        let _ = write!(
            svg,
            r#"<text class="chart-label" text-anchor="middle" x="{x:.1}" y="{:.1}">{}</text>"#,
            HEIGHT - 5.0,
            escape(label)
        );
    }
    svg.push_str("</svg>");
    svg.push_str(&table(title, labels, series, |value| value.to_string()));
    svg
}

fn open(title: &str, height: f64, class: &str) -> String {
    format!(
        r#"<svg class="{class}" viewBox="0 0 {WIDTH} {height}" preserveAspectRatio="none" role="img" aria-label="{}">"#,
        escape(title)
    )
}

/// The numbers of a chart as a table that is heard and not seen. `show` writes a value for people.
pub(crate) fn table(
    title: &str,
    labels: &[String],
    series: &[Series<'_>],
    show: fn(u64) -> String,
) -> String {
    let mut html = format!(
        r#"<table class="visually-hidden"><caption>{}</caption><thead><tr><td></td>"#,
        escape(title)
    );
    for one in series {
        let _ = write!(html, r#"<th scope="col">{}</th>"#, escape(one.name));
    }
    html.push_str("</tr></thead><tbody>");
    for (index, label) in labels.iter().enumerate() {
        let _ = write!(html, r#"<tr><th scope="row">{}</th>"#, escape(label));
        for one in series {
            let _ = write!(html, "<td>{}</td>", escape(&show(value(one, index))));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table>");
    html
}

fn value(series: &Series<'_>, index: usize) -> u64 {
    series.values.get(index).copied().unwrap_or(0)
}

/// The next of 1, 2, 5, 10, 20, 50 and so on: a top of the axis that reads well.
pub(crate) fn nice_above(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let nice = power.saturating_mul(factor);
            if nice >= most || nice == u64::MAX {
                return nice;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (most, nice) in [
            (0, 1),
            (1, 1),
            (3, 5),
            (11, 20),
            (100, 100),
            (101, 200),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(nice_above(most), nice, "{most}");
        }
    }

    #[test]
    fn a_chart_says_its_numbers_in_words_too_and_escapes_them() {
        let labels = ["<10:00>".to_owned(), "11:00".to_owned()];
        let series = [Series {
            name: "done",
            class: "chart-1",
            values: &[3, 0],
        }];
        let html = columns("Jobs", &labels, &series);
        assert!(html.contains(r#"aria-label="Jobs""#));
        assert!(html.contains("&#60;10:00&#62;: 3 done"));
        assert!(!html.contains("<10:00>"));
        assert_eq!(html.matches("<rect").count(), 1, "what is nothing is not drawn");
        assert!(html.contains("<td>3</td>"));
    }
}

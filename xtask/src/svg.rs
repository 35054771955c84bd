//! Charts as SVG files that can lie in a repository: text, lines, rectangles, on white so that they can be read on any page.

use std::fmt::Write;

/// A drawing under construction. Coordinates are in its own pixels, from the top left.
#[derive(Debug)]
pub(crate) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    const fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

impl Svg {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes all text");
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, width: f64) {
        self.push(format_args!(
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{color}" stroke-width="{width}"/>"#,
            from.0, from.1, to.0, to.1
        ));
    }

    /// A line through several points.
    pub(crate) fn path(&mut self, points: &[(f64, f64)], color: &str, width: f64) {
        let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.push(format_args!(
            r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="{width}"/>"#,
            points.join(" ")
        ));
    }

    pub(crate) fn circle(&mut self, center: (f64, f64), radius: f64, color: &str) {
        self.push(format_args!(
            r#"<circle cx="{:.1}" cy="{:.1}" r="{radius}" fill="{color}"/>"#,
            center.0, center.1
        ));
    }

    pub(crate) fn rectangle(&mut self, corner: (f64, f64), size: (f64, f64), color: &str) {
        self.push(format_args!(
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="{color}"/>"#,
            corner.0, corner.1, size.0, size.1
        ));
    }

    /// The edges of a rectangle.
    pub(crate) fn outline(&mut self, corner: (f64, f64), size: (f64, f64), color: &str, width: f64) {
        self.push(format_args!(
            r#"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="none" stroke="{color}" stroke-width="{width}"/>"#,
            corner.0, corner.1, size.0, size.1
        ));
    }

    pub(crate) fn text(&mut self, at: (f64, f64), anchor: Anchor, size: f64, text: &str) {
        self.push(format_args!(
            r##"<text x="{:.1}" y="{:.1}" text-anchor="{}" font-size="{size}" fill="#222">{}</text>"##,
            at.0,
            at.1,
            anchor.word(),
            escaped(text)
        ));
    }

    /// The file.
    pub(crate) fn finish(self, title: &str) -> String {
        let Self { width, height, body } = self;
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" "#,
                r#"width="{width}" height="{height}" font-family="sans-serif">"#,
                "\n<title>{title}</title>\n",
                r##"<rect width="{width}" height="{height}" fill="#fff"/>"##,
                "\n{body}</svg>\n"
            ),
            width = width,
            height = height,
            title = escaped(title),
            body = body
        )
    }
}

/// Text that stands for itself in XML and HTML.
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_one_closed_element_with_its_text_escaped() {
        let mut svg = Svg::new(100.0, 50.0);
        svg.text((1.0, 2.0), Anchor::End, 12.0, "a < b & \"c\"");
        svg.path(&[(0.0, 0.0), (1.25, 2.0)], "#123456", 1.5);
        let text = svg.finish("<title>");
        assert!(text.starts_with("<svg ") && text.ends_with("</svg>\n"));
        assert!(text.contains("a &lt; b &amp; &quot;c&quot;"), "{text}");
        assert!(text.contains("<title>&lt;title&gt;</title>"), "{text}");
        assert!(text.contains(r#"points="0.0,0.0 1.2,2.0""#), "{text}");
    }
}

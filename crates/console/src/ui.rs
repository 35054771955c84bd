//! Words for templates: `{{ crate::ui::icon("jobs")|safe }}`. What returns markup escapes what it is given.
//! Templates pass everything by reference, so that numbers need a star: `{{ crate::ui::bytes(*job.bytes) }}`.

use std::fmt::Write;
use std::time::Duration;

use sfumato_core::Timestamp;

/// An icon of the sprite in `templates/icons.html`; decoration only, the text beside it says what it means.
pub(crate) fn icon(name: &str) -> String {
    format!(r##"<svg class="icon" aria-hidden="true" focusable="false"><use href="#i-{name}"/></svg>"##)
}

/// An instant as `2024-06-04 10:29 UTC`, which `app.js` turns into the visitor's time.
pub(crate) fn time(instant: &Timestamp) -> String {
    let full = instant.to_string();
    let shown = full.get(..16).unwrap_or(&full).replace('T', " ");
    format!(r#"<time datetime="{full}" data-time>{shown} UTC</time>"#)
}

/// How long ago an instant was, with the instant itself to be pointed at.
pub(crate) fn ago(instant: &Timestamp, now: &Timestamp) -> String {
    let text = match now.since(*instant).as_secs() {
        0..45 => "just now".to_owned(),
        seconds => format!("{} ago", rounded(seconds)),
    };
    format!(r#"<time datetime="{instant}" data-ago>{text}</time>"#)
}

/// A duration in its largest unit.
fn rounded(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_570 => ((seconds + 30) / 60, "minute"),
        3_570..84_600 => ((seconds + 1_800) / 3_600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// A duration as people say it: `850 ms`, `12.3 s`, `4 min 5 s`, `3 h 20 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", duration.as_secs_f64()),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// A size as people say it: `1.2 MB`, in powers of ten.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if count < 1_000 {
        return format!("{count} B");
    }
    let mut size = count as f64 / 1_000.0;
    let mut unit = 0;
    // What would be shown as 1000.0 belongs to the next unit.
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// What a browser calls itself, in two words. They all claim to be each other, so that the rarer name is looked for first.
pub(crate) fn browser(user_agent: &str) -> String {
    const BROWSERS: [(&str, &str); 5] = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let named = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(sign, _)| user_agent.contains(sign));
        found.map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        _ if user_agent.is_empty() => "Unknown".to_owned(),
        _ => user_agent.to_owned(),
    }
}

/// How a state is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Busy,
    Warning,
    Quiet,
}

/// A state as a badge: a word with a dot, never the colour alone.
pub(crate) fn badge(tone: Tone, text: &str) -> String {
    let class = match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Busy => "busy",
        Tone::Warning => "warning",
        Tone::Quiet => "quiet",
    };
    format!(r#"<span class="badge badge-{class}">{}</span>"#, escape(text))
}

/// Text that is safe between tags and within quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '<' | '>' | '"' | '\'' => {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "&#{};", u32::from(letter));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_numbers_read_as_people_say_them() {
        for (given, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (999_960, "1.0 MB"),
            (8_589_934_592, "8.6 GB"),
        ] {
            assert_eq!(bytes(given), shown);
        }
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
    }

    #[test]
    fn durations_and_ages_read_as_people_say_them() {
        for (millis, shown) in [
            (850, "850 ms"),
            (12_340, "12.3 s"),
            (245_000, "4 min 5 s"),
            (12_000_000, "3 h 20 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), shown);
        }
        let at = Timestamp::from_seconds;
        for (seconds, shown) in [
            (3, "just now"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (3_600, "1 hour ago"),
            (200_000, "2 days ago"),
        ] {
            assert!(ago(&at(0), &at(seconds)).contains(shown), "{shown}");
        }
        assert!(time(&at(0)).contains(">1970-01-01 00:00 UTC<"));
    }

    #[test]
    fn a_browser_is_called_by_its_own_name() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                    Safari/537.36 Edg/140.0.0.0";
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 \
                     Mobile/15E148 Safari/604.1";
        for (given, shown) in [
            (edge, "Edge on Windows"),
            (phone, "Safari on iPhone"),
            ("curl/8.9.1", "curl/8.9.1"),
            ("", "Unknown"),
        ] {
            assert_eq!(browser(given), shown);
        }
    }

    #[test]
    fn what_is_given_is_escaped() {
        assert_eq!(
            badge(Tone::Good, "<b>"),
            r#"<span class="badge badge-good">&#60;b&#62;</span>"#
        );
    }
}

//! What the points do where they do something.

use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::Point;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// The process ends at this instruction, when it comes here for the so-manieth time: nothing is dropped, flushed or handed
    /// back.
    Abort { time: u32 },
    /// The thread waits, and with it whatever waits for it.
    Wait(Duration),
}

/// How often the process has come to places at which it is to end.
static TIMES: AtomicU32 = AtomicU32::new(0);

static PLAN: LazyLock<Vec<(Point, Action)>> = LazyLock::new(|| {
    let text = std::env::var("SFUMATO_FAILPOINT").unwrap_or_default();
    parse(&text).unwrap_or_else(|why| {
        say(&format!("SFUMATO_FAILPOINT: {why}"));
        std::process::exit(2)
    })
});

static CLOCK_FILE: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os("SFUMATO_CLOCK_FILE").map(PathBuf::from));

fn parse(text: &str) -> Result<Vec<(Point, Action)>, String> {
    let entries = text.split(',').filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (name, action) = entry
                .split_once(':')
                .ok_or_else(|| format!("`{entry}` is not `name:action`"))?;
            let point = Point::ALL.iter().find(|point| point.name() == name);
            let point = *point.ok_or_else(|| format!("there is no failpoint `{name}`"))?;
            let action = match action {
                "abort" => Action::Abort { time: 1 },
                other => parse_number(other)?,
            };
            Ok((point, action))
        })
        .collect()
}

fn parse_number(action: &str) -> Result<Action, String> {
    let wrong = || format!("`{action}` is neither `abort`, `abort:TIME` nor a number of milliseconds");
    match action.strip_prefix("abort:") {
        Some(time) => match time.parse() {
            Ok(time) if time > 0 => Ok(Action::Abort { time }),
            _ => Err(wrong()),
        },
        None => {
            let millis = action.parse().map_err(|_| wrong())?;
            Ok(Action::Wait(Duration::from_millis(millis)))
        }
    }
}

fn say(line: &str) {
    // Whoever closed standard error does not read it.
    let _unheard = writeln!(std::io::stderr(), "{line}");
}

/// Does at a place what the variable says.
pub fn hit(point: Point) {
    let planned = PLAN.iter().find(|(planned, _)| *planned == point);
    match planned.map(|(_, action)| *action) {
        None => {}
        Some(Action::Wait(time)) => std::thread::sleep(time),
        Some(Action::Abort { time }) if TIMES.fetch_add(1, Ordering::Relaxed) + 1 < time => {}
        Some(Action::Abort { .. }) => {
            say(&format!("failpoint {}: abort", point.name()));
            std::process::abort();
        }
    }
}

/// By how many microseconds the wall clock is wrong: what the file says right now, so that the clock can be set while the
/// server runs. A file that is not there, or holds no number, leaves it right.
pub fn clock_error_micros() -> i64 {
    let text = CLOCK_FILE
        .as_ref()
        .and_then(|file| std::fs::read_to_string(file).ok());
    let seconds: i64 = text.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    seconds.saturating_mul(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_names_points_and_what_happens_there() {
        let plan = parse("after_claim:abort,slow_fsync:50").unwrap();
        assert_eq!(
            plan,
            [
                (Point::AfterClaim, Action::Abort { time: 1 }),
                (Point::SlowFsync, Action::Wait(Duration::from_millis(50)))
            ]
        );
        assert_eq!(parse("").unwrap(), []);
        let second = Action::Abort { time: 2 };
        assert_eq!(
            parse("migration_half:abort:2").unwrap(),
            [(Point::MigrationHalf, second)]
        );
    }

    #[test]
    fn a_plan_that_would_do_nothing_is_refused() {
        for text in [
            "after_claim",
            "nowhere:abort",
            "after_claim:panic",
            "after_claim:",
            "after_claim:abort:",
            "after_claim:abort:0",
            "after_claim:abort:often",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_point_has_its_own_name() {
        for point in Point::ALL {
            let plan = parse(&format!("{}:abort", point.name())).unwrap();
            assert_eq!(plan, [(*point, Action::Abort { time: 1 })]);
        }
    }
}

//! `/manager/settings/clients/{client}`: what a client is called, how long its files are kept, how much it may have, and its
//! share of the work. Administrators change it.

use std::str::FromStr;
use std::time::Duration;

use askama::Template;
use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::client::Client;
use sfumato_core::policy::{ClientPolicy, Quotas, Retention, Scheduling, Usage};
use sfumato_core::{ClientId, Priority, Weight};
use sfumato_engine::clients::{CLIENT_NAME_CHARS_MAX, judge_name};

use super::settings::in_words;
use crate::Console;
use crate::error::ConsoleError;
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::ui;
use crate::visitor::Visitor;

/// Ten years: what is longer is a slip of the keyboard.
const KEPT_MAX: Duration = Duration::from_secs(3_650 * 86_400);

/// The largest quota, of jobs and of bytes: what a database holds.
const QUOTA_MAX: u64 = i64::MAX.unsigned_abs();

/// Units of time, the largest first, with their length in seconds: as the command line writes them, and in words.
const TIMES: [(&str, &str, u64); 4] = [
    ("d", "days", 86_400),
    ("h", "hours", 3_600),
    ("m", "minutes", 60),
    ("s", "seconds", 1),
];

/// Units of size, likewise.
const SIZES: [(&str, &str, u64); 5] = [
    ("TB", "TB", 1_000_000_000_000),
    ("GB", "GB", 1_000_000_000),
    ("MB", "MB", 1_000_000),
    ("kB", "kB", 1_000),
    ("B", "bytes", 1),
];

/// The form as it was sent. What is empty is as for everybody, or has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Given {
    name: String,
    originals_kept: String,
    originals_kept_unit: String,
    results_kept: String,
    results_kept_unit: String,
    jobs_waiting_max: String,
    jobs_per_day_max: String,
    bytes_stored_max: String,
    bytes_stored_max_unit: String,
    weight: String,
    jobs_at_once_max: String,
    priority_max: String,
}

/// A field that cannot be read: its name, and why in a sentence.
type Unread = (&'static str, &'static str);

const NO_NUMBER: &str = "This must be a whole number, or be left empty.";

/// A number; `None` where the field is empty.
fn number(name: &'static str, text: &str, max: u64) -> Result<Option<u64>, Unread> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number: u64 = text.parse().map_err(|_| (name, NO_NUMBER))?;
    if number > max {
        return Err((name, "This is too large."));
    }
    Ok(Some(number))
}

/// A number with its unit, in the smallest unit.
fn measure(
    name: &'static str,
    text: &str,
    unit: &str,
    units: &[(&str, &str, u64)],
    max: u64,
) -> Result<Option<u64>, Unread> {
    let Some(number) = number(name, text, max)? else {
        return Ok(None);
    };
    let (_, _, factor) = units
        .iter()
        .find(|(word, _, _)| *word == unit)
        .ok_or((name, "Choose a unit."))?;
    let whole = number.checked_mul(*factor).filter(|whole| *whole <= max);
    whole.map(Some).ok_or((name, "This is too large."))
}

/// A number in the largest unit in which it is whole; nothing is so in the first one.
fn in_unit<'a>(number: u64, units: &[(&'a str, &str, u64)]) -> (u64, &'a str) {
    let whole = units.iter().find(|(_, _, factor)| number.is_multiple_of(*factor));
    whole.map_or((number, ""), |(word, _, factor)| (number / factor, *word))
}

impl Given {
    fn of(name: &str, policy: &ClientPolicy) -> Self {
        let split = |value: Option<u64>, units: &[(&'static str, &str, u64)], usual: &str| match value {
            Some(value) => {
                let (number, unit) = in_unit(value, units);
                (number.to_string(), unit.to_owned())
            }
            None => (String::new(), usual.to_owned()),
        };
        let count = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
        let seconds = |kept: Option<Duration>| kept.map(|kept| kept.as_secs());
        let (originals_kept, originals_kept_unit) =
            split(seconds(policy.retention.originals_kept), &TIMES, "d");
        let (results_kept, results_kept_unit) = split(seconds(policy.retention.results_kept), &TIMES, "d");
        let (bytes_stored_max, bytes_stored_max_unit) = split(policy.quotas.bytes_stored_max, &SIZES, "GB");
        Self {
            name: name.to_owned(),
            originals_kept,
            originals_kept_unit,
            results_kept,
            results_kept_unit,
            jobs_waiting_max: count(policy.quotas.jobs_waiting_max),
            jobs_per_day_max: count(policy.quotas.jobs_per_day_max),
            bytes_stored_max,
            bytes_stored_max_unit,
            weight: policy.scheduling.weight.to_string(),
            jobs_at_once_max: count(policy.scheduling.jobs_at_once_max),
            priority_max: policy.scheduling.priority_max.to_string(),
        }
    }

    /// Weight and priority are as for everybody where nothing is said.
    fn scheduling(&self) -> Result<Scheduling, Unread> {
        let usual = Scheduling::default();
        let weight = match number("weight", &self.weight, u64::from(Weight::MAX.get()))? {
            Some(number) => {
                let weight = u32::try_from(number)
                    .ok()
                    .and_then(|weight| Weight::new(weight).ok());
                weight.ok_or(("weight", "This must be at least 1."))?
            }
            None => usual.weight,
        };
        let jobs_at_once_max = number("jobs_at_once_max", &self.jobs_at_once_max, QUOTA_MAX)?;
        if jobs_at_once_max == Some(0) {
            return Err(("jobs_at_once_max", "This must be at least 1."));
        }
        let priority_max = match self.priority_max.as_str() {
            "" => usual.priority_max,
            text => text.parse().map_err(|_| ("priority_max", "Choose a priority."))?,
        };
        Ok(Scheduling {
            weight,
            jobs_at_once_max,
            priority_max,
        })
    }

    fn read(&self) -> Result<ClientPolicy, Unread> {
        let kept = |name, text: &str, unit: &str| -> Result<Option<Duration>, Unread> {
            let seconds =
                measure(name, text, unit, &TIMES, KEPT_MAX.as_secs()).map_err(|(name, why)| match why {
                    NO_NUMBER => (name, why),
                    _ => (name, "Files can be kept for 3,650 days at most."),
                })?;
            Ok(seconds.map(Duration::from_secs))
        };
        Ok(ClientPolicy {
            retention: Retention {
                originals_kept: kept("originals_kept", &self.originals_kept, &self.originals_kept_unit)?,
                results_kept: kept("results_kept", &self.results_kept, &self.results_kept_unit)?,
            },
            quotas: Quotas {
                jobs_waiting_max: number("jobs_waiting_max", &self.jobs_waiting_max, QUOTA_MAX)?,
                jobs_per_day_max: number("jobs_per_day_max", &self.jobs_per_day_max, QUOTA_MAX)?,
                bytes_stored_max: measure(
                    "bytes_stored_max",
                    &self.bytes_stored_max,
                    &self.bytes_stored_max_unit,
                    &SIZES,
                    QUOTA_MAX,
                )?,
            },
            scheduling: self.scheduling()?,
        })
    }
}

/// The members of a policy as the audit log and the command line name and write them.
fn lines(policy: &ClientPolicy) -> [(&'static str, String); 8] {
    let measured = |value: Option<u64>, none: &str, units: &[(&'static str, &str, u64)]| match value {
        Some(value) => {
            let (number, unit) = in_unit(value, units);
            format!("{number}{unit}")
        }
        None => none.to_owned(),
    };
    let kept = |kept: Option<Duration>| measured(kept.map(|kept| kept.as_secs()), "default", &TIMES);
    let count = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |count| count.to_string());
    let (quotas, scheduling) = (&policy.quotas, &policy.scheduling);
    [
        ("originals-kept", kept(policy.retention.originals_kept)),
        ("results-kept", kept(policy.retention.results_kept)),
        ("jobs-waiting-max", count(quotas.jobs_waiting_max)),
        ("jobs-per-day-max", count(quotas.jobs_per_day_max)),
        (
            "bytes-stored-max",
            measured(quotas.bytes_stored_max, "none", &SIZES),
        ),
        ("weight", scheduling.weight.to_string()),
        ("jobs-at-once-max", count(scheduling.jobs_at_once_max)),
        ("priority-max", scheduling.priority_max.to_string()),
    ]
}

#[derive(Template)]
#[template(path = "client_settings.html")]
struct ClientSettings<'a> {
    visitor: &'a Visitor,
    client: &'a Client,
    usage: Usage,
    everybody: Retention,
    given: &'a Given,
    error: Option<Unread>,
}

impl ClientSettings<'_> {
    fn times(&self) -> [(&'static str, &'static str, u64); 4] {
        TIMES
    }

    fn sizes(&self) -> [(&'static str, &'static str, u64); 5] {
        SIZES
    }

    /// What is wrong with a field, as markup; the texts are ours.
    fn complaint(&self, name: &str) -> String {
        match self.error {
            Some((wrong, why)) if wrong == name => {
                format!("<p class=\"error\" id=\"{name}-error\">{why}</p>")
            }
            _ => String::new(),
        }
    }

    /// The attributes of a field that is wrong.
    fn invalid(&self, name: &str) -> String {
        match self.error {
            Some((wrong, _)) if wrong == name => {
                format!(" aria-invalid=\"true\" aria-errormessage=\"{name}-error\" autofocus")
            }
            _ => String::new(),
        }
    }

    fn priorities(&self) -> [&'static str; 3] {
        Priority::ALL.map(Priority::as_str)
    }

    fn weight_max(&self) -> u32 {
        Weight::MAX.get()
    }

    fn running(&self) -> String {
        ui::count(self.usage.jobs_running)
    }

    fn is_unit(&self, unit: &str, given: &str) -> bool {
        unit == given
    }

    fn usual_originals(&self) -> String {
        in_words(self.everybody.originals_kept.unwrap_or_default())
    }

    fn usual_results(&self) -> String {
        in_words(self.everybody.results_kept.unwrap_or_default())
    }

    fn waiting(&self) -> String {
        ui::count(self.usage.jobs_waiting)
    }

    fn today(&self) -> String {
        ui::count(self.usage.jobs_today)
    }

    fn stored(&self) -> String {
        ui::bytes(self.usage.bytes_stored)
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager/settings/clients/{client}", get(show).post(save))
}

async fn client(
    console: &Console,
    visitor: &Visitor,
    client: Result<Path<String>, PathRejection>,
) -> Result<Client, ConsoleError> {
    visitor.administrator()?;
    let Path(text) = client?;
    let id = ClientId::from_str(&text).map_err(|_| ConsoleError::NotFound)?;
    let clients = console.engine.clients().await?;
    let found = clients.into_iter().find(|client| client.id == id);
    found.ok_or(ConsoleError::NotFound)
}

fn render(
    console: &Console,
    visitor: &Visitor,
    client: &Client,
    usage: Usage,
    given: &Given,
    error: Option<Unread>,
) -> Result<Response, ConsoleError> {
    let body = ClientSettings {
        visitor,
        client,
        usage,
        everybody: console.engine.retention(),
        given,
        error,
    };
    let page = page::page(visitor, Nav::Settings, &client.name, &body)?;
    Ok(match error {
        None => page.into_response(),
        Some(_) => page.with_status(StatusCode::UNPROCESSABLE_ENTITY).into_response(),
    })
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let client = client(&console, &visitor, path).await?;
    let (policy, usage) = console.engine.client_policy(client.id).await?;
    render(
        &console,
        &visitor,
        &client,
        usage,
        &Given::of(&client.name, &policy),
        None,
    )
}

async fn save(
    State(console): State<Console>,
    visitor: Visitor,
    path: Result<Path<String>, PathRejection>,
    given: Result<Form<Given>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let client = client(&console, &visitor, path).await?;
    let Form(given) = given?;
    let (before, usage) = console.engine.client_policy(client.id).await?;
    let again = |unread| render(&console, &visitor, &client, usage, &given, Some(unread));
    let policy = match given.read() {
        Ok(policy) => policy,
        Err(unread) => return again(unread),
    };
    let Ok(name) = judge_name(&given.name) else {
        return again(("name", "This must have 1 to 200 printable characters."));
    };
    if name == client.name && policy == before {
        return Ok(page::redirect(
            "/manager/settings",
            Some(Toast::success("Nothing was to be changed.")),
        ));
    }
    if name != client.name {
        rename(&console, &visitor, &client, name).await?;
    }
    if policy != before {
        agree(&console, &visitor, &client, before, policy).await?;
    }
    let toast = Toast::success(format!("What is agreed with {name} is changed."));
    Ok(page::redirect("/manager/settings", Some(toast)))
}

async fn rename(
    console: &Console,
    visitor: &Visitor,
    client: &Client,
    name: &str,
) -> Result<(), ConsoleError> {
    console.engine.rename_client(&client.key, name).await?;
    let deed = visitor.deed(Action::ClientRenamed);
    let deed = deed.to(Subject::Client(client.id)).of(client.id);
    console
        .audit(deed.with("name", format!("{} → {name}", client.name)))
        .await;
    Ok(())
}

async fn agree(
    console: &Console,
    visitor: &Visitor,
    client: &Client,
    before: ClientPolicy,
    policy: ClientPolicy,
) -> Result<(), ConsoleError> {
    console.engine.set_client_policy(&client.key, policy).await?;
    let mut deed = visitor
        .deed(Action::ClientPolicyChanged)
        .to(Subject::Client(client.id))
        .of(client.id);
    for ((name, old), (_, new)) in lines(&before).into_iter().zip(lines(&policy)) {
        if old != new {
            deed = deed.with(name, format!("{old} → {new}"));
        }
    }
    console.audit(deed).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_form_shows_is_read_back_as_it_was() {
        for seconds in [0, 1, 59, 60, 90, 3_600, 86_400, 604_800, 604_801] {
            let policy = ClientPolicy {
                retention: Retention {
                    originals_kept: Some(Duration::from_secs(seconds)),
                    results_kept: None,
                },
                quotas: Quotas {
                    bytes_stored_max: Some(seconds * 1_000),
                    jobs_waiting_max: Some(seconds),
                    jobs_per_day_max: None,
                },
                scheduling: Scheduling {
                    weight: Weight::MAX,
                    jobs_at_once_max: Some(seconds + 1),
                    priority_max: Priority::Low,
                },
            };
            assert_eq!(Given::of("Acme", &policy).read(), Ok(policy));
        }
        assert_eq!(
            Given::of("Acme", &ClientPolicy::default()).read(),
            Ok(ClientPolicy::default())
        );
    }

    #[test]
    fn what_is_no_number_or_too_large_names_its_field() {
        let mut given = Given {
            results_kept: "3651".into(),
            results_kept_unit: "d".into(),
            ..Given::default()
        };
        assert_eq!(given.read().unwrap_err().0, "results_kept");
        given.results_kept = "1.5".into();
        assert_eq!(given.read(), Err(("results_kept", NO_NUMBER)));
        for (field, weight, at_once) in [
            ("weight", "0", ""),
            ("weight", "101", ""),
            ("jobs_at_once_max", "", "0"),
        ] {
            let given = Given {
                weight: weight.into(),
                jobs_at_once_max: at_once.into(),
                ..Given::default()
            };
            assert_eq!(given.read().unwrap_err().0, field);
        }
        let given = Given {
            bytes_stored_max: "99999999999".into(),
            bytes_stored_max_unit: "TB".into(),
            ..Given::default()
        };
        assert_eq!(given.read().unwrap_err().0, "bytes_stored_max");
    }
}

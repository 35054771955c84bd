//! `sfumato client set` and `show`: what one client is called, and what is agreed with it.

use std::time::Duration;

use anyhow::Context;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::policy::{ClientPolicy, Usage};
use sfumato_core::{Client, ClientKey, Priority, Weight};
use sfumato_engine::audit::Deed;

use super::{Access, explain, judge_name};
use crate::cli::UsageError;
use crate::output;
use crate::settings::{ByteSize, SettingValue, read_bytes, read_duration};

/// A new value, or the word for none.
#[derive(Clone, Copy, Debug)]
struct Wish<T>(Option<T>);

impl<T> Wish<T> {
    fn read<E: std::fmt::Display>(
        text: &str,
        none: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Self, String> {
        if text == none {
            return Ok(Self(None));
        }
        read(text)
            .map(|value| Self(Some(value)))
            .map_err(|error| format!("{error}, and not `{none}` either"))
    }
}

fn read_kept(text: &str) -> Result<Wish<Duration>, String> {
    let whole_seconds = |text: &str| match read_duration(text) {
        Ok(kept) if kept.subsec_nanos() == 0 => Ok(kept),
        Ok(_) => Err("must be whole seconds".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    Wish::read(text, "default", whole_seconds)
}

fn read_count(text: &str) -> Result<Wish<u64>, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("must be a whole number, not `{text}`"))
    };
    Wish::read(text, "none", number)
}

fn read_size(text: &str) -> Result<Wish<u64>, String> {
    Wish::read(text, "none", |text| read_bytes(text).map(|size| size.0))
}

fn read_jobs_at_once(text: &str) -> Result<Wish<u64>, String> {
    match read_count(text)? {
        Wish(Some(0)) => Err("must be at least 1, or `none`".to_owned()),
        wish => Ok(wish),
    }
}

fn read_weight(text: &str) -> Result<Weight, String> {
    let number = text.parse().ok().and_then(|weight| Weight::new(weight).ok());
    number.ok_or_else(|| format!("must be a whole number from 1 to {}, not `{text}`", Weight::MAX))
}

fn read_priority(text: &str) -> Result<Priority, String> {
    text.parse().map_err(|error| format!("{error}, not `{text}`"))
}

/// What is to be agreed from now on; what is not named stays as it is.
#[derive(Debug, clap::Args)]
pub(super) struct Wishes {
    /// What you call it
    #[arg(long)]
    name: Option<String>,
    /// How long an original is kept after its job has finished, or `default`
    #[arg(long, value_parser = read_kept, value_name = "DURATION")]
    originals_kept: Option<Wish<Duration>>,
    /// How long a result is kept, or `default`
    #[arg(long, value_parser = read_kept, value_name = "DURATION")]
    results_kept: Option<Wish<Duration>>,
    /// Jobs that may wait at the same time, or `none`
    #[arg(long, value_parser = read_count, value_name = "NUMBER")]
    jobs_waiting_max: Option<Wish<u64>>,
    /// Jobs in a day, which begins at 00:00 UTC, or `none`
    #[arg(long, value_parser = read_count, value_name = "NUMBER")]
    jobs_per_day_max: Option<Wish<u64>>,
    /// Bytes of originals and results that may be kept at the same time, or `none`
    #[arg(long, value_parser = read_size, value_name = "SIZE")]
    bytes_stored_max: Option<Wish<u64>>,
    /// Its share where others have jobs waiting, too: of weight 2 two are begun for each one of weight 1
    #[arg(long, value_parser = read_weight, value_name = "NUMBER")]
    weight: Option<Weight>,
    /// Jobs that are worked on at the same time, or `none`; further ones wait
    #[arg(long, value_parser = read_jobs_at_once, value_name = "NUMBER")]
    jobs_at_once_max: Option<Wish<u64>>,
    /// Highest priority that it may give a job: low, normal or high
    #[arg(long, value_parser = read_priority, value_name = "PRIORITY")]
    priority_max: Option<Priority>,
}

impl Wishes {
    fn apply(&self, policy: &mut ClientPolicy) {
        fn put<T: Copy>(wish: Option<Wish<T>>, slot: &mut Option<T>) {
            if let Some(Wish(value)) = wish {
                *slot = value;
            }
        }
        put(self.originals_kept, &mut policy.retention.originals_kept);
        put(self.results_kept, &mut policy.retention.results_kept);
        put(self.jobs_waiting_max, &mut policy.quotas.jobs_waiting_max);
        put(self.jobs_per_day_max, &mut policy.quotas.jobs_per_day_max);
        put(self.bytes_stored_max, &mut policy.quotas.bytes_stored_max);
        let scheduling = &mut policy.scheduling;
        put(self.jobs_at_once_max, &mut scheduling.jobs_at_once_max);
        scheduling.weight = self.weight.unwrap_or(scheduling.weight);
        scheduling.priority_max = self.priority_max.unwrap_or(scheduling.priority_max);
    }

    const fn is_empty(&self) -> bool {
        self.name.is_none() && self.changes_nothing_agreed()
    }

    const fn changes_nothing_agreed(&self) -> bool {
        self.originals_kept.is_none()
            && self.results_kept.is_none()
            && self.jobs_waiting_max.is_none()
            && self.jobs_per_day_max.is_none()
            && self.bytes_stored_max.is_none()
            && self.weight.is_none()
            && self.jobs_at_once_max.is_none()
            && self.priority_max.is_none()
    }
}

async fn find(access: &Access, client_id: &str) -> anyhow::Result<Client> {
    let key = ClientKey::new(client_id);
    let found = access
        .store
        .client_by_key(&key)
        .await
        .context("find the client")?;
    let missing = sfumato_core::StoreError::NotFound { what: "client" };
    found.ok_or_else(|| explain(missing, client_id))
}

/// Changes what is agreed, writes it down, and shows what is agreed now.
pub(super) async fn set(access: &Access, client_id: &str, wishes: &Wishes) -> anyhow::Result<()> {
    if wishes.is_empty() {
        let rule = "use the command: it needs something to set; `sfumato client show` shows what there is";
        return Err(UsageError(rule.into()).into());
    }
    let name = wishes.name.as_deref().map(judge_name).transpose()?;
    let client = find(access, client_id).await?;
    if let Some(name) = name {
        rename(access, &client, name).await?;
    }
    if !wishes.changes_nothing_agreed() {
        agree(access, &client, wishes).await?;
    }
    show(access, client_id).await
}

async fn rename(access: &Access, client: &Client, name: &str) -> anyhow::Result<()> {
    access
        .store
        .rename_client(&client.key, name)
        .await
        .context("rename the client")?;
    let deed = Deed::new(Actor::Operator, Action::ClientRenamed)
        .to(Subject::Client(client.id))
        .of(client.id)
        .with("name", format!("{} → {name}", client.name));
    access.write_down(deed).await
}

async fn agree(access: &Access, client: &Client, wishes: &Wishes) -> anyhow::Result<()> {
    let (mut policy, _) = access.store.client_policy(client.id).await?;
    let before = policy;
    wishes.apply(&mut policy);
    access
        .store
        .set_client_policy(&client.key, policy)
        .await
        .context("change the client")?;
    let mut deed = Deed::new(Actor::Operator, Action::ClientPolicyChanged)
        .to(Subject::Client(client.id))
        .of(client.id);
    for ((name, old), (_, new)) in lines(&before).into_iter().zip(lines(&policy)) {
        if old != new {
            deed = deed.with(name, format!("{old} → {new}"));
        }
    }
    access.write_down(deed).await
}

/// Shows what is agreed with a client, and what it has.
pub(super) async fn show(access: &Access, client_id: &str) -> anyhow::Result<()> {
    let client = find(access, client_id).await?;
    let (policy, usage) = access.store.client_policy(client.id).await?;
    if access.json {
        return Ok(output::json(&as_json(&client, &policy, &usage))?);
    }
    let mut text = format!("{}  {}\n", client.key, client.name);
    for (name, value) in lines(&policy) {
        text.push_str(&format!("\n  {name:<18}{value}"));
    }
    text.push_str(&format!(
        "\n\nNow: jobs waiting: {}, running: {}, today: {}; bytes stored: {}.",
        usage.jobs_waiting, usage.jobs_running, usage.jobs_today, usage.bytes_stored
    ));
    Ok(output::line(text)?)
}

/// The members of a policy by the names of their flags.
fn lines(policy: &ClientPolicy) -> [(&'static str, String); 8] {
    fn of<T>(value: Option<T>, none: &str, show: impl FnOnce(T) -> toml::Value) -> String {
        match value.map(show) {
            Some(toml::Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => none.to_owned(),
        }
    }
    let kept = |value: Option<Duration>| of(value, "default", |kept| kept.to_toml());
    let count = |value: Option<u64>| value.map_or_else(|| "none".to_owned(), |count| count.to_string());
    [
        ("originals-kept", kept(policy.retention.originals_kept)),
        ("results-kept", kept(policy.retention.results_kept)),
        ("jobs-waiting-max", count(policy.quotas.jobs_waiting_max)),
        ("jobs-per-day-max", count(policy.quotas.jobs_per_day_max)),
        (
            "bytes-stored-max",
            of(policy.quotas.bytes_stored_max, "none", |bytes| {
                ByteSize(bytes).to_toml()
            }),
        ),
        ("weight", policy.scheduling.weight.to_string()),
        ("jobs-at-once-max", count(policy.scheduling.jobs_at_once_max)),
        ("priority-max", policy.scheduling.priority_max.to_string()),
    ]
}

fn as_json(client: &Client, policy: &ClientPolicy, usage: &Usage) -> serde_json::Value {
    serde_json::json!({
        "clientId": client.key.as_str(),
        "uuid": client.id,
        "name": client.name,
        "originalsKeptSeconds": policy.retention.originals_kept.map(|kept| kept.as_secs()),
        "resultsKeptSeconds": policy.retention.results_kept.map(|kept| kept.as_secs()),
        "jobsWaitingMax": policy.quotas.jobs_waiting_max,
        "jobsPerDayMax": policy.quotas.jobs_per_day_max,
        "bytesStoredMax": policy.quotas.bytes_stored_max,
        "weight": policy.scheduling.weight.get(),
        "jobsAtOnceMax": policy.scheduling.jobs_at_once_max,
        "priorityMax": policy.scheduling.priority_max.as_str(),
        "usage": {
            "jobsWaiting": usage.jobs_waiting,
            "jobsRunning": usage.jobs_running,
            "jobsToday": usage.jobs_today,
            "bytesStored": usage.bytes_stored,
        },
    })
}

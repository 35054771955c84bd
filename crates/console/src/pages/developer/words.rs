//! States, outcomes and answers in words. What returns markup escapes what it is given.

use sfumato_core::client::ClientState;
use sfumato_core::delivery::{Attempt, Delivery, DeliveryState};
use sfumato_core::endpoint::HoldReason;
use sfumato_core::replay::{ReplayState, Standing};
use sfumato_core::{Endpoint, EndpointState, EventStatus, JobId, Outcome, PublicJobId, Timestamp};

use crate::ui::{self, Tone, badge};

/// A client's state as a badge.
pub(super) fn client_badge(state: &ClientState) -> String {
    match state {
        ClientState::Active => badge(Tone::Good, "active"),
        ClientState::Disabled => badge(Tone::Quiet, "disabled"),
    }
}

/// An endpoint's state as a badge, and a pause that it asked for as another.
pub(super) fn endpoint_badge(endpoint: &Endpoint, now: &Timestamp) -> String {
    let state = match endpoint.state {
        EndpointState::Held { .. } => badge(Tone::Bad, "held"),
        EndpointState::Disabled => badge(Tone::Quiet, "disabled"),
        EndpointState::Active if endpoint.health.failing_since.is_some() => badge(Tone::Warning, "failing"),
        EndpointState::Active => badge(Tone::Good, "active"),
    };
    match paused_until(endpoint, now) {
        Some(_) => format!("{state} {}", badge(Tone::Warning, "paused")),
        None => state,
    }
}

/// How an endpoint is, with whatever there is to say of it: markup that changes while one looks.
pub(super) fn endpoint_state(endpoint: &Endpoint, now: &Timestamp) -> String {
    let badge = format!("<span class=\"badges\">{}</span>", endpoint_badge(endpoint, now));
    let troubles = endpoint_troubles(endpoint, now);
    if troubles.is_empty() {
        return badge;
    }
    let tone = if endpoint.state.is_active() {
        "notice-warning"
    } else {
        "notice-bad"
    };
    let troubles: String = troubles
        .iter()
        .map(|trouble| format!("<p>{trouble}</p>"))
        .collect();
    format!("{badge}<section class=\"notice {tone}\" aria-label=\"State\">{troubles}</section>")
}

/// Until when an endpoint wants to be left alone, while it does.
fn paused_until(endpoint: &Endpoint, now: &Timestamp) -> Option<Timestamp> {
    endpoint.health.paused_until.filter(|until| now < until)
}

/// What there is to say of an endpoint that is not simply active: why, since when, and what happens next.
fn endpoint_troubles(endpoint: &Endpoint, now: &Timestamp) -> Vec<String> {
    let health = &endpoint.health;
    let mut troubles = Vec::new();
    match endpoint.state {
        EndpointState::Held {
            since,
            reason,
            next_probe_at,
        } => {
            let why = match reason {
                HoldReason::Failing => "because it kept failing",
                HoldReason::Gone => "because it answered 410 Gone",
            };
            troubles.push(format!(
                "Held since {}, {why}. Its deliveries wait, for 7 days at most. The next probe goes out at {}; a success releases \
                 them, and so does activating it.",
                ui::time(&since),
                ui::time(&next_probe_at),
            ));
        }
        EndpointState::Disabled => troubles.push(
            "Switched off: new events make no deliveries for it. A replay brings them later.".to_owned(),
        ),
        EndpointState::Active => {}
    }
    if let Some(since) = health.failing_since {
        let attempts = match health.consecutive_failures {
            1 => "1 failed attempt".to_owned(),
            many => format!("{} failed attempts", ui::count(many.into())),
        };
        let success = match health.last_success_at {
            Some(at) => format!("The last success was at {}.", ui::time(&at)),
            None => "It has never acknowledged anything.".to_owned(),
        };
        troubles.push(format!(
            "Failing since {}: {attempts} in a row. {success}",
            ui::time(&since)
        ));
    }
    if let Some(until) = paused_until(endpoint, now) {
        troubles.push(format!(
            "It asked to be left alone until {} (Retry-After).",
            ui::time(&until)
        ));
    }
    if health.overflowed > 0 {
        troubles.push(format!(
            "{} deliveries were given up because too many waited while it was held.",
            ui::count(health.overflowed)
        ));
    }
    troubles
}

/// What a delivery tells, as a badge.
pub(super) fn event_badge(status: &EventStatus) -> String {
    let tone = match status {
        EventStatus::Sent | EventStatus::Started => Tone::Quiet,
        EventStatus::Succeeded => Tone::Good,
        EventStatus::Failed => Tone::Bad,
    };
    badge(tone, status.as_str())
}

/// Where a delivery stands, as a badge.
pub(super) fn standing_badge(delivery: &Delivery) -> String {
    let tone = match delivery.state {
        DeliveryState::Pending { .. } if delivery.failures > 0 => Tone::Warning,
        DeliveryState::Pending { .. } => Tone::Quiet,
        DeliveryState::Sending { .. } => Tone::Busy,
        DeliveryState::Delivered { .. } => Tone::Good,
        DeliveryState::Expired { .. } => Tone::Bad,
        DeliveryState::Superseded { .. } | DeliveryState::Dropped { .. } => Tone::Quiet,
    };
    badge(tone, delivery.state.name())
}

/// Where a delivery stands, in a sentence.
pub(super) fn standing(delivery: &Delivery) -> String {
    match delivery.state {
        DeliveryState::Pending { not_before } if delivery.urgent => {
            format!("Goes out at once, on request, from {}.", ui::time(&not_before))
        }
        DeliveryState::Pending { not_before } => {
            format!("Waits for its turn, not before {}.", ui::time(&not_before))
        }
        DeliveryState::Sending { .. } => "On its way right now.".to_owned(),
        DeliveryState::Delivered { at } => format!("Acknowledged at {}.", ui::time(&at)),
        DeliveryState::Superseded { at } => format!(
            "Closed at {}: it still failed when the end of its job overtook it.",
            ui::time(&at)
        ),
        DeliveryState::Expired { at } => {
            format!("Given up at {}: its schedule is spent.", ui::time(&at))
        }
        DeliveryState::Dropped { at } => format!("Given up unsent at {}.", ui::time(&at)),
    }
}

/// What an attempt came to, as a badge.
pub(super) fn outcome_badge(attempt: &Attempt) -> String {
    let tone = match attempt.outcome {
        Outcome::Ok => Tone::Good,
        Outcome::Cancelled => Tone::Quiet,
        _ if attempt.ours => Tone::Quiet,
        _ => Tone::Bad,
    };
    badge(tone, attempt.outcome.as_str())
}

/// What an attempt came to, in words.
pub(super) fn outcome(attempt: &Attempt) -> &'static str {
    if attempt.ours {
        return "Our own network was away; it counts for nothing";
    }
    match attempt.outcome {
        Outcome::Ok => "Acknowledged",
        Outcome::BadAck => "200, but not with our taskId",
        Outcome::Status => "Another status than what acknowledges",
        Outcome::TimeoutConnect => "No connection in time",
        Outcome::TimeoutTotal => "No complete answer in time",
        Outcome::Dns => "The name could not be resolved",
        Outcome::Tls => "The TLS handshake failed",
        Outcome::Connect => "The connection was refused or broke",
        Outcome::BlockedAddress => "An address that webhooks may not reach",
        Outcome::BodyTooLarge => "More than 64 KiB of an answer",
        Outcome::Cancelled => "Stopped by us; it counts for nothing",
    }
}

/// Where an event stands at an endpoint, in words.
pub(super) const fn standing_words(standing: &Standing) -> &'static str {
    match standing {
        Standing::Missing => "missing: never had a delivery here",
        Standing::Pending => "pending: waits",
        Standing::Sending => "sending: on its way",
        Standing::Delivered => "delivered: acknowledged",
        Standing::Superseded => "superseded: overtaken by the end of its job",
        Standing::Expired => "expired: its schedule was spent",
        Standing::Dropped => "dropped: given up unsent",
    }
}

/// A replay's state as a badge.
pub(super) fn replay_badge(state: &ReplayState) -> String {
    let tone = match state {
        ReplayState::Running => Tone::Busy,
        ReplayState::Done { .. } => Tone::Good,
        ReplayState::Cancelled { .. } => Tone::Quiet,
    };
    badge(tone, state.name())
}

/// The page of a job.
pub(super) fn job_path(job: &JobId) -> String {
    format!("/manager/jobs/{job}")
}

/// The last part of a job's name: what tells the jobs of a client apart.
pub(super) fn job_short(job: PublicJobId) -> String {
    let name = job.to_string();
    name.rsplit('-').next().unwrap_or(&name).to_owned()
}

/// An instant to the millisecond, to be found again in the receiver's log.
pub(super) fn exact(instant: &Timestamp) -> String {
    let shown = instant.to_string().replace('T', " ").replace('Z', "");
    format!(r#"<time datetime="{instant}" class="exact">{shown} UTC</time>"#)
}

/// Milliseconds, with as much behind the point as is of use.
pub(super) fn milliseconds(ms: &f64) -> String {
    if *ms < 0.05 {
        "< 0.1 ms".to_owned()
    } else if *ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// A part of a whole as a percentage; never rounded up to all of it.
pub(super) fn percent(part: &f64) -> String {
    let percent = part * 100.0;
    if (99.95..100.0).contains(&percent) {
        return "99.9 %".to_owned();
    }
    if percent.fract() == 0.0 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

/// Bytes of a stranger as text: lines end in one way, and no control character is left to play with the page or the stream
/// that it is sent in.
pub(super) fn as_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    text.chars()
        .map(|letter| match letter {
            '\n' | '\t' => letter,
            control if control.is_control() => char::REPLACEMENT_CHARACTER,
            // Marks that reorder what stands around them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_answers_is_plain_text_in_lines() {
        assert_eq!(as_text(b"a\r\nb\rc\td"), "a\nb\nc\td");
        assert_eq!(as_text(b"\x1b[31m\xff"), "\u{fffd}[31m\u{fffd}");
        assert_eq!(as_text("\u{202e}abc".as_bytes()), "\u{fffd}abc");
    }

    #[test]
    fn a_rate_is_all_only_where_nothing_failed() {
        for (part, shown) in [
            (1.0, "100 %"),
            (0.99999, "99.9 %"),
            (0.5, "50 %"),
            (0.123, "12.3 %"),
            (0.0, "0 %"),
        ] {
            assert_eq!(percent(&part), shown);
        }
    }

    #[test]
    fn milliseconds_keep_what_is_of_use() {
        assert_eq!(milliseconds(&0.01), "< 0.1 ms");
        assert_eq!(milliseconds(&0.26), "0.3 ms");
        assert_eq!(milliseconds(&1234.5), "1234 ms");
    }
}

//! `GET /events`

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use sfumato_core::{Event, EventId, PublicJobId, Timestamp};
use sfumato_engine::events::{After, EVENTS_MAX, WAIT_MAX};
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};
use crate::query;

const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = EVENTS_MAX as u32;
const WAIT_SECONDS_MAX: u32 = WAIT_MAX.as_secs() as u32;

/// Some events.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "events": [{
        "id": "018fe2a4-7f60-7c11-b2d3-94a5b6c7d8e9",
        "taskId": "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f-SRV_ANONYMIZATION-02Vn7rO5cXwAn8YxZ1dQ4S",
        "status": "Started",
        "sequence": 2,
        "at": "2024-06-04T10:29:10.656Z",
        "cursor": "q0XJ3v7cRkmP1sT8yZ2bWg",
    }],
    "next": "q0XJ3v7cRkmP1sT8yZ2bWg",
}))]
pub(crate) struct EventPage {
    /// In the order in which they were committed.
    events: Vec<EventBody>,
    /// Where to go on (`after`); where there was no event, the place where you are.
    next: String,
}

/// One change of one job's status.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventBody {
    /// Names the event.
    #[schema(value_type = uuid::Uuid)]
    id: EventId,
    /// The job.
    task_id: String,
    /// `Sent`, `Started`, `Succeeded` or `Failed`.
    status: &'static str,
    /// 1, 2, 3 … within the job.
    sequence: u32,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Reading `after` this goes on behind the event.
    cursor: String,
}

impl EventBody {
    fn new(cursor: String, event: &Event) -> Self {
        let job = PublicJobId {
            client: event.client,
            job: event.job,
        };
        Self {
            id: event.id,
            task_id: job.to_string(),
            status: event.status.as_str(),
            sequence: event.sequence,
            at: event.at,
            cursor,
        }
    }
}

/// Read what has happened.
///
/// An extension: the events that webhooks tell, for clients that cannot be called and to compare. All jobs' events come in one
/// order, each job's in its own; whoever goes on at `next` misses none and gets none twice, also after a restart of either
/// side. With `wait` the answer comes as soon as there is an event, at most so many seconds later.
#[utoipa::path(
    get,
    path = "/events",
    operation_id = "listEvents",
    tag = "Webhooks",
    security(("bearer" = [])),
    params(
        ("after" = Option<String>, Query, description = "A cursor; `latest` for what happens from now on; from the first event where it is absent."),
        ("limit" = Option<u32>, Query, description = "1 to 1000, 100 where it is absent.", minimum = 1, maximum = 1000),
        ("wait" = Option<u32>, Query, description = "Seconds to wait for an event where there is none: 0 to 30, 0 where it is absent.", minimum = 0, maximum = 30),
    ),
    responses(
        (status = 200, description = "The events; none where nothing has happened.", body = EventPage),
        (status = 400, description = "The cursor is none of this client, or a number is out of range.", body = ErrorBody),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 429, description = "Too many requests, or 16 of this client wait already.", body = ErrorBody),
    ),
)]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
) -> Result<Json<EventPage>, Problem> {
    let query = query.as_deref();
    let limit = query::number(query, "limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
    let wait = query::number(query, "wait", 0..=WAIT_SECONDS_MAX)?.unwrap_or(0);
    let after = query::first(query, "after");
    let after = match after.as_deref() {
        None | Some("") => After::Start,
        Some("latest") => After::Latest,
        Some(cursor) => After::Cursor(cursor),
    };
    let page = state
        .engine
        .events(
            &caller,
            after,
            usize::try_from(limit).unwrap_or(usize::MAX),
            Duration::from_secs(wait.into()),
        )
        .await
        .map_err(|error| Problem::of_reading(error, "after"))?;
    let events = page.events.into_iter();
    Ok(Json(EventPage {
        events: events
            .map(|(cursor, event)| EventBody::new(cursor, &event))
            .collect(),
        next: page.next,
    }))
}

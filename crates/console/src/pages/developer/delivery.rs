//! `/manager/developer/{client}/endpoints/{endpoint}/deliveries/{delivery}`: one delivery with every attempt.

use askama::Template;
use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use sfumato_core::audit::{Action, Subject};
use sfumato_core::delivery::{Attempt, DeliveryState};
use sfumato_core::store::DeliveryRecord;
use sfumato_core::{DeliveryId, PublicJobId, StoreError, Timestamp};

use super::at::{AtEndpoint, in_path};
use super::phases::{self, Phase};
use super::{Tab, words};
use crate::Console;
use crate::error::ConsoleError;
use crate::live;
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// The delivery that a path names.
struct Named(DeliveryId);

impl FromRequestParts<Console> for Named {
    type Rejection = ConsoleError;

    async fn from_request_parts(parts: &mut Parts, _: &Console) -> Result<Self, ConsoleError> {
        Ok(Self(in_path(parts, "delivery").await?))
    }
}

/// What changes while one looks.
#[derive(Template)]
#[template(path = "developer/delivery_live.html")]
struct LiveDelivery<'a> {
    record: &'a DeliveryRecord,
    /// Where somebody keeps answers, an empty place says why.
    keeping: bool,
}

impl LiveDelivery<'_> {
    fn phases(&self, attempt: &Attempt) -> Vec<Phase> {
        let in_order = attempt
            .phases
            .in_order()
            .map(|us| us.map(|us| f64::from(us) / 1e3));
        phases::phases(in_order, f64::from(attempt.duration_ms))
    }

    /// The newest attempt first.
    fn attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.record.attempts.iter().rev()
    }
}

#[derive(Template)]
#[template(path = "developer/delivery.html")]
struct DeliveryPage<'a> {
    visitor: &'a Visitor,
    here: &'a AtEndpoint,
    tab: Tab,
    now: Timestamp,
    record: &'a DeliveryRecord,
    live: LiveDelivery<'a>,
}

impl DeliveryPage<'_> {
    fn job(&self) -> PublicJobId {
        PublicJobId {
            client: self.record.delivery.client,
            job: self.record.delivery.job,
        }
    }

    fn path(&self) -> String {
        let rest = format!("deliveries/{}", self.record.delivery.id);
        self.here.under(&rest)
    }

    fn is_on_its_way(&self) -> bool {
        matches!(self.record.delivery.state, DeliveryState::Sending { .. })
    }
}

pub(super) fn router() -> Router<Console> {
    let path = "/manager/developer/{client}/endpoints/{endpoint}/deliveries/{delivery}";
    Router::new()
        .route(path, get(show))
        .route(&format!("{path}/live"), get(live_part))
        .route(&format!("{path}/resend"), post(resend))
}

async fn record(here: &AtEndpoint, delivery: DeliveryId) -> Result<DeliveryRecord, StoreError> {
    let caller = &here.at.caller;
    here.engine().delivery(caller, here.endpoint.id, delivery).await
}

async fn show(here: AtEndpoint, Named(delivery): Named) -> Result<Response, ConsoleError> {
    let record = record(&here, delivery).await?;
    let visitor = &here.at.visitor;
    let body = DeliveryPage {
        visitor,
        here: &here,
        tab: Tab::Deliveries,
        now: here.at.now(),
        record: &record,
        live: LiveDelivery {
            record: &record,
            keeping: keeping(&here),
        },
    };
    Ok(page::page(visitor, Nav::Developer, "Delivery", &body)?.into_response())
}

fn keeping(here: &AtEndpoint) -> bool {
    here.engine().settings().keep_responses && here.endpoint.keep_responses
}

async fn live_part(
    here: AtEndpoint,
    Named(delivery): Named,
    headers: HeaderMap,
) -> Result<Response, ConsoleError> {
    let keeping = keeping(&here);
    let (caller, endpoint) = (here.at.caller, here.endpoint.id);
    let render = move |console: Console, _: Visitor| async move {
        let record = console.engine.delivery(&caller, endpoint, delivery).await?;
        let part = LiveDelivery {
            record: &record,
            keeping,
        };
        Ok(part.render()?)
    };
    live::live(&here.at.console, here.at.visitor.clone(), &headers, render).await
}

async fn resend(here: AtEndpoint, Named(delivery): Named) -> Result<Response, ConsoleError> {
    let caller = &here.at.caller;
    here.engine().resend(caller, here.endpoint.id, delivery).await?;
    here.at
        .audit(Action::DeliveryResent, Subject::Delivery(delivery))
        .await;
    let path = here.under(&format!("deliveries/{delivery}"));
    Ok(page::redirect(
        &path,
        Some(Toast::success("It goes out again now.")),
    ))
}

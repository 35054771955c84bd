//! `/manager/developer`: what programs need. Clients with their credentials, and each client's webhook endpoints: settings,
//! tests, deliveries with every attempt, and replays.
//!
//! A path names the client and, under it, the endpoint; [`at`] looks both up and answers for what is not the visitor's as for
//! what does not exist. Members come straight to their own client.

mod at;
mod client;
mod clients;
mod deliveries;
mod delivery;
mod endpoint_new;
mod endpoint_settings;
mod endpoint_test;
mod overlap;
mod phases;
mod replays;
mod words;

use axum::Router;

use crate::Console;

/// The parts of an endpoint's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Deliveries,
    Test,
    Replays,
    Settings,
}

pub(super) fn router() -> Router<Console> {
    Router::new()
        .merge(clients::router())
        .merge(client::router())
        .merge(endpoint_new::router())
        .merge(endpoint_settings::router())
        .merge(endpoint_test::router())
        .merge(deliveries::router())
        .merge(delivery::router())
        .merge(replays::router())
}

//! The labels of metrics: each has few values.

use prometheus_client::encoding::EncodeLabelSet;
use sfumato_core::MediaKind;
use sfumato_core::delivery::Outcome;
use sfumato_core::store::Purpose;
use sfumato_media_client::{ChildEnd, MediaError};

use super::Surface;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByKind {
    kind: &'static str,
}

impl ByKind {
    pub(super) const fn of(kind: MediaKind) -> Self {
        Self { kind: kind.as_str() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndOfJob {
    kind: &'static str,
    end: &'static str,
}

impl EndOfJob {
    pub(super) const SUCCEEDED: &'static str = "succeeded";
    pub(super) const UNUSABLE: &'static str = "unusable_file";
    pub(super) const TRANSIENT: &'static str = "transient_failure";
    pub(super) const INTERNAL: &'static str = "internal_failure";
    pub(super) const NO_ROOM: &'static str = "no_room";
    pub(super) const HANDED_BACK: &'static str = "handed_back";
    pub(super) const LEASE_LOST: &'static str = "lease_lost";

    pub(super) const fn of(kind: MediaKind, end: &'static str) -> Self {
        Self {
            kind: kind.as_str(),
            end,
        }
    }

    pub(super) fn all(kind: MediaKind) -> impl Iterator<Item = Self> {
        let ends = [
            Self::SUCCEEDED,
            Self::UNUSABLE,
            Self::TRANSIENT,
            Self::INTERNAL,
            Self::NO_ROOM,
            Self::HANDED_BACK,
            Self::LEASE_LOST,
        ];
        ends.into_iter().map(move |end| Self::of(kind, end))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Stage {
    kind: &'static str,
    stage: &'static str,
}

impl Stage {
    /// In the order in which media passes through them.
    pub(super) fn all(kind: MediaKind) -> impl Iterator<Item = Self> {
        let stages = ["decode", "resize", "inference", "mask", "encode"];
        stages.into_iter().map(move |stage| Self {
            kind: kind.as_str(),
            stage,
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByClass {
    pub(super) class: &'static str,
}

/// How a media process was lost.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByEnd {
    end: &'static str,
}

impl ByEnd {
    /// All of them.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let ends = [
            "forbidden_call",
            "out_of_memory",
            "killed",
            "cpu_time",
            "result_too_large",
            "crash",
            "fault",
            "deadline",
            "stuck",
        ];
        ends.into_iter().map(|end| Self { end })
    }

    /// `None` where the process has not been lost.
    pub(super) const fn of(error: &MediaError) -> Option<Self> {
        let end = match error {
            MediaError::ChildLost { end, .. } => match end {
                ChildEnd::ForbiddenCall => "forbidden_call",
                ChildEnd::OutOfMemory { .. } => "out_of_memory",
                ChildEnd::Killed => "killed",
                ChildEnd::CpuTime => "cpu_time",
                ChildEnd::ResultTooLarge { .. } => "result_too_large",
                ChildEnd::Crash => "crash",
                ChildEnd::Fault => "fault",
            },
            MediaError::Deadline { .. } => "deadline",
            MediaError::Stuck { .. } => "stuck",
            _ => return None,
        };
        Some(Self { end })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOutcome {
    outcome: &'static str,
}

impl ByOutcome {
    pub(super) const fn of(outcome: Outcome) -> Self {
        Self {
            outcome: outcome.as_str(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByPurpose {
    purpose: &'static str,
}

impl ByPurpose {
    pub(super) const fn of(purpose: Purpose) -> Self {
        Self {
            purpose: purpose.as_str(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByReason {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByState {
    pub(super) state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByStorage {
    pub(super) what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByPart {
    pub(super) part: &'static str,
}

/// A request by what the program knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Request {
    surface: &'static str,
    method: &'static str,
    route: String,
    status: &'static str,
}

/// The same whatever came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Route {
    surface: &'static str,
    method: &'static str,
    route: String,
}

impl Request {
    pub(super) fn new(surface: Surface, method: &str, route: Option<&str>, status: u16) -> Self {
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        Self {
            surface: surface.as_str(),
            method: METHODS
                .into_iter()
                .find(|known| *known == method)
                .unwrap_or("other"),
            route: route.unwrap_or("none").to_owned(),
            status: match status / 100 {
                1 => "1xx",
                2 => "2xx",
                3 => "3xx",
                4 => "4xx",
                _ => "5xx",
            },
        }
    }

    /// For times, which need not be told apart by status.
    pub(super) fn without_status(self) -> Route {
        let Self {
            surface,
            method,
            route,
            ..
        } = self;
        Route {
            surface,
            method,
            route,
        }
    }
}

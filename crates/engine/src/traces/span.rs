//! A span: something that took a while.

use std::borrow::Cow;

use sfumato_core::Timestamp;

use super::{RemoteSpan, SpanId, TraceId};

/// The part of a span in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Within a process.
    Internal,
    /// Answers a request.
    Server,
    /// Sends one.
    Client,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text.
    Text(Cow<'static, str>),
    /// A count.
    Number(i64),
    /// A size or a duration.
    Real(f64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace that it belongs to.
    pub trace: TraceId,
    /// Which one it is.
    pub id: SpanId,
    /// The span that it is a part of; `None`: the root.
    pub parent: Option<SpanId>,
    /// Whether the parent is somebody else's.
    pub parent_is_remote: bool,
    /// What is done, in words of which there are few.
    pub name: Cow<'static, str>,
    /// Its part in a conversation.
    pub kind: Kind,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; never before it began.
    pub ended: Timestamp,
    /// What is known of it.
    pub attributes: Vec<(&'static str, Value)>,
    /// Spans of other traces that it has to do with.
    pub links: Vec<RemoteSpan>,
    /// Why it failed, in words for the operator; `None`: it did not.
    pub error: Option<Cow<'static, str>>,
}

impl Span {
    /// One that has nothing to say beyond its name. A clock that was set back meanwhile makes it short, not negative.
    pub(super) fn new(
        (trace, id, parent): (TraceId, SpanId, Option<SpanId>),
        name: impl Into<Cow<'static, str>>,
        (began, ended): (Timestamp, Timestamp),
    ) -> Self {
        Self {
            trace,
            id,
            parent,
            parent_is_remote: false,
            name: name.into(),
            kind: Kind::Internal,
            began,
            ended: ended.max(began),
            attributes: Vec::new(),
            links: Vec::new(),
            error: None,
        }
    }

    /// With an attribute.
    pub(super) fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.attributes.push((key, value.into()));
        self
    }

    /// With an attribute, where it is known.
    pub(super) fn with_some(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// In this part of a conversation.
    pub(super) const fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Failed for this reason.
    pub(super) fn failed(mut self, why: Option<impl Into<Cow<'static, str>>>) -> Self {
        self.error = why.map(Into::into);
        self
    }
}

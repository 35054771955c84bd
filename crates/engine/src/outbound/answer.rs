//! The answer: headers and a bounded body read, the acknowledgement judged.

use std::time::{Duration, UNIX_EPOCH};

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, RETRY_AFTER};
use serde_json::Value;
use sfumato_core::Timestamp;

use super::failure::{AckProblem, Failure};
use super::line::Line;
use super::{RESPONSE_BYTES_KEPT, RESPONSE_BYTES_MAX};

/// What arrived of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) kept: Vec<u8>,
}

impl Answer {
    pub(super) fn of(response: &Response<Incoming>) -> Self {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            })
            .collect();
        Self {
            status: Some(response.status().as_u16()),
            headers,
            kept: Vec::new(),
        }
    }

    fn header(&self, wanted: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    }

    /// Reads the body to its end, never more than [`RESPONSE_BYTES_MAX`] and one network buffer. The first bytes are
    /// kept even where the rest does not arrive.
    pub(super) async fn read(&mut self, mut body: Incoming, line: &mut Line<'_>) -> Result<Vec<u8>, Failure> {
        let announced = self.header(CONTENT_LENGTH.as_str()).map(str::parse::<u64>);
        if let Some(Ok(bytes)) = announced
            && bytes > RESPONSE_BYTES_MAX as u64
        {
            return Err(Failure::BodyTooLarge { status: self.status });
        }
        let mut whole = Vec::new();
        while let Some(frame) = line.until(body.frame()).await {
            let frame = frame.map_err(|source| Failure::Exchange { source })?;
            let Some(data) = frame.data_ref() else { continue };
            let keep = RESPONSE_BYTES_KEPT
                .saturating_sub(self.kept.len())
                .min(data.len());
            self.kept.extend_from_slice(&data[..keep]);
            if whole.len() + data.len() > RESPONSE_BYTES_MAX {
                return Err(Failure::BodyTooLarge { status: self.status });
            }
            whole.extend_from_slice(data);
        }
        Ok(whole)
    }

    /// How long the receiver says that it keeps the connection (`Keep-Alive: timeout=5`), less a second for the way: who
    /// speaks just when the other closes is not heard.
    pub(super) fn keep_alive(&self) -> Option<Duration> {
        let parameters = self.header("keep-alive")?.split(',');
        let seconds = parameters
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))
            .and_then(|(_, seconds)| seconds.trim().parse::<u32>().ok())?;
        Some(Duration::from_secs(seconds.saturating_sub(1).into()))
    }

    /// Whether the status alone says that the event was taken.
    pub(super) fn is_success(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }

    /// When a 429 or 503 asks to be called again: `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
    pub(super) fn retry_after(&self, now: Timestamp) -> Option<Timestamp> {
        if !matches!(self.status, Some(429 | 503)) {
            return None;
        }
        let text = self.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(now.after(Duration::from_secs(seconds)));
        }
        let date = httpdate::parse_http_date(text).ok()?;
        let since_epoch = date.duration_since(UNIX_EPOCH).ok()?;
        Some(Timestamp::from_seconds(0).after(since_epoch))
    }
}

/// Whether an answer acknowledges: exactly 200, and a JSON object whose `taskId` is ours.
pub(super) fn judge(answer: &Answer, body: &[u8], task_id: &str) -> Result<(), Failure> {
    let status = answer.status.unwrap_or_default();
    if status != 200 {
        return Err(Failure::Status { status });
    }
    let problem = match serde_json::from_slice::<Value>(body) {
        _ if body.is_empty() => AckProblem::Empty,
        Err(_) if answer.header(CONTENT_ENCODING.as_str()).is_some() => AckProblem::Encoded,
        Err(_) => AckProblem::NotJson,
        Ok(Value::Object(members)) => match members.get("taskId") {
            Some(Value::String(named)) if named == task_id => return Ok(()),
            Some(_) => AckProblem::OtherTask,
            None => AckProblem::NoTask,
        },
        Ok(_) => AckProblem::NotAnObject,
    };
    Err(Failure::Ack(problem))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, retry_after: &str) -> Answer {
        Answer {
            status: Some(status),
            headers: vec![("retry-after".into(), retry_after.into())],
            kept: vec![],
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date_of_429_and_503_only() {
        let now = Timestamp::from_seconds(784_111_777);
        let at = |status, text| answer(status, text).retry_after(now).map(Timestamp::as_seconds);
        assert_eq!(at(429, "120"), Some(784_111_897));
        assert_eq!(at(503, " 0 "), Some(784_111_777));
        assert_eq!(at(503, "Sun, 06 Nov 1994 08:51:37 GMT"), Some(784_111_897));
        assert_eq!(at(503, "Sunday, 06-Nov-94 08:51:37 GMT"), Some(784_111_897));
        assert_eq!(at(500, "120"), None);
        for nonsense in ["", "-1", "1.5", "soon", "Sun, 06 Nov 1894 08:51:37"] {
            assert_eq!(at(429, nonsense), None, "{nonsense}");
        }
        let far = answer(429, "18446744073709551615").retry_after(now);
        assert_eq!(far, Some(Timestamp::from_micros(i64::MAX)));
    }

    #[test]
    fn the_time_that_a_receiver_keeps_a_connection_is_read_less_a_second() {
        let wish = |text: &str| {
            let headers = vec![("keep-alive".into(), text.into())];
            let answer = Answer {
                headers,
                ..Answer::default()
            };
            answer.keep_alive().map(|wish| wish.as_secs())
        };
        assert_eq!(wish("timeout=5"), Some(4));
        assert_eq!(wish("max=100, Timeout = 72"), Some(71));
        assert_eq!(wish("timeout=1"), Some(0));
        assert_eq!(wish("timeout=0"), Some(0));
        for nonsense in ["", "5", "timeout", "timeout=-1", "timeout=99999999999", "max=5"] {
            assert_eq!(wish(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn only_200_with_a_json_object_that_names_the_task_acknowledges() {
        let judged = |status, body: &str| {
            judge(&answer(status, ""), body.as_bytes(), "t-1").map_err(|failure| failure.outcome())
        };
        use sfumato_core::Outcome::{BadAck, Status};
        assert_eq!(judged(200, r#"{"taskId":"t-1"}"#), Ok(()));
        assert_eq!(judged(200, " {\"more\": [1], \"taskId\": \"t-1\"}\n"), Ok(()));
        for bad in [
            "",
            "OK",
            "null",
            "[]",
            "\"t-1\"",
            r#"[{"taskId":"t-1"}]"#,
            "{}",
            r#"{"taskid":"t-1"}"#,
            r#"{"taskId":"t-2"}"#,
            r#"{"taskId":1}"#,
            r#"{"taskId":null}"#,
            r#"{"taskId":"t-1"}x"#,
            r#"{"taskId":"t-1""#,
            r#"{"taskId":"T-1"}"#,
            r#"{"taskId":"t-1","taskId":"t-2"}"#,
        ] {
            assert_eq!(judged(200, bad), Err(BadAck), "{bad}");
        }
        for status in [201, 202, 204, 301, 400, 404, 410, 500, 503] {
            assert_eq!(judged(status, r#"{"taskId":"t-1"}"#), Err(Status), "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_judged_without_a_panic(body: Vec<u8>) {
            prop_assert!(judge(&answer(200, ""), &body, "t-1").is_err());
        }

        #[test]
        fn any_retry_after_is_read_without_a_panic(text in ".*") {
            let _ = answer(429, &text).retry_after(Timestamp::from_seconds(0));
        }
    }
}

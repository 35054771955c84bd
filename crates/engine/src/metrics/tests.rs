use super::*;

#[test]
fn what_is_known_beforehand_begins_at_zero_and_counts() {
    let metrics = Metrics::default();
    assert!(
        metrics
            .text()
            .contains("sfumato_jobs_accepted_total{kind=\"video\"} 0\n")
    );
    metrics.job_accepted(MediaKind::Video, 12);
    metrics.job_begun(MediaKind::Video, Duration::from_secs(3));
    metrics.attempt_abandoned(MediaKind::Video, HANDED_BACK);
    let text = metrics.text();
    for line in [
        "sfumato_jobs_accepted_total{kind=\"video\"} 1\n",
        "sfumato_jobs_accepted_bytes_total 12\n",
        "sfumato_job_wait_seconds_bucket{kind=\"video\",le=\"2.5\"} 0\n",
        "sfumato_job_wait_seconds_bucket{kind=\"video\",le=\"5\"} 1\n",
        "sfumato_job_attempts_ended_total{kind=\"video\",end=\"handed_back\"} 1\n",
        "sfumato_delivery_attempts_total{outcome=\"bad_ack\"} 0\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn requests_are_told_apart_by_pattern_and_class_and_never_by_what_a_client_makes_up() {
    let metrics = Metrics::default();
    let took = Duration::from_millis(3);
    metrics.request_answered(Surface::Api, "GET", Some("/events"), 200, took);
    metrics.request_answered(Surface::Api, "BREW", None, 404, took);
    let text = metrics.text();
    for line in [
        "sfumato_http_requests_total{surface=\"api\",method=\"GET\",route=\"/events\",status=\"2xx\"} 1\n",
        "sfumato_http_requests_total{surface=\"api\",method=\"other\",route=\"none\",status=\"4xx\"} 1\n",
        "sfumato_http_request_duration_seconds_count{surface=\"api\",method=\"GET\",route=\"/events\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

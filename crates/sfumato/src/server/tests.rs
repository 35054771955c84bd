use sfumato_engine::guard::judge_url;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_part_that_ends_by_itself_stops_the_others_and_is_a_failure() {
    let shutdown = CancellationToken::new();
    let mut tasks = Tasks::new(shutdown.clone());
    let until = shutdown.clone();
    tasks.spawn("steady", async move { until.cancelled().await });
    tasks.spawn("broken", async {});
    assert!(!tasks.watch().await);
    assert!(shutdown.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_even_during_shutdown() {
    let mut tasks = Tasks::new(CancellationToken::new());
    tasks.shutdown.cancel();
    tasks.spawn("broken", async { panic!("on purpose") });
    assert!(!tasks.watch().await);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_takes_too_long_is_cut_off_and_still_in_order() {
    let mut tasks = Tasks::new(CancellationToken::new());
    tasks.spawn("slow", std::future::pending());
    tasks.shutdown.cancel();
    let begun = tokio::time::Instant::now();
    assert!(tasks.watch().await);
    assert_eq!(begun.elapsed().as_secs(), SHUTDOWN_DEADLINE.as_secs());
}

#[test]
fn the_address_that_the_server_listens_on_is_no_webhook_endpoint() {
    let refused = |listen: &str, url| {
        let settings = Settings {
            listen: listen.parse().unwrap(),
            ..Settings::default()
        };
        judge_url(url, &engine_settings(&settings).addresses).is_err()
    };
    assert!(refused("192.0.1.7:8080", "https://192.0.1.7/"));
    assert!(refused("[2606:4700::7]:8080", "https://[2606:4700::7]/"));
    assert!(!refused("192.0.1.7:8080", "https://192.0.1.8/"));
    assert!(!refused("0.0.0.0:8080", "https://192.0.1.7/"));
}

#[test]
fn the_defaults_of_the_settings_are_those_of_the_engine() {
    let own = engine_settings(&Settings::default());
    let engine = EngineSettings {
        jobs_at_once: own.jobs_at_once,
        ..EngineSettings::default()
    };
    assert_eq!(format!("{own:?}"), format!("{engine:?}"));
}

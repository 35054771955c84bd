use sfumato_engine::guard::judge_url;

use super::*;

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

//! The statements, one file each. Another store has the same files in its own dialect.

macro_rules! queries {
    ($($name:ident: $file:literal;)*) => {
        $(pub(crate) const $name: &str = include_str!(concat!("queries/", $file, ".sql"));)*

        /// Every statement by its name, for the test that prepares them all.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

queries! {
    ATTEMPTS_OF_DELIVERY: "attempts_of_delivery";
    CANCEL_REPLAYS_OF_ENDPOINT: "cancel_replays_of_endpoint";
    CHAIN_IS_OPEN: "chain_is_open";
    CLAIMABLE_JOBS: "claimable_jobs";
    CLIENTS: "clients";
    CLIENT_BY_KEY: "client_by_key";
    COUNT_ENDPOINTS: "count_endpoints";
    COUNT_WAITING_OF_ENDPOINT: "count_waiting_of_endpoint";
    CROWDED_ENDPOINTS: "crowded_endpoints";
    DELETE_ENDPOINT: "delete_endpoint";
    DELETE_USER: "delete_user";
    DELIVERIES_OF_ENDPOINT: "deliveries_of_endpoint";
    DELIVERIES_OF_ENDPOINT_AND_JOB: "deliveries_of_endpoint_and_job";
    DELIVERIES_OF_JOB: "deliveries_of_job";
    DELIVERIES_OF_OTHER_WORKERS: "deliveries_of_other_workers";
    DELIVERIES_OF_WORKER: "deliveries_of_worker";
    DELIVERIES_WITH_EXPIRED_LEASE: "deliveries_with_expired_lease";
    DELIVERY: "delivery";
    DELIVERY_OF_CLIENT: "delivery_of_client";
    DELIVERY_OF_ENDPOINT: "delivery_of_endpoint";
    DROP_DELIVERIES_OF_ENDPOINT: "drop_deliveries_of_endpoint";
    DUE_DELIVERIES_OF_ENDPOINT: "due_deliveries_of_endpoint";
    ENDPOINT: "endpoint";
    ENDPOINTS: "endpoints";
    ENDPOINTS_FOR_EVENTS: "endpoints_for_events";
    ENDPOINT_FOR_COURIER: "endpoint_for_courier";
    ENDPOINT_IS_CALLED: "endpoint_is_called";
    END_USER_SESSION: "end_user_session";
    END_USER_SESSIONS: "end_user_sessions";
    EVENT: "event";
    EVENTS_AFTER: "events_after";
    EVENTS_FOR_REPLAY: "events_for_replay";
    EVENTS_SCANNED_BEFORE: "events_scanned_before";
    EXPIRABLE_JOBS: "expirable_jobs";
    EXPIRED_WAITING_DELIVERIES: "expired_waiting_deliveries";
    FAILING_DELIVERIES_OF_JOB: "failing_deliveries_of_job";
    FORGET_LOGINS: "forget_logins";
    FORGET_REFRESH_TOKENS: "forget_refresh_tokens";
    FORGET_REPLAYS: "forget_replays";
    FORGET_RESPONSES: "forget_responses";
    FORGET_ROTATED: "forget_rotated";
    FORGET_SETUP_LINKS: "forget_setup_links";
    FORGET_USER_SESSIONS: "forget_user_sessions";
    HAS_USERS: "has_users";
    INSERT_ATTEMPT: "insert_attempt";
    INSERT_CLIENT: "insert_client";
    INSERT_DELIVERY: "insert_delivery";
    INSERT_ENDPOINT: "insert_endpoint";
    INSERT_EVENT: "insert_event";
    INSERT_JOB: "insert_job";
    INSERT_LOGIN: "insert_login";
    INSERT_REFRESH_TOKEN: "insert_refresh_token";
    INSERT_REPLAY: "insert_replay";
    INSERT_REPLAYED_DELIVERY: "insert_replayed_delivery";
    INSERT_SETUP_LINK: "insert_setup_link";
    INSERT_USER: "insert_user";
    INSERT_USER_SESSION: "insert_user_session";
    JOB: "job";
    JOBS_OF_OTHER_WORKERS: "jobs_of_other_workers";
    JOBS_OF_UPLOAD: "jobs_of_upload";
    JOBS_WITH_EXPIRED_LEASE: "jobs_with_expired_lease";
    JOB_BY_RESULT: "job_by_result";
    JOB_FOR_WORKER: "job_for_worker";
    LAST_EVENT_POSITION: "last_event_position";
    LAST_REVISION: "last_revision";
    NEXT_EVENT_SEQUENCE: "next_event_sequence";
    OLDEST_DELIVERY_OF_ENDPOINT: "oldest_delivery_of_endpoint";
    OLDEST_DUE_OF_ENDPOINT: "oldest_due_of_endpoint";
    PING: "ping";
    PROMOTE_DELIVERY: "promote_delivery";
    PULL_DELIVERIES_FORWARD: "pull_deliveries_forward";
    PULL_SOME_FORWARD: "pull_some_forward";
    RECORD_SIGN_IN: "record_sign_in";
    REFRESH_TOKEN: "refresh_token";
    REPLAY: "replay";
    REPLAY_FOR_ENGINE: "replay_for_engine";
    REPLAY_RUNS: "replay_runs";
    REPLAYS: "replays";
    RESULT_IS_WANTED: "result_is_wanted";
    RETIRE_HEAD: "retire_head";
    RETIRE_UPLOAD: "retire_upload";
    REVOKE_LOGIN: "revoke_login";
    REVOKE_LOGINS_OF_CLIENT: "revoke_logins_of_client";
    ROTATE_REFRESH_TOKEN: "rotate_refresh_token";
    ROTATE_SECRET: "rotate_secret";
    RUNNING_REPLAYS: "running_replays";
    SESSION: "session";
    SETUP_LINK: "setup_link";
    SET_CLIENT_STATE: "set_client_state";
    SET_PASSWORD: "set_password";
    TERMINAL_EVENT_EXISTS: "terminal_event_exists";
    TOUCH_USER_SESSION: "touch_user_session";
    UPDATE_DELIVERY: "update_delivery";
    UPDATE_ENDPOINT: "update_endpoint";
    UPDATE_ENDPOINT_SETTINGS: "update_endpoint_settings";
    UPDATE_JOB: "update_job";
    UPDATE_REPLAY: "update_replay";
    UPDATE_USER: "update_user";
    UPLOADS_TO_RETIRE: "uploads_to_retire";
    UPLOAD_DELETED: "upload_deleted";
    UPLOAD_IS_WANTED: "upload_is_wanted";
    URGENT_DELIVERIES_OF_ENDPOINT: "urgent_deliveries_of_endpoint";
    USER: "user";
    USERS: "users";
    USER_BY_NAME: "user_by_name";
    USER_SESSIONS_OF_USER: "user_sessions_of_user";
    USER_SESSION_BY_TOKEN: "user_session_by_token";
    VOID_SETUP_LINKS: "void_setup_links";
    WAITING_AT_ENDPOINT: "waiting_at_endpoint";
    WAITING_ENDPOINTS: "waiting_endpoints";
    WAITING_INTERMEDIATES: "waiting_intermediates";
    WAITING_TO_GIVE_UP: "waiting_to_give_up";
}

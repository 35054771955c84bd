//! The statements, one file each. The store on SQLite has the same files in its own dialect.

/// Constants with the texts of the `.sql` files in a folder, and all of them by name.
macro_rules! statements {
    ($folder:literal; $($name:ident: $file:literal;)*) => {
        $(pub(crate) const $name: &str = include_str!(concat!($folder, "/", $file, ".sql"));)*

        /// Every statement by its name, for the test that prepares them all.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$(($file, $name)),*];
    };
}

pub(crate) use statements;

statements! {
    "queries";
    ATTEMPT_ACTIVITY: "attempt_activity";
    ATTEMPTS_OF_DELIVERY: "attempts_of_delivery";
    AUDIT_ENTRIES: "audit_entries";
    AUDIT_ENTRIES_ABOUT: "audit_entries_about";
    AUDIT_ENTRIES_OF_ACTOR: "audit_entries_of_actor";
    AUDIT_ENTRIES_OF_CLIENT: "audit_entries_of_client";
    CANCEL_REPLAYS_OF_ENDPOINT: "cancel_replays_of_endpoint";
    CHAIN_IS_OPEN: "chain_is_open";
    CLAIMABLE_JOB_OF_CLIENT: "claimable_job_of_client";
    CLAIMABLE_OWN_PART: "claimable_own_part";
    CLAIMABLE_PART: "claimable_part";
    CLAIMABLE_PART_OF_JOB: "claimable_part_of_job";
    CLIENT_BY_KEY: "client_by_key";
    CLIENT_POLICY: "client_policy";
    CLIENTS: "clients";
    COLUMNS_OF_TABLE: "columns_of_table";
    CONTENDERS: "contenders";
    COUNT_ATTEMPTS: "count_attempts";
    COUNT_BUSY_WORKERS: "count_busy_workers";
    COUNT_ENDPOINTS: "count_endpoints";
    COUNT_WAITING_OF_ENDPOINT: "count_waiting_of_endpoint";
    CROWDED_ENDPOINTS: "crowded_endpoints";
    DELETE_ENDPOINT: "delete_endpoint";
    DELETE_USER: "delete_user";
    DELIVERIES_DUE_AGAIN: "deliveries_due_again";
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
    DROP_PART: "drop_part";
    DROP_PARTS_OF_JOB: "drop_parts_of_job";
    DUE_DELIVERIES_OF_ENDPOINT: "due_deliveries_of_endpoint";
    END_USER_SESSION: "end_user_session";
    END_USER_SESSIONS: "end_user_sessions";
    ENDPOINT: "endpoint";
    ENDPOINT_FOR_COURIER: "endpoint_for_courier";
    ENDPOINT_IS_CALLED: "endpoint_is_called";
    ENDPOINTS: "endpoints";
    ENDPOINTS_BY_STATE: "endpoints_by_state";
    ENDPOINTS_FOR_EVENTS: "endpoints_for_events";
    EVENT: "event";
    EVENTS_AFTER: "events_after";
    EVENTS_FOR_REPLAY: "events_for_replay";
    EVENTS_SCANNED_BEFORE: "events_scanned_before";
    EXPIRABLE_JOBS: "expirable_jobs";
    EXPIRED_RESULTS: "expired_results";
    EXPIRED_WAITING_DELIVERIES: "expired_waiting_deliveries";
    EXTEND_PART: "extend_part";
    FAILING_DELIVERIES_OF_JOB: "failing_deliveries_of_job";
    FINISH_PART: "finish_part";
    FORGET_ATTEMPT_HOURS: "forget_attempt_hours";
    FORGET_AUDIT_ENTRIES: "forget_audit_entries";
    FORGET_JOB_HOURS: "forget_job_hours";
    FORGET_KEYS: "forget_keys";
    FORGET_LOGINS: "forget_logins";
    FORGET_REFRESH_TOKENS: "forget_refresh_tokens";
    FORGET_REPLAYS: "forget_replays";
    FORGET_RESPONSES: "forget_responses";
    FORGET_ROTATED: "forget_rotated";
    FORGET_SETUP_LINKS: "forget_setup_links";
    FORGET_USER_SESSIONS: "forget_user_sessions";
    FREE_PARTS_OF_WORKER: "free_parts_of_worker";
    HAND_BACK_PART: "hand_back_part";
    HAS_USERS: "has_users";
    INSERT_ATTEMPT: "insert_attempt";
    INSERT_AUDIT_ENTRY: "insert_audit_entry";
    INSERT_CLIENT: "insert_client";
    INSERT_DELIVERY: "insert_delivery";
    INSERT_ENDPOINT: "insert_endpoint";
    INSERT_EVENT: "insert_event";
    INSERT_INSTALLATION: "insert_installation";
    INSERT_JOB: "insert_job";
    INSERT_LOGIN: "insert_login";
    INSERT_PART: "insert_part";
    INSERT_REFRESH_TOKEN: "insert_refresh_token";
    INSERT_REPLAY: "insert_replay";
    INSERT_REPLAYED_DELIVERY: "insert_replayed_delivery";
    INSERT_SETUP_LINK: "insert_setup_link";
    INSERT_USER: "insert_user";
    INSERT_USER_IDENTITY: "insert_user_identity";
    INSERT_USER_SESSION: "insert_user_session";
    INSTALLATION: "installation";
    JOB: "job";
    JOB_ACTIVITY: "job_activity";
    JOB_ACTIVITY_OF_CLIENT: "job_activity_of_client";
    JOB_BY_RESULT: "job_by_result";
    JOB_OF_ANYONE: "job_of_anyone";
    JOB_TRAITS: "job_traits";
    JOBS_DUE_AGAIN: "jobs_due_again";
    JOBS_IN_STATE: "jobs_in_state";
    JOBS_NEWEST_FIRST: "jobs_newest_first";
    JOBS_OF_CLIENT_IN_STATE: "jobs_of_client_in_state";
    JOBS_OF_OTHER_WORKERS: "jobs_of_other_workers";
    JOBS_OF_UPLOAD: "jobs_of_upload";
    JOBS_OF_WORKER: "jobs_of_worker";
    JOBS_WITH_EXPIRED_LEASE: "jobs_with_expired_lease";
    LAST_EVENT_POSITION: "last_event_position";
    LAST_REVISION: "last_revision";
    LEASE_PART: "lease_part";
    LONG_JOBS: "long_jobs";
    NAMES_OF_JOBS: "names_of_jobs";
    NEXT_EVENT_SEQUENCE: "next_event_sequence";
    OLDEST_DELIVERY_OF_ENDPOINT: "oldest_delivery_of_endpoint";
    OLDEST_DUE_OF_ENDPOINT: "oldest_due_of_endpoint";
    OLDEST_WAITING_JOB: "oldest_waiting_job";
    OLDEST_WAITING_JOB_OF_CLIENT: "oldest_waiting_job_of_client";
    PARTS_OF_JOB: "parts_of_job";
    PING: "ping";
    PROMOTE_DELIVERY: "promote_delivery";
    PULL_DELIVERIES_FORWARD: "pull_deliveries_forward";
    PULL_SOME_FORWARD: "pull_some_forward";
    QUOTAS_OF_CLIENT: "quotas_of_client";
    RECORD_SIGN_IN: "record_sign_in";
    RECORD_TURN: "record_turn";
    REFRESH_TOKEN: "refresh_token";
    RENAME_CLIENT: "rename_client";
    REPLAY: "replay";
    REPLAY_FOR_ENGINE: "replay_for_engine";
    REPLAY_RUNS: "replay_runs";
    REPLAYS: "replays";
    REQUEST_OF_KEY: "request_of_key";
    RESEAL_CREDENTIALS: "reseal_credentials";
    RESULT_DELETED: "result_deleted";
    RESULT_IS_WANTED: "result_is_wanted";
    RETIRE_HEAD: "retire_head";
    RETIRE_UPLOAD: "retire_upload";
    RETIRED_UPLOADS: "retired_uploads";
    REVOKE_LOGIN: "revoke_login";
    REVOKE_LOGINS_OF_CLIENT: "revoke_logins_of_client";
    ROTATE_REFRESH_TOKEN: "rotate_refresh_token";
    ROTATE_SECRET: "rotate_secret";
    RUNNING_REPLAYS: "running_replays";
    SEALED_CREDENTIALS: "sealed_credentials";
    SEALING_KEYS: "sealing_keys";
    SESSION: "session";
    SET_CLIENT_POLICY: "set_client_policy";
    SET_CLIENT_STATE: "set_client_state";
    SET_PASSWORD: "set_password";
    SETUP_LINK: "setup_link";
    TAKE_KEY: "take_key";
    TERMINAL_EVENT_EXISTS: "terminal_event_exists";
    TOTALS: "totals";
    TOUCH_USER_SESSION: "touch_user_session";
    TROUBLED_ENDPOINTS: "troubled_endpoints";
    UPDATE_DELIVERY: "update_delivery";
    UPDATE_ENDPOINT: "update_endpoint";
    UPDATE_ENDPOINT_SETTINGS: "update_endpoint_settings";
    UPDATE_INSTALLATION_KEY: "update_installation_key";
    UPDATE_JOB: "update_job";
    UPDATE_REPLAY: "update_replay";
    UPDATE_USER: "update_user";
    UPLOAD_DELETED: "upload_deleted";
    UPLOAD_IS_NEEDED: "upload_is_needed";
    UPLOAD_IS_WANTED: "upload_is_wanted";
    UPLOADS_TO_RETIRE: "uploads_to_retire";
    URGENT_DELIVERIES_OF_ENDPOINT: "urgent_deliveries_of_endpoint";
    USAGE_OF_CLIENT: "usage_of_client";
    USER: "user";
    USER_BY_IDENTITY: "user_by_identity";
    USER_BY_NAME: "user_by_name";
    USER_SESSION_BY_TOKEN: "user_session_by_token";
    USER_SESSIONS_OF_USER: "user_sessions_of_user";
    USERS: "users";
    VOID_SETUP_LINKS: "void_setup_links";
    WAITING_AT_ENDPOINT: "waiting_at_endpoint";
    WAITING_ENDPOINTS: "waiting_endpoints";
    WAITING_INTERMEDIATES: "waiting_intermediates";
    WAITING_TO_GIVE_UP: "waiting_to_give_up";
}

#[cfg(test)]
mod tests {
    use sfumato_testkit::postgres::Database;
    use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

    use crate::{PostgresStore, counters, locks};

    /// A connection to an empty database of this version.
    async fn migrated() -> (Client, Database) {
        let database = Database::create();
        PostgresStore::migrate(&database.url()).await.unwrap();
        let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        (client, database)
    }

    fn all() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        super::ALL.iter().chain(locks::ALL).chain(counters::ALL)
    }

    #[tokio::test]
    async fn every_statement_prepares_against_the_migrated_schema() {
        let (client, _database) = migrated().await;
        for (name, sql) in all() {
            let statement = client.prepare(sql).await;
            let statement =
                statement.unwrap_or_else(|error| panic!("{name}: {}", sfumato_core::chain(&error)));
            for parameter in statement.params() {
                let known = ["bool", "bytea", "float8", "int8", "text", "uuid", "_uuid"];
                assert!(known.contains(&parameter.name()), "{name}: {parameter}");
            }
        }
    }

    #[test]
    fn every_file_is_a_statement() {
        for (folder, known) in [
            ("queries", super::ALL),
            ("locks", locks::ALL),
            ("counters", counters::ALL),
        ] {
            let path = format!("{}/src/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(path).unwrap();
            let mut files: Vec<_> = files
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            let mut known: Vec<_> = known.iter().map(|(name, _)| format!("{name}.sql")).collect();
            known.sort();
            assert_eq!(files, known);
        }
    }

    /// The steps of the plan that a statement has for whatever it is given. A table is read whole only where no index leads
    /// to what is wanted.
    async fn plan(client: &Client, sql: &str) -> Vec<String> {
        client
            .batch_execute(&format!("PREPARE statement AS {sql}"))
            .await
            .unwrap();
        let count =
            "SELECT cardinality(parameter_types)::int8 FROM pg_prepared_statements WHERE name = 'statement'";
        let count: i64 = client.query_one(count, &[]).await.unwrap().get(0);
        let nothing = vec!["NULL"; usize::try_from(count).unwrap()].join(", ");
        let nothing = if nothing.is_empty() {
            nothing
        } else {
            format!("({nothing})")
        };
        let explain = format!("EXPLAIN EXECUTE statement{nothing}");
        let steps = client.simple_query(&explain).await.unwrap();
        client.batch_execute("DEALLOCATE statement").await.unwrap();
        let steps = steps.into_iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        });
        steps.collect()
    }

    #[tokio::test]
    async fn no_statement_on_the_way_of_a_job_or_delivery_has_to_read_a_whole_table() {
        let (client, _database) = migrated().await;
        let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
        client.batch_execute(settings).await.unwrap();
        for (name, sql) in all() {
            let whole = plan(&client, sql).await.into_iter().find(|step| {
                [
                    "jobs",
                    "events",
                    "deliveries",
                    "attempts",
                    "audit",
                    "attempt_hours",
                ]
                .iter()
                .any(|table| step.contains(&format!("Seq Scan on {table} ")))
            });
            assert_eq!(whole, None, "{name}");
        }
    }
}

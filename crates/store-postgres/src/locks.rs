//! What locks: statements that SQLite, which has one writer at a time, does not need.
//!
//! At READ COMMITTED a statement sees what was committed before it began. Whoever reads to change therefore locks first and
//! reads then. All lock in one order, so that nobody waits in a circle: a replay, jobs, clients, endpoints, deliveries, and
//! several of one kind by their identifiers.

use crate::queries::statements;

statements! {
    "locks";
    LOCK_CLIENT: "lock_client";
    LOCK_DELIVERIES: "lock_deliveries";
    LOCK_ENDPOINT_FOR_DELETION: "lock_endpoint_for_deletion";
    LOCK_ENDPOINTS: "lock_endpoints";
    LOCK_FIRST_USER: "lock_first_user";
    LOCK_JOBS: "lock_jobs";
    LOCK_JOBS_OF_UPLOAD: "lock_jobs_of_upload";
    LOCK_REFRESH_TOKEN: "lock_refresh_token";
    LOCK_SETUP_LINK: "lock_setup_link";
    LOCK_USER: "lock_user";
    SHARE_CLIENT: "share_client";
    TRY_FOLDING: "try_folding";
}

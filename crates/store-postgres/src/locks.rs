//! Locks, taken before what they protect is read: at READ COMMITTED the next statement sees all that was committed until
//! the lock was free.
//!
//! Everybody takes them in the order of this file, and several of a kind by identifier, so that nobody waits in a circle;
//! where two meet all the same (rows that a statement changes without a lock before it), PostgreSQL ends one of them and it
//! is run again.
//!
//! 1. a **replay**'s row: whoever advances or stops it, with its endpoint kept;
//!    before it, the **queue**: whoever begins jobs, since whose turn it is depends on whose it was. And the key of a request
//!    that is to be carried out once, which only those wait for who send the same;
//! 2. the rows of **jobs**: whoever changes a job, and whoever opens, closes or adds a delivery of one. A chain (job,
//!    endpoint) is thereby changed by one at a time: without that, one would close the head of a chain and find nothing
//!    behind it, while another adds a delivery behind a head that it still sees, and nobody would ever send it;
//! 3. **clients**: shared by whoever writes events, alone by whoever reads them in the order of their positions or counts
//!    what the client has and adds to it (quotas, endpoints);
//! 4. the rows of **endpoints**: whoever writes one or, more weakly, only wants it not to be deleted meanwhile;
//! 5. the rows of **deliveries**. A claim locks nothing but these (and held endpoints), and passes over what is locked.

use std::collections::BTreeSet;

use sfumato_core::{ClientId, DeliveryId, EndpointId, JobId, ReplayId, StoreError, UploadId};
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::queries::statements;
use crate::sql::{Tx, execute};

statements! {
    "locks";
    KEEP_ENDPOINTS: "keep_endpoints";
    LOCK_CLIENT: "lock_client";
    LOCK_DELIVERIES: "lock_deliveries";
    LOCK_ENDPOINT_FOR_DELETION: "lock_endpoint_for_deletion";
    LOCK_ENDPOINTS: "lock_endpoints";
    LOCK_FIRST_USER: "lock_first_user";
    LOCK_JOBS: "lock_jobs";
    LOCK_JOBS_OF_UPLOAD: "lock_jobs_of_upload";
    LOCK_QUEUE: "lock_queue";
    LOCK_REFRESH_TOKEN: "lock_refresh_token";
    LOCK_REPLAY: "lock_replay";
    LOCK_SETUP_LINK: "lock_setup_link";
    LOCK_USER: "lock_user";
    SHARE_CLIENT: "share_client";
    TRY_FOLDING: "try_folding";
}

async fn one(tx: &Tx<'_>, sql: &str, of: &(dyn ToSql + Sync)) -> Result<(), StoreError> {
    execute(tx, sql, &[of]).await.map(drop)
}

/// Locks the rows of all.
async fn all(tx: &Tx<'_>, sql: &str, keys: Vec<Uuid>) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    one(tx, sql, &keys).await
}

/// One at a time advances or stops a replay.
pub(crate) async fn replay(tx: &Tx<'_>, replay: ReplayId) -> Result<(), StoreError> {
    one(tx, LOCK_REPLAY, &replay.as_uuid()).await
}

/// One at a time begins jobs.
pub(crate) async fn queue(tx: &Tx<'_>) -> Result<(), StoreError> {
    execute(tx, LOCK_QUEUE, &[]).await.map(drop)
}

/// One at a time changes a job or a chain of it.
pub(crate) async fn jobs(tx: &Tx<'_>, jobs: BTreeSet<JobId>) -> Result<(), StoreError> {
    all(tx, LOCK_JOBS, jobs.into_iter().map(JobId::as_uuid).collect()).await
}

/// The jobs on some originals, whichever those are.
pub(crate) async fn jobs_of_uploads(tx: &Tx<'_>, uploads: BTreeSet<UploadId>) -> Result<(), StoreError> {
    let uploads = uploads.into_iter().map(UploadId::as_uuid).collect();
    all(tx, LOCK_JOBS_OF_UPLOAD, uploads).await
}

/// Until the end of the transaction nobody writes an event of this client, and everybody who was writing one has committed
/// it. Let it be short.
pub(crate) async fn client(tx: &Tx<'_>, client: ClientId) -> Result<(), StoreError> {
    one(tx, LOCK_CLIENT, &client.as_uuid()).await
}

/// Before an event of these clients is written.
pub(crate) async fn clients_shared(tx: &Tx<'_>, clients: BTreeSet<ClientId>) -> Result<(), StoreError> {
    for client in clients {
        one(tx, SHARE_CLIENT, &client.as_uuid()).await?;
    }
    Ok(())
}

/// One at a time reads an endpoint and writes what follows from it.
pub(crate) async fn endpoints(tx: &Tx<'_>, endpoints: BTreeSet<EndpointId>) -> Result<(), StoreError> {
    let endpoints = endpoints.into_iter().map(EndpointId::as_uuid).collect();
    all(tx, LOCK_ENDPOINTS, endpoints).await
}

/// Nobody deletes these endpoints until the end of the transaction.
pub(crate) async fn keep_endpoints(tx: &Tx<'_>, endpoints: BTreeSet<EndpointId>) -> Result<(), StoreError> {
    let endpoints = endpoints.into_iter().map(EndpointId::as_uuid).collect();
    all(tx, KEEP_ENDPOINTS, endpoints).await
}

/// Nobody else has anything to do with this endpoint until the end of the transaction.
pub(crate) async fn endpoint_for_deletion(tx: &Tx<'_>, endpoint: EndpointId) -> Result<(), StoreError> {
    one(tx, LOCK_ENDPOINT_FOR_DELETION, &endpoint.as_uuid()).await
}

/// One at a time changes a delivery.
pub(crate) async fn deliveries(tx: &Tx<'_>, deliveries: BTreeSet<DeliveryId>) -> Result<(), StoreError> {
    let deliveries = deliveries.into_iter().map(DeliveryId::as_uuid).collect();
    all(tx, LOCK_DELIVERIES, deliveries).await
}

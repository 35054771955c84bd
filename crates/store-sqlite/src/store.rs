//! The port, method by method: which connection, which transaction.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::client::{Client, ClientKey, ClientState, Login, SecretHash};
use sfumato_core::delivery::{Delivery, DeliveryLease, Resend};
use sfumato_core::endpoint::{Endpoint, SigningSecret, WebhookToken};
use sfumato_core::job::{Job, JobOutcome, Lease, NewRevision, Progress};
use sfumato_core::replay::{Replay, ReplayPreview, ReplaySelection, ReplayStep};
use sfumato_core::store::{
    CancelOutcome, Claimed, Courier, DeliveryFilter, DeliveryPage, DeliveryRecord, EndpointChange, Finished,
    JobLimits, News, Reaped, Recorded, RefreshOutcome, RefreshToken, Session, Store, Waiting, Want,
};
use sfumato_core::{
    ClientId, DeliveryId, EndpointId, Event, EventPosition, JobId, LoginId, ReplayId, ResultId, Sealed,
    StoreError, Timestamp, UploadId, WorkerId,
};

use crate::endpoints::Credential;
use crate::sqlite::SqliteStore;
use crate::writer::Undo;
use crate::{
    attempts, claims, clients, clock, deliveries, endpoints, events, history, jobs, keys, queries, replays,
    retention, sql, statistics, users,
};

#[async_trait]
impl Store for SqliteStore {
    async fn create_client(&self, client: &Client) -> Result<(), StoreError> {
        let client = client.clone();
        self.write(move |conn, _| clients::create(conn, &client)).await
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.read(clients::all).await
    }

    async fn client_by_key(&self, key: &ClientKey) -> Result<Option<Client>, StoreError> {
        let key = key.clone();
        self.read(move |conn| clients::by_key(conn, &key)).await
    }

    async fn rotate_secret(
        &self,
        key: &ClientKey,
        secret: &SecretHash,
        previous_until: Timestamp,
    ) -> Result<(), StoreError> {
        let (key, secret) = (key.clone(), secret.clone());
        self.write(move |conn, _| clients::rotate_secret(conn, &key, &secret, previous_until))
            .await
    }

    async fn rename_client(&self, key: &ClientKey, name: &str) -> Result<(), StoreError> {
        let (key, name) = (key.clone(), name.to_owned());
        self.write(move |conn, _| clients::rename(conn, &key, &name))
            .await
    }

    async fn set_client_state(&self, key: &ClientKey, state: ClientState) -> Result<(), StoreError> {
        let key = key.clone();
        self.write(move |conn, sources| clients::set_state(conn, &key, state, sources.clock.now()))
            .await
    }

    async fn open_login(&self, login: &Login, refresh: &RefreshToken) -> Result<(), StoreError> {
        let (login, refresh) = (login.clone(), refresh.clone());
        self.write(move |conn, _| clients::open_login(conn, &login, &refresh))
            .await
    }

    async fn session(&self, login: LoginId) -> Result<Option<Session>, StoreError> {
        self.read(move |conn| clients::session(conn, login)).await
    }

    async fn rotate_refresh_token(
        &self,
        client: ClientId,
        presented: &SecretHash,
        next: &RefreshToken,
    ) -> Result<RefreshOutcome, StoreError> {
        let (presented, next) = (presented.clone(), next.clone());
        self.write(move |conn, sources| {
            clients::rotate_refresh_token(conn, client, &presented, &next, sources.clock.now())
        })
        .await
    }

    async fn revoke_login(&self, login: LoginId) -> Result<(), StoreError> {
        self.write(move |conn, sources| clients::revoke_login(conn, login, sources.clock.now()))
            .await
    }

    async fn submit(&self, job: &Job) -> Result<(), StoreError> {
        let job = job.clone();
        self.write_undoing(Undo::WithAll, move |conn, sources| {
            jobs::submit(conn, sources, &job)
        })
        .await
    }

    async fn submit_revision(
        &self,
        client: ClientId,
        job: JobId,
        revision: NewRevision,
    ) -> Result<Job, StoreError> {
        self.write(move |conn, sources| keys::submit_revision(conn, sources, client, job, revision))
            .await
    }

    async fn revisions(&self, client: ClientId, job: JobId) -> Result<Vec<Job>, StoreError> {
        self.read(move |conn| jobs::revisions(conn, client, job)).await
    }

    async fn job(&self, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError> {
        self.read(move |conn| jobs::get(conn, client, job)).await
    }

    async fn job_by_result(&self, client: ClientId, result: ResultId) -> Result<Option<Job>, StoreError> {
        self.read(move |conn| jobs::by_result(conn, client, result)).await
    }

    async fn claim_jobs(
        &self,
        worker: WorkerId,
        limits: JobLimits,
        lease_for: Duration,
    ) -> Result<Vec<Job>, StoreError> {
        self.write(move |conn, sources| jobs::claim(conn, sources, worker, limits, lease_for))
            .await
    }

    async fn heartbeat(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
        progress: Progress,
    ) -> Result<(), StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| {
            jobs::heartbeat(conn, job, &lease, sources.clock.now().after(lease_for), progress)
        })
        .await
    }

    async fn finish_job(&self, job: JobId, lease: &Lease, outcome: JobOutcome) -> Result<Job, StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| jobs::finish(conn, sources, job, &lease, outcome))
            .await
    }

    async fn hand_back_job(&self, job: JobId, lease: &Lease) -> Result<(), StoreError> {
        let lease = *lease;
        self.write(move |conn, sources| jobs::hand_back(conn, job, &lease, sources.clock.now()))
            .await
    }

    async fn cancel_job(&self, client: ClientId, job: JobId) -> Result<CancelOutcome, StoreError> {
        self.write(move |conn, sources| jobs::cancel(conn, client, job, sources.clock.now()))
            .await
    }

    async fn reap(&self) -> Result<Reaped, StoreError> {
        self.write(claims::reap_everything).await
    }

    async fn void_leases_of_others(&self, alive: WorkerId) -> Result<Reaped, StoreError> {
        self.write(move |conn, sources| {
            let now = sources.clock.now();
            let jobs = jobs::void_leases_of_others(conn, sources, alive)?;
            let deliveries = claims::void_leases_of_others(conn, alive, now)?;
            clock::make_due(conn, now)?;
            Ok(jobs.and(deliveries))
        })
        .await
    }

    async fn void_leases_of(&self, dead: WorkerId) -> Result<Reaped, StoreError> {
        self.write(move |conn, sources| {
            let jobs = jobs::void_leases_of(conn, sources, dead)?;
            Ok(jobs.and(claims::hand_back(conn, dead, sources.clock.now())?))
        })
        .await
    }

    async fn retire_uploads(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, UploadId)>, StoreError> {
        self.write(move |conn, sources| {
            retention::retire_uploads(conn, finished_before, limit, sources.clock.now())
        })
        .await
    }

    async fn upload_deleted(&self, job: JobId) -> Result<(), StoreError> {
        self.write(move |conn, _| retention::upload_deleted(conn, job))
            .await
    }

    async fn expire_results(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, ResultId)>, StoreError> {
        self.write(move |conn, sources| {
            retention::expire_results(conn, finished_before, limit, sources.clock.now())
        })
        .await
    }

    async fn orphan_uploads(&self, uploads: &[UploadId]) -> Result<Vec<UploadId>, StoreError> {
        let uploads = uploads.to_vec();
        self.read(move |conn| retention::orphan_uploads(conn, &uploads))
            .await
    }

    async fn orphan_results(&self, results: &[ResultId]) -> Result<Vec<ResultId>, StoreError> {
        let results = results.to_vec();
        self.read(move |conn| retention::orphan_results(conn, &results))
            .await
    }

    async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        let endpoint = endpoint.clone();
        self.write(move |conn, _| endpoints::create(conn, &endpoint))
            .await
    }

    async fn endpoints(&self, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
        self.read(move |conn| endpoints::of_client(conn, client)).await
    }

    async fn update_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        change: EndpointChange,
    ) -> Result<Endpoint, StoreError> {
        self.write(move |conn, sources| {
            let released = change.active == Some(true);
            let changed = endpoints::update(conn, sources, client, endpoint, change)?;
            if released {
                sources.hook.gather(News::Waiting(endpoint));
            }
            Ok(changed)
        })
        .await
    }

    async fn rotate_token(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        token: &Sealed<WebhookToken>,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError> {
        let next = Credential::Token(token.clone());
        self.write(move |conn, sources| endpoints::rotate(conn, sources, client, endpoint, next, overlap))
            .await
    }

    async fn rotate_signing_secret(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        secret: &Sealed<SigningSecret>,
        overlap: Duration,
    ) -> Result<Endpoint, StoreError> {
        let next = Credential::SigningSecret(secret.clone());
        self.write(move |conn, sources| endpoints::rotate(conn, sources, client, endpoint, next, overlap))
            .await
    }

    async fn settle_rotations(&self, client: ClientId, endpoint: EndpointId) -> Result<Endpoint, StoreError> {
        self.write(move |conn, sources| endpoints::settle(conn, sources, client, endpoint))
            .await
    }

    async fn forget_rotated(&self) -> Result<u64, StoreError> {
        self.write(|conn, sources| endpoints::forget_rotated(conn, sources.clock.now()))
            .await
    }

    async fn delete_endpoint(&self, client: ClientId, endpoint: EndpointId) -> Result<(), StoreError> {
        self.write(move |conn, sources| {
            endpoints::delete(conn, client, endpoint, sources.clock.now())?;
            sources.hook.gather(News::Gone(endpoint));
            Ok(())
        })
        .await
    }

    fn attach_courier(&self, courier: Weak<dyn Courier>) {
        self.sources().hook.attach(courier);
    }

    async fn claim_deliveries(
        &self,
        worker: WorkerId,
        wants: &[Want],
        lease_for: Duration,
    ) -> Result<Claimed, StoreError> {
        let wants = wants.to_vec();
        self.write(move |conn, sources| claims::claim(conn, worker, &wants, lease_for, sources.clock.now()))
            .await
    }

    async fn record_attempts(
        &self,
        finished: Vec<Finished>,
    ) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
        self.write(move |conn, sources| attempts::record(conn, sources, finished))
            .await
    }

    async fn waiting_endpoints(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read(claims::waiting_endpoints).await
    }

    async fn resend_delivery(&self, client: ClientId, delivery: DeliveryId) -> Result<Delivery, StoreError> {
        self.write(move |conn, sources| {
            deliveries::resend(
                conn,
                &sources.hook,
                client,
                delivery,
                Resend::AtOnce,
                sources.clock.now(),
            )
        })
        .await
    }

    async fn hand_back_deliveries(&self, worker: WorkerId) -> Result<u64, StoreError> {
        self.write(move |conn, sources| claims::hand_back(conn, worker, sources.clock.now()))
            .await
    }

    async fn hand_back_unsent(&self, leases: Vec<(DeliveryId, DeliveryLease)>) -> Result<u64, StoreError> {
        self.write(move |conn, sources| {
            claims::hand_back_unsent(conn, &sources.hook, &leases, sources.clock.now())
        })
        .await
    }

    async fn deliveries_of_job(
        &self,
        client: ClientId,
        job: JobId,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(move |conn| deliveries::of_job(conn, client, job)).await
    }

    async fn delivery_of_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        self.read(move |conn| history::one(conn, client, endpoint, delivery))
            .await
    }

    async fn deliveries_of_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        filter: DeliveryFilter,
        before: Option<EventPosition>,
        limit: usize,
    ) -> Result<DeliveryPage, StoreError> {
        self.read(move |conn| history::page(conn, client, endpoint, filter, before, limit))
            .await
    }

    async fn events_after(
        &self,
        client: ClientId,
        after: EventPosition,
        limit: usize,
    ) -> Result<Vec<(EventPosition, Event)>, StoreError> {
        self.read(move |conn| events::after(conn, client, after, limit))
            .await
    }

    async fn last_event_position(&self, client: ClientId) -> Result<EventPosition, StoreError> {
        self.read(move |conn| events::last_position(conn, client)).await
    }

    async fn create_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
        selection: &ReplaySelection,
    ) -> Result<Replay, StoreError> {
        let selection = selection.clone();
        self.write(move |conn, sources| {
            replays::create(conn, client, endpoint, replay, &selection, sources.clock.now())
        })
        .await
    }

    async fn replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Option<Replay>, StoreError> {
        self.read(move |conn| replays::get(conn, client, endpoint, replay))
            .await
    }

    async fn replays(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        limit: usize,
    ) -> Result<Vec<Replay>, StoreError> {
        self.read(move |conn| replays::of_endpoint(conn, client, endpoint, limit))
            .await
    }

    async fn cancel_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Replay, StoreError> {
        self.write(move |conn, sources| replays::cancel(conn, client, endpoint, replay, sources.clock.now()))
            .await
    }

    async fn running_replays(&self) -> Result<Vec<ReplayId>, StoreError> {
        self.read(replays::running).await
    }

    async fn advance_replay(&self, replay: ReplayId, limit: usize) -> Result<ReplayStep, StoreError> {
        self.write(move |conn, sources| replays::advance(conn, sources, replay, limit))
            .await
    }

    async fn preview_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        selection: &ReplaySelection,
        after: EventPosition,
        limit: usize,
    ) -> Result<ReplayPreview, StoreError> {
        let selection = selection.clone();
        self.read(move |conn| replays::preview(conn, client, endpoint, &selection, after, limit))
            .await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |conn, sources| {
            let people = clients::prune(conn, before)? + users::prune(conn, before)?;
            let forgotten = people as u64 + replays::forget(conn, before)?;
            let now = sources.clock.now();
            Ok(forgotten + statistics::forget(conn, now)? + keys::forget(conn, now)?)
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|conn| sql::query_one(conn, queries::PING, [], |_| Ok(())).map(drop))
            .await
    }
}

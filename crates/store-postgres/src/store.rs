//! The port, method by method: which transaction.

use std::sync::Weak;
use std::time::Duration;

use async_trait::async_trait;
use sfumato_core::client::{Client, ClientKey, ClientState, Login, SecretHash};
use sfumato_core::delivery::{Delivery, DeliveryLease, Resend};
use sfumato_core::endpoint::{Endpoint, SigningSecret, WAITING_MAX, WebhookToken};
use sfumato_core::job::{Job, JobOutcome, Lease, NewRevision, Progress};
use sfumato_core::replay::{Replay, ReplayPreview, ReplaySelection, ReplayStep};
use sfumato_core::store::{
    CancelOutcome, Claimed, Courier, DeliveryFilter, DeliveryPage, DeliveryRecord, EndpointChange, Finished,
    JobLimits, Reaped, Recorded, RefreshOutcome, RefreshToken, Session, Store, Waiting, Want,
};
use sfumato_core::{
    ClientId, DeliveryId, EndpointId, Event, EventPosition, JobId, LoginId, ReplayId, ResultId, Sealed,
    StoreError, Timestamp, UploadId, WorkerId,
};

use crate::endpoints::Credential;
use crate::postgres::PostgresStore;
use crate::{
    attempts, claims, clients, clock, deliveries, endpoints, events, history, jobs, keys, queries, replays,
    retention, sql, statistics, users,
};

#[async_trait]
impl Store for PostgresStore {
    async fn create_client(&self, client: &Client) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(clients::create(tx, client))).await
    }

    async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        self.read(|tx| Box::pin(clients::all(tx))).await
    }

    async fn client_by_key(&self, key: &ClientKey) -> Result<Option<Client>, StoreError> {
        self.read(|tx| Box::pin(clients::by_key(tx, key))).await
    }

    async fn rotate_secret(
        &self,
        key: &ClientKey,
        secret: &SecretHash,
        previous_until: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(clients::rotate_secret(tx, key, secret, previous_until)))
            .await
    }

    async fn rename_client(&self, key: &ClientKey, name: &str) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(clients::rename(tx, key, name))).await
    }

    async fn set_client_state(&self, key: &ClientKey, state: ClientState) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(clients::set_state(tx, key, state, tx.now())))
            .await
    }

    async fn open_login(&self, login: &Login, refresh: &RefreshToken) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(clients::open_login(tx, login, refresh)))
            .await
    }

    async fn session(&self, login: LoginId) -> Result<Option<Session>, StoreError> {
        self.read(|tx| Box::pin(clients::session(tx, login))).await
    }

    async fn rotate_refresh_token(
        &self,
        client: ClientId,
        presented: &SecretHash,
        next: &RefreshToken,
    ) -> Result<RefreshOutcome, StoreError> {
        self.write(|tx| {
            Box::pin(clients::rotate_refresh_token(
                tx,
                client,
                presented,
                next,
                tx.now(),
            ))
        })
        .await
    }

    async fn revoke_login(&self, login: LoginId) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(clients::revoke_login(tx, login, tx.now())))
            .await
    }

    async fn submit(&self, job: &Job) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(jobs::submit(tx, job))).await
    }

    async fn submit_revision(
        &self,
        client: ClientId,
        job: JobId,
        revision: NewRevision,
    ) -> Result<Job, StoreError> {
        self.write(|tx| Box::pin(keys::submit_revision(tx, client, job, &revision)))
            .await
    }

    async fn revisions(&self, client: ClientId, job: JobId) -> Result<Vec<Job>, StoreError> {
        self.read(|tx| Box::pin(jobs::revisions(tx, client, job))).await
    }

    async fn job(&self, client: ClientId, job: JobId) -> Result<Option<Job>, StoreError> {
        self.read(|tx| Box::pin(jobs::get(tx, client, job))).await
    }

    async fn job_by_result(&self, client: ClientId, result: ResultId) -> Result<Option<Job>, StoreError> {
        self.read(|tx| Box::pin(jobs::by_result(tx, client, result)))
            .await
    }

    async fn claim_jobs(
        &self,
        worker: WorkerId,
        limits: JobLimits,
        lease_for: Duration,
    ) -> Result<Vec<Job>, StoreError> {
        self.write(|tx| Box::pin(jobs::claim(tx, worker, limits, lease_for)))
            .await
    }

    async fn heartbeat(
        &self,
        job: JobId,
        lease: &Lease,
        lease_for: Duration,
        progress: Progress,
    ) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(jobs::heartbeat(
                tx,
                job,
                lease,
                tx.now().after(lease_for),
                progress,
            ))
        })
        .await
    }

    async fn finish_job(&self, job: JobId, lease: &Lease, outcome: JobOutcome) -> Result<Job, StoreError> {
        self.write(|tx| Box::pin(jobs::finish(tx, job, lease, &outcome)))
            .await
    }

    async fn hand_back_job(&self, job: JobId, lease: &Lease) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(jobs::hand_back(tx, job, lease, tx.now())))
            .await
    }

    async fn cancel_job(&self, client: ClientId, job: JobId) -> Result<CancelOutcome, StoreError> {
        self.write(|tx| Box::pin(jobs::cancel(tx, client, job, tx.now())))
            .await
    }

    async fn reap(&self) -> Result<Reaped, StoreError> {
        // A transaction each: they take different locks first, and none needs another.
        let sources = self.sources();
        if sources.last_look.was_set_back(sources.clock.now()) {
            self.write(|tx| Box::pin(clock::make_due(tx, tx.now()))).await?;
        }
        let expired = claims::EXPIRED_AT_ONCE;
        self.write(|tx| Box::pin(deliveries::expire_waiting(tx, tx.now(), expired)))
            .await?;
        let crowded = self
            .read(|tx| Box::pin(claims::crowded_endpoints(tx, WAITING_MAX)))
            .await?;
        for endpoint in crowded {
            self.write(|tx| {
                Box::pin(claims::give_up_what_is_too_much(
                    tx,
                    endpoint,
                    tx.now(),
                    WAITING_MAX,
                ))
            })
            .await?;
        }
        let jobs = self.write(|tx| Box::pin(jobs::reap(tx))).await?;
        let deliveries = self.write(|tx| Box::pin(claims::reap(tx, tx.now()))).await?;
        self.write(|tx| Box::pin(statistics::fold(tx, tx.now()))).await?;
        Ok(jobs.and(deliveries))
    }

    async fn void_leases_of_others(&self, alive: WorkerId) -> Result<Reaped, StoreError> {
        let jobs = self
            .write(|tx| Box::pin(jobs::void_leases_of_others(tx, alive)))
            .await?;
        let deliveries = self
            .write(|tx| Box::pin(claims::void_leases_of_others(tx, alive, tx.now())))
            .await?;
        self.write(|tx| Box::pin(clock::make_due(tx, tx.now()))).await?;
        Ok(jobs.and(deliveries))
    }

    async fn void_leases_of(&self, dead: WorkerId) -> Result<Reaped, StoreError> {
        let jobs = self.write(|tx| Box::pin(jobs::void_leases_of(tx, dead))).await?;
        let deliveries = self
            .write(|tx| Box::pin(claims::hand_back(tx, dead, tx.now())))
            .await?;
        Ok(jobs.and(deliveries))
    }

    async fn retire_uploads(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, UploadId)>, StoreError> {
        self.write(|tx| Box::pin(retention::retire_uploads(tx, finished_before, limit, tx.now())))
            .await
    }

    async fn upload_deleted(&self, job: JobId) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(retention::upload_deleted(tx, job)))
            .await
    }

    async fn expire_results(
        &self,
        finished_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<(JobId, ResultId)>, StoreError> {
        self.write(|tx| Box::pin(retention::expire_results(tx, finished_before, limit, tx.now())))
            .await
    }

    async fn orphan_uploads(&self, uploads: &[UploadId]) -> Result<Vec<UploadId>, StoreError> {
        self.read(|tx| Box::pin(retention::orphan_uploads(tx, uploads)))
            .await
    }

    async fn orphan_results(&self, results: &[ResultId]) -> Result<Vec<ResultId>, StoreError> {
        self.read(|tx| Box::pin(retention::orphan_results(tx, results)))
            .await
    }

    async fn create_endpoint(&self, endpoint: &Endpoint) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(endpoints::create(tx, endpoint))).await
    }

    async fn endpoints(&self, client: ClientId) -> Result<Vec<Endpoint>, StoreError> {
        self.read(|tx| Box::pin(endpoints::of_client(tx, client))).await
    }

    async fn update_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        change: EndpointChange,
    ) -> Result<Endpoint, StoreError> {
        self.write(|tx| Box::pin(endpoints::update(tx, client, endpoint, change.clone())))
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
        self.write(|tx| Box::pin(endpoints::rotate(tx, client, endpoint, &next, overlap)))
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
        self.write(|tx| Box::pin(endpoints::rotate(tx, client, endpoint, &next, overlap)))
            .await
    }

    async fn settle_rotations(&self, client: ClientId, endpoint: EndpointId) -> Result<Endpoint, StoreError> {
        self.write(|tx| Box::pin(endpoints::settle(tx, client, endpoint)))
            .await
    }

    async fn forget_rotated(&self) -> Result<u64, StoreError> {
        self.write(|tx| Box::pin(endpoints::forget_rotated(tx, tx.now())))
            .await
    }

    async fn delete_endpoint(&self, client: ClientId, endpoint: EndpointId) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(endpoints::delete(tx, client, endpoint, tx.now())))
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
        self.write(|tx| Box::pin(claims::claim(tx, worker, wants, lease_for, tx.now())))
            .await
    }

    async fn record_attempts(
        &self,
        finished: Vec<Finished>,
    ) -> Result<Vec<Result<Recorded, StoreError>>, StoreError> {
        self.write(|tx| Box::pin(attempts::record(tx, &finished))).await
    }

    async fn waiting_endpoints(&self) -> Result<Vec<Waiting>, StoreError> {
        self.read(|tx| Box::pin(claims::waiting_endpoints(tx))).await
    }

    async fn resend_delivery(&self, client: ClientId, delivery: DeliveryId) -> Result<Delivery, StoreError> {
        self.write(|tx| Box::pin(deliveries::resend(tx, client, delivery, Resend::AtOnce, tx.now())))
            .await
    }

    async fn hand_back_deliveries(&self, worker: WorkerId) -> Result<u64, StoreError> {
        self.write(|tx| Box::pin(claims::hand_back(tx, worker, tx.now())))
            .await
    }

    async fn hand_back_unsent(&self, leases: Vec<(DeliveryId, DeliveryLease)>) -> Result<u64, StoreError> {
        self.write(|tx| Box::pin(claims::hand_back_unsent(tx, &leases, tx.now())))
            .await
    }

    async fn deliveries_of_job(
        &self,
        client: ClientId,
        job: JobId,
    ) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|tx| Box::pin(deliveries::of_job(tx, client, job)))
            .await
    }

    async fn delivery_of_endpoint(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        delivery: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        self.read(|tx| Box::pin(history::one(tx, client, endpoint, delivery)))
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
        self.read(|tx| Box::pin(history::page(tx, client, endpoint, filter, before, limit)))
            .await
    }

    async fn events_after(
        &self,
        client: ClientId,
        after: EventPosition,
        limit: usize,
    ) -> Result<Vec<(EventPosition, Event)>, StoreError> {
        self.read(|tx| Box::pin(events::after(tx, client, after, limit)))
            .await
    }

    async fn last_event_position(&self, client: ClientId) -> Result<EventPosition, StoreError> {
        self.read(|tx| Box::pin(events::last_position(tx, client))).await
    }

    async fn create_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
        selection: &ReplaySelection,
    ) -> Result<Replay, StoreError> {
        self.write(|tx| Box::pin(replays::create(tx, client, endpoint, replay, selection, tx.now())))
            .await
    }

    async fn replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Option<Replay>, StoreError> {
        self.read(|tx| Box::pin(replays::get(tx, client, endpoint, replay)))
            .await
    }

    async fn replays(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        limit: usize,
    ) -> Result<Vec<Replay>, StoreError> {
        self.read(|tx| Box::pin(replays::of_endpoint(tx, client, endpoint, limit)))
            .await
    }

    async fn cancel_replay(
        &self,
        client: ClientId,
        endpoint: EndpointId,
        replay: ReplayId,
    ) -> Result<Replay, StoreError> {
        self.write(|tx| Box::pin(replays::cancel(tx, client, endpoint, replay, tx.now())))
            .await
    }

    async fn running_replays(&self) -> Result<Vec<ReplayId>, StoreError> {
        self.read(|tx| Box::pin(replays::running(tx))).await
    }

    async fn advance_replay(&self, replay: ReplayId, limit: usize) -> Result<ReplayStep, StoreError> {
        self.write(|tx| Box::pin(replays::advance(tx, replay, limit)))
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
        self.read(|tx| Box::pin(replays::preview(tx, client, endpoint, selection, after, limit)))
            .await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                let people = clients::prune(tx, before).await? + users::prune(tx, before).await?;
                let forgotten = people + replays::forget(tx, before).await?;
                let keys = keys::forget(tx, tx.now()).await?;
                Ok(forgotten + statistics::forget(tx, tx.now()).await? + keys)
            })
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| {
            Box::pin(async move { sql::query_one(tx, queries::PING, &[], |_| Ok(())).await.map(drop) })
        })
        .await
    }
}

//! Jobs that several processes submit, work on and tell about at once, until all is done.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sfumato_core::delivery::Outcome;
use sfumato_core::store::{Dispatch, Finished, JobLimits, Want};
use sfumato_core::{ClientId, DeliveryId, EndpointId, Job, JobId, StoreError, WorkerId};
use sfumato_testkit::{LEASE, World, lease_of};
use tokio::task::JoinSet;

/// What the processes have seen.
pub(crate) struct Traffic {
    client: ClientId,
    jobs: Vec<Job>,
    /// The database may go away in the middle: what was not answered is tried again.
    outages: bool,
    unsubmitted: AtomicUsize,
    /// Steps that were answered.
    steps: AtomicUsize,
    /// Chains with a delivery that is being sent.
    flying: Mutex<HashSet<(JobId, EndpointId)>>,
    /// The sequences of the events that were sent in each chain, as they were sent.
    sent: Mutex<HashMap<(JobId, EndpointId), Vec<u32>>>,
    pub(crate) received: Mutex<HashSet<DeliveryId>>,
}

impl Traffic {
    pub(crate) fn new(world: &World, client: ClientId, count: usize, outages: bool) -> Arc<Self> {
        Arc::new(Self {
            client,
            jobs: (0..count).map(|_| world.unsubmitted(client)).collect(),
            outages,
            unsubmitted: AtomicUsize::new(count),
            steps: AtomicUsize::new(0),
            flying: Mutex::default(),
            sent: Mutex::default(),
            received: Mutex::default(),
        })
    }

    pub(crate) fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// Until so many steps were answered.
    pub(crate) async fn has_come_to(&self, steps: usize) {
        while self.steps.load(Ordering::SeqCst) < steps {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Everything, in all processes, to its end.
    pub(crate) async fn run(self: &Arc<Self>, processes: &[Arc<World>]) {
        let mut tasks = JoinSet::new();
        for world in processes {
            tasks.spawn(Arc::clone(self).submit(Arc::clone(world)));
            tasks.spawn(Arc::clone(self).work(Arc::clone(world)));
            for _ in 0..2 {
                tasks.spawn(Arc::clone(self).deliver(Arc::clone(world)));
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    }

    /// `None` where the database did not answer, or what was asked for had happened unheard.
    async fn answered<T>(&self, answer: Result<T, StoreError>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.steps.fetch_add(1, Ordering::SeqCst);
                Some(answer)
            }
            Err(StoreError::Unavailable { .. } | StoreError::LeaseLost) if self.outages => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                None
            }
            Err(error) => panic!("{}", sfumato_core::chain(&error)),
        }
    }

    async fn submit(self: Arc<Self>, world: Arc<World>) {
        loop {
            let left = self
                .unsubmitted
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            let Ok(left) = left else { return };
            let job = &self.jobs[left - 1];
            while self.answered(world.store.submit(job).await).await.is_none() {
                // The commit may have been lost on its way back only.
                if let Ok(Some(_)) = world.store.job(self.client, job.id).await {
                    break;
                }
            }
        }
    }

    async fn is_over(&self, world: &World) -> bool {
        for job in &self.jobs {
            match self
                .answered(world.store.job(self.client, job.id).await)
                .await
                .flatten()
            {
                Some(job) if job.is_finished() => {}
                _ => return false,
            }
        }
        true
    }

    async fn work(self: Arc<Self>, world: Arc<World>) {
        let worker = WorkerId::new(&*world.clock, &*world.entropy);
        while !self.is_over(&world).await {
            let claimed = world.store.claim_jobs(worker, JobLimits::both(2), LEASE).await;
            let claimed = self.answered(claimed).await.unwrap_or_default();
            if claimed.is_empty() && self.outages {
                // What was claimed and never heard of is free when its lease has ended.
                world.pass(5);
                self.answered(world.store.reap().await).await;
            }
            for job in claimed {
                let finished = world.store.finish_job(job.id, &lease_of(&job), world.success());
                self.answered(finished.await).await;
            }
        }
    }

    async fn deliver(self: Arc<Self>, world: Arc<World>) {
        let courier = WorkerId::new(&*world.clock, &*world.entropy);
        let mut number = 0_usize;
        loop {
            let waiting = self.answered(world.store.waiting_endpoints().await).await;
            let Some(waiting) = waiting else { continue };
            let wants = waiting.iter().map(|waiting| Want {
                endpoint: waiting.endpoint,
                count: 3,
            });
            let wants: Vec<Want> = wants.collect();
            let claimed = world.store.claim_deliveries(courier, &wants, LEASE).await;
            let Some(claimed) = self.answered(claimed).await else {
                continue;
            };
            if claimed.dispatches.is_empty() {
                let flies = !self.flying.lock().unwrap().is_empty();
                if waiting.is_empty() && !flies && self.is_over(&world).await && self.is_told(&world).await {
                    return;
                }
                world.pass(5);
                if self.outages {
                    self.answered(world.store.reap().await).await;
                }
            }
            let finished = claimed.dispatches.iter().map(|dispatch| {
                number += 1;
                self.send(&world, dispatch, number)
            });
            let finished: Vec<Finished> = finished.collect();
            if let Some(answers) = self.answered(world.store.record_attempts(finished).await).await {
                for answer in answers {
                    self.answered(answer).await;
                }
            }
        }
    }

    /// Whether nothing is on its way or waits, also of what was leased and not heard of.
    async fn is_told(&self, world: &World) -> bool {
        for job in &self.jobs {
            let records = world.store.deliveries_of_job(self.client, job.id).await;
            let Some(records) = self.answered(records).await else {
                return false;
            };
            if records.iter().any(|record| !record.delivery.state.is_closed()) {
                return false;
            }
        }
        true
    }

    /// Every fifth is refused.
    fn send(&self, world: &World, dispatch: &Dispatch, number: usize) -> Finished {
        let chain = (dispatch.delivery.job, dispatch.delivery.endpoint);
        let sequence = dispatch.event.sequence;
        let mut sent = self.sent.lock().unwrap();
        let before = sent.entry(chain).or_default();
        // A lease may end while its courier waits for a server that is gone; the fencing token then refuses what it records.
        if !self.outages {
            assert!(self.flying.lock().unwrap().insert(chain), "one at a time");
            assert!(
                before.iter().all(|before| *before <= sequence),
                "in order: {before:?}, {sequence}"
            );
        }
        before.push(sequence);
        let outcome = if number.is_multiple_of(5) {
            Outcome::Status
        } else {
            Outcome::Ok
        };
        if outcome == Outcome::Ok {
            self.received.lock().unwrap().insert(dispatch.delivery.id);
        }
        // Before it is recorded: from then on another one of the chain may be sent.
        self.flying.lock().unwrap().remove(&chain);
        Finished {
            delivery: dispatch.delivery.id,
            lease: dispatch.lease,
            attempt: world.attempt(dispatch, outcome),
            jitter: 0.5,
        }
    }
}

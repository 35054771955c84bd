//! Any sequence of calls keeps the invariants.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sfumato_core::delivery::{Attempt, DeliveryState, Outcome};
use sfumato_core::job::Progress;
use sfumato_core::job::{FailureClass, Job, JobState, Lease};
use sfumato_core::store::JobLimits;
use sfumato_core::store::{Dispatch, EndpointChange};
use sfumato_core::{ClientId, DeliveryId, Endpoint, JobId, StoreError};
use sfumato_store_sqlite::SqliteStore;
use sfumato_testkit::{COURIER, LEASE, SimClock, SimEntropy, WORKER, World};

#[derive(Clone, Debug)]
enum Step {
    Submit,
    Claim(usize),
    Finish(usize, u8),
    HandBack(usize),
    Heartbeat(usize),
    Cancel(usize),
    Pass(u64),
    Reap,
    VoidLeases,
    Dispatch(usize),
    Record(usize, u8),
    Resend(usize),
    HandBackDeliveries,
    Switch(bool),
    ReplaceEndpoint,
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Submit),
        4 => (1..3usize).prop_map(Step::Claim),
        4 => (any::<usize>(), 0..4u8).prop_map(|(i, o)| Step::Finish(i, o)),
        1 => any::<usize>().prop_map(Step::HandBack),
        1 => any::<usize>().prop_map(Step::Heartbeat),
        1 => any::<usize>().prop_map(Step::Cancel),
        3 => prop_oneof![0..10u64, 20..40u64, 3_000..90_000u64].prop_map(Step::Pass),
        1 => Just(Step::Reap),
        1 => Just(Step::VoidLeases),
        5 => (1..6usize).prop_map(Step::Dispatch),
        8 => (any::<usize>(), 0..5u8).prop_map(|(i, o)| Step::Record(i, o)),
        1 => any::<usize>().prop_map(Step::Resend),
        1 => Just(Step::HandBackDeliveries),
        1 => any::<bool>().prop_map(Step::Switch),
        1 => Just(Step::ReplaceEndpoint),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 1..60)
}

/// What was handed out and seen so far.
struct Model {
    world: World,
    client: ClientId,
    endpoint: Endpoint,
    jobs: Vec<Job>,
    leases: Vec<(JobId, Lease)>,
    dispatches: Vec<Dispatch>,
    closed: HashMap<DeliveryId, DeliveryState>,
    /// Opened again: they may stand before what has gone out.
    resent: HashSet<DeliveryId>,
}

fn pick<T: Clone>(all: &[T], index: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[index % all.len()].clone())
}

/// An answer, or that the lease was lost; anything else is a fault.
fn unless_lost<T>(answer: Result<T, StoreError>) -> Result<Option<T>, TestCaseError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::LeaseLost) => Ok(None),
        Err(error) => Err(TestCaseError::fail(format!("{error:?}"))),
    }
}

impl Model {
    async fn new(world: World) -> Self {
        let client = world.client().await.id;
        let endpoint = world.endpoint(client).await;
        Self {
            world,
            client,
            endpoint,
            jobs: vec![],
            leases: vec![],
            dispatches: vec![],
            closed: HashMap::new(),
            resent: HashSet::new(),
        }
    }

    async fn job_step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let world = &self.world;
        match step {
            Step::Submit => self.jobs.push(world.submitted(self.client).await),
            Step::Claim(limit) => {
                for job in world
                    .store
                    .claim_jobs(WORKER, JobLimits::both(*limit), LEASE)
                    .await
                    .unwrap()
                {
                    let lease = sfumato_testkit::lease_of(&job);
                    prop_assert!(!self.leases.contains(&(job.id, lease)), "a token was used twice");
                    self.leases.push((job.id, lease));
                }
            }
            Step::Finish(index, outcome) => {
                if let Some((job, lease)) = pick(&self.leases, *index) {
                    let outcome = match outcome {
                        0 | 1 => world.success(),
                        2 => world.failure(FailureClass::Transient),
                        _ => world.failure(FailureClass::Input),
                    };
                    let done = unless_lost(world.store.finish_job(job, &lease, outcome).await)?;
                    self.check_lease(job, lease, done.is_some())?;
                }
            }
            Step::HandBack(index) => {
                if let Some((job, lease)) = pick(&self.leases, *index) {
                    let done = unless_lost(world.store.hand_back_job(job, &lease).await)?;
                    self.check_lease(job, lease, done.is_some())?;
                }
            }
            Step::Heartbeat(index) => {
                if let Some((job, lease)) = pick(&self.leases, *index) {
                    let done =
                        unless_lost(world.store.heartbeat(job, &lease, LEASE, Progress::of(0.5)).await)?;
                    self.check_lease(job, lease, done.is_some())?;
                }
            }
            Step::Cancel(index) => {
                if let Some(job) = pick(&self.jobs, *index) {
                    world.store.cancel_job(self.client, job.id).await.unwrap();
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Only the last lease that was given on a job may have worked.
    fn check_lease(&self, job: JobId, lease: Lease, worked: bool) -> Result<(), TestCaseError> {
        let last = self.leases.iter().rev().find(|(id, _)| *id == job);
        prop_assert!(
            !worked || last == Some(&(job, lease)),
            "a stale lease was accepted"
        );
        Ok(())
    }

    async fn delivery_step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let world = &self.world;
        match step {
            Step::Dispatch(count) => {
                let waiting = world.store.waiting_endpoints().await.unwrap().len();
                let claimed = world.claim(*count).await;
                prop_assert!(claimed.len() <= *count * waiting);
                self.dispatches.extend(claimed);
            }
            Step::Resend(index) => {
                if let Some(dispatch) = pick(&self.dispatches, *index) {
                    let id = dispatch.delivery.id;
                    match world.store.resend_delivery(self.client, id).await {
                        Ok(delivery) => {
                            prop_assert!(!delivery.state.is_closed());
                            self.closed.remove(&id);
                            self.resent.insert(id);
                        }
                        Err(StoreError::NotFound { .. }) => {}
                        Err(error) => return Err(TestCaseError::fail(format!("{error:?}"))),
                    }
                }
            }
            Step::Record(index, outcome) => {
                if let Some(dispatch) = pick(&self.dispatches, *index) {
                    let attempt = match outcome {
                        0 | 1 => world.attempt(&dispatch, Outcome::Ok),
                        2 => world.attempt(&dispatch, Outcome::Connect),
                        3 => world.attempt(&dispatch, Outcome::Cancelled),
                        _ => Attempt {
                            status: Some(410),
                            ..world.attempt(&dispatch, Outcome::Status)
                        },
                    };
                    let (id, lease) = (dispatch.delivery.id, dispatch.lease);
                    unless_lost(world.record_under(id, lease, &attempt).await)?;
                }
            }
            Step::HandBackDeliveries => {
                world.store.hand_back_deliveries(COURIER).await.unwrap();
            }
            Step::Switch(active) => {
                let change = EndpointChange {
                    active: Some(*active),
                    ..EndpointChange::default()
                };
                let id = self.endpoint.id;
                world
                    .store
                    .update_endpoint(self.client, id, change)
                    .await
                    .unwrap();
            }
            Step::ReplaceEndpoint => {
                let id = self.endpoint.id;
                world.store.delete_endpoint(self.client, id).await.unwrap();
                self.endpoint = world.endpoint(self.client).await;
            }
            Step::Pass(seconds) => world.pass(*seconds),
            Step::Reap => drop(world.store.reap().await.unwrap()),
            Step::VoidLeases => drop(world.store.void_leases_of_others(COURIER).await.unwrap()),
            Step::Expire => drop(world.store.expire_results(world.now(), 2).await.unwrap()),
            _ => {}
        }
        Ok(())
    }

    /// Looks at every job and delivery.
    async fn check(&mut self) -> Result<(), TestCaseError> {
        for before in &mut self.jobs {
            let job = self.world.job(before).await;
            prop_assert!(job.claims >= before.claims, "a fencing token went back");
            if before.is_finished() {
                let expired = matches!(job.state, JobState::Expired { .. });
                prop_assert!(expired || job == *before, "a finished job changed");
            }
            *before = job;
            let mut chains: HashMap<_, Vec<_>> = HashMap::new();
            for record in self.world.records(before).await {
                if let Some(state) = self.closed.get(&record.delivery.id) {
                    prop_assert_eq!(&record.delivery.state, state, "a closed delivery changed");
                } else if record.delivery.state.is_closed() {
                    self.closed.insert(record.delivery.id, record.delivery.state);
                }
                chains.entry(record.delivery.endpoint).or_default().push(record);
            }
            for chain in chains.values() {
                check_chain(chain, &self.resent)?;
            }
        }
        Ok(())
    }
}

fn check_chain(
    chain: &[sfumato_core::store::DeliveryRecord],
    resent: &HashSet<DeliveryId>,
) -> Result<(), TestCaseError> {
    for pair in chain.windows(2) {
        prop_assert!(pair[0].event.sequence < pair[1].event.sequence);
        let touched = pair[1].delivery.state.is_closed() && !pair[1].attempts.is_empty()
            || matches!(pair[1].delivery.state, DeliveryState::Sending { .. });
        prop_assert!(
            !touched || pair[0].delivery.state.is_closed() || resent.contains(&pair[0].delivery.id),
            "a delivery overtook the one before it"
        );
    }
    let terminal = chain.iter().filter(|record| record.event.status.is_terminal());
    prop_assert!(terminal.count() <= 1);
    Ok(())
}

/// The events of every job, read from the file: 1, 2, 3 … without a gap, one head for every chain with something open.
fn check_file(path: &std::path::Path) -> Result<(), TestCaseError> {
    let connection = rusqlite::Connection::open(path).unwrap();
    let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    let gaps = "SELECT count(*) FROM (SELECT 1 FROM events GROUP BY job
                HAVING min(sequence) <> 1 OR max(sequence) <> count(*))";
    prop_assert_eq!(count(gaps), 0, "the events of a job have a gap");
    let headless =
        "SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE closed_at IS NULL GROUP BY job, endpoint
                    HAVING sum(head) <> 1
                        OR (min(sequence) <> max(CASE head WHEN 1 THEN sequence END)
                            AND max(CASE head WHEN 1 THEN state END) <> 'sending'))";
    prop_assert_eq!(
        count(headless),
        0,
        "the head of a chain is not its first open delivery"
    );
    prop_assert_eq!(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    Ok(())
}

async fn run(path: &std::path::Path, steps: &[Step]) -> Result<(), TestCaseError> {
    let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
    let store = SqliteStore::open_inline(path, clock.clone(), entropy.clone()).unwrap();
    let mut model = Model::new(World::new(Arc::new(store), clock, entropy)).await;
    for step in steps {
        model.job_step(step).await?;
        model.delivery_step(step).await?;
        model.check().await?;
    }
    check_file(path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_keeps_the_rules(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&folder.path().join("sfumato.db"), &steps))?;
    }
}

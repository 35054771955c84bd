//! Whose job is begun next: start-time fair queuing over the clients whose jobs wait (Goyal, Vin, Cheng: Start-time Fair
//! Queuing, SIGCOMM 1996), with one job as the unit of service.
//!
//! Each client has a virtual time at which its last turn ended. A turn begins at that time, or at the queue's own virtual
//! time where the client has been away: who had nothing to do saves nothing up, and who comes back is not made to wait for
//! what it had before. The turn that begins first is the next one, and it lasts the longer the smaller the weight is.
//!
//! Between any two moments at which two clients both have jobs that wait, what each was served, divided by its weight,
//! differs by one turn of each at most, whatever the number of their jobs; the tests show it for arbitrary traffic.

use std::fmt;

use thiserror::Error;

use crate::id::ClientId;

/// How long the turn of a client of weight 1 lasts. Divides evenly enough for every weight: the error is below 1 in 10,000.
const TURN: u64 = 1_000_000;

/// A client's share of the work: of two clients that both have jobs waiting, one of weight 2 has two begun for each one of
/// weight 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u32);

/// A weight out of bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a weight is a whole number from 1 to {max}", max = Weight::MAX.get())]
pub struct InvalidWeight;

impl Weight {
    /// The largest.
    pub const MAX: Self = Self(100);

    /// A weight of 1 to [`Weight::MAX`].
    ///
    /// # Errors
    /// [`InvalidWeight`] for any other number.
    pub const fn new(weight: u32) -> Result<Self, InvalidWeight> {
        if weight == 0 || weight > Self::MAX.0 {
            return Err(InvalidWeight);
        }
        Ok(Self(weight))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self(1)
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A point of virtual time: how much service a client of weight 1 has had, in millionths of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualTime(pub u64);

/// A client whose jobs wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// Which.
    pub client: ClientId,
    /// Its share.
    pub weight: Weight,
    /// When its last turn ended.
    pub finish: VirtualTime,
    /// Jobs that may be begun before it has as many at once as it may; `None`: any number.
    pub room: Option<u64>,
}

/// A job's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Whose.
    pub client: ClientId,
    /// When it begins; the queue's virtual time from now on.
    pub start: VirtualTime,
    /// When it ends.
    pub finish: VirtualTime,
}

/// Deals out turns.
#[derive(Clone, Debug)]
pub struct Turns {
    now: VirtualTime,
    contenders: Vec<Contender>,
    last: Vec<Turn>,
}

impl Turns {
    /// A queue at the virtual time at which its last turn began.
    pub fn new(now: VirtualTime, contenders: Vec<Contender>) -> Self {
        Self {
            now,
            contenders,
            last: Vec::new(),
        }
    }

    /// Whose turn is next, if anybody may begin a job. Asking changes nothing.
    pub fn next(&self) -> Option<Turn> {
        let may = self
            .contenders
            .iter()
            .filter(|contender| contender.room != Some(0));
        let turns = may.map(|contender| {
            let start = contender.finish.max(self.now);
            Turn {
                client: contender.client,
                start,
                finish: VirtualTime(start.0.saturating_add(TURN / u64::from(contender.weight.get()))),
            }
        });
        turns.min_by_key(|turn| (turn.start, turn.client))
    }

    /// The turn was used: a job was begun.
    pub fn used(&mut self, turn: Turn) {
        self.now = self.now.max(turn.start);
        for contender in &mut self.contenders {
            if contender.client == turn.client {
                contender.finish = turn.finish;
                contender.room = contender.room.map(|room| room.saturating_sub(1));
            }
        }
        self.last.retain(|earlier| earlier.client != turn.client);
        self.last.push(turn);
    }

    /// The client has no job that can be begun now.
    pub fn leave(&mut self, client: ClientId) {
        self.contenders.retain(|contender| contender.client != client);
    }

    /// The last turn of each client that used any: what is to be remembered until the next claim.
    pub fn last(self) -> Vec<Turn> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn client(number: usize) -> ClientId {
        ClientId::from_uuid(uuid::Uuid::from_u128(number as u128))
    }

    /// A queue as a store keeps it: what is remembered between two claims.
    struct Queue {
        now: VirtualTime,
        weights: Vec<Weight>,
        finish: BTreeMap<ClientId, VirtualTime>,
        waiting: Vec<u32>,
    }

    impl Queue {
        fn new(weights: &[u32]) -> Self {
            Self {
                now: VirtualTime::default(),
                weights: weights
                    .iter()
                    .map(|weight| Weight::new(*weight).unwrap())
                    .collect(),
                finish: BTreeMap::new(),
                waiting: vec![0; weights.len()],
            }
        }

        /// Begins up to `limit` jobs and says whose.
        fn claim(&mut self, limit: usize) -> Vec<usize> {
            let contenders = (0..self.weights.len()).filter(|i| self.waiting[*i] > 0);
            let contenders = contenders.map(|i| Contender {
                client: client(i),
                weight: self.weights[i],
                finish: self.finish.get(&client(i)).copied().unwrap_or_default(),
                room: None,
            });
            let mut turns = Turns::new(self.now, contenders.collect());
            let mut begun = Vec::new();
            while begun.len() < limit
                && let Some(turn) = turns.next()
            {
                let i = (0..self.weights.len())
                    .find(|i| client(*i) == turn.client)
                    .unwrap();
                if self.waiting[i] == 0 {
                    turns.leave(turn.client);
                    continue;
                }
                self.waiting[i] -= 1;
                turns.used(turn);
                self.now = turn.start;
                self.finish.insert(turn.client, turn.finish);
                begun.push(i);
            }
            begun
        }
    }

    #[test]
    fn a_client_with_few_jobs_passes_one_with_very_many() {
        let mut queue = Queue::new(&[1, 1]);
        queue.waiting = vec![100_000, 0];
        assert_eq!(queue.claim(50).len(), 50);
        queue.waiting[1] = 2;
        assert_eq!(queue.claim(4).iter().filter(|i| **i == 1).count(), 2);
    }

    #[test]
    fn turns_are_dealt_out_by_weight_also_one_at_a_time() {
        let mut queue = Queue::new(&[3, 1]);
        queue.waiting = vec![1_000, 1_000];
        let begun: Vec<usize> = (0..400).flat_map(|_| queue.claim(1)).collect();
        let first = begun.iter().filter(|i| **i == 0).count();
        assert!((299..=301).contains(&first), "{first}");
    }

    #[test]
    fn nobody_has_more_at_once_than_it_may() {
        let contender = |number, room| Contender {
            client: client(number),
            weight: Weight::default(),
            finish: VirtualTime::default(),
            room,
        };
        let mut turns = Turns::new(VirtualTime(7), vec![contender(0, Some(1)), contender(1, Some(0))]);
        let turn = turns.next().unwrap();
        assert_eq!((turn.client, turn.start), (client(0), VirtualTime(7)));
        turns.used(turn);
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn a_weight_has_bounds() {
        assert!(Weight::new(1).is_ok() && Weight::new(100).is_ok());
        assert!(Weight::new(0).is_err() && Weight::new(101).is_err());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Submit(usize, u32),
        Claim(usize),
    }

    fn step(clients: usize) -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..clients, 1..40u32).prop_map(|(client, jobs)| Step::Submit(client, jobs)),
            (1..12usize).prop_map(Step::Claim),
        ]
    }

    proptest! {
        /// The bound of the paper (theorem 1), with jobs of length 1, over every interval in which both wait all the time.
        #[test]
        fn two_clients_that_both_wait_are_served_by_weight_to_within_one_turn_of_each(
            weights in prop::collection::vec(1..=100u32, 4),
            steps in prop::collection::vec(step(4), 1..80),
        ) {
            let mut queue = Queue::new(&weights);
            // For each pair, the smallest and largest difference of service over weight since both wait.
            let mut served = [0f64; 4];
            let mut bounds: BTreeMap<(usize, usize), (f64, f64)> = BTreeMap::new();
            for step in steps {
                let begun = match step {
                    Step::Submit(client, jobs) => { queue.waiting[client] += jobs; vec![] }
                    Step::Claim(count) => {
                        // One at a time, so that who waits is known before each.
                        let mut all = vec![];
                        for _ in 0..count {
                            all.extend(queue.claim(1));
                        }
                        all
                    }
                };
                for i in begun {
                    served[i] += 1.0 / f64::from(weights[i]);
                }
                for i in 0..4 {
                    for j in i + 1..4 {
                        if queue.waiting[i] == 0 || queue.waiting[j] == 0 {
                            bounds.remove(&(i, j));
                            continue;
                        }
                        let difference = served[i] - served[j];
                        let (low, high) = bounds.entry((i, j)).or_insert((difference, difference));
                        *low = low.min(difference);
                        *high = high.max(difference);
                        let most = 1.0 / f64::from(weights[i]) + 1.0 / f64::from(weights[j]);
                        prop_assert!(*high - *low <= most + 0.01, "{i} {j}: {low} {high} {most}");
                    }
                }
            }
        }

        /// No client waits for more turns than the others' weights allow in one turn of its own.
        #[test]
        fn no_client_starves(weights in prop::collection::vec(1..=100u32, 2..6), before in 0..200usize) {
            let mut queue = Queue::new(&weights);
            queue.waiting = vec![100_000; weights.len()];
            queue.waiting[0] = 0;
            queue.claim(before);
            queue.waiting[0] = 1;
            let most: u32 = weights[1..].iter().map(|weight| weight.div_ceil(weights[0]) + 1).sum();
            let waited = (0..).take_while(|_| queue.claim(1) != [0]).take(100_000).count();
            prop_assert!(waited <= most as usize, "{waited} turns, at most {most}");
        }

        /// What is dealt out depends on neither the number of claims nor their sizes.
        #[test]
        fn one_large_claim_is_as_many_small_ones(
            weights in prop::collection::vec(1..=100u32, 1..5),
            waiting in prop::collection::vec(0..30u32, 5),
            count in 0..100usize,
        ) {
            let (mut large, mut small) = (Queue::new(&weights), Queue::new(&weights));
            large.waiting = waiting[..weights.len()].to_vec();
            small.waiting = large.waiting.clone();
            let at_once = large.claim(count);
            let one_by_one: Vec<usize> = (0..count).flat_map(|_| small.claim(1)).collect();
            prop_assert_eq!(at_once, one_by_one);
        }
    }
}

//! Which installation a database belongs to.

use sfumato_core::InstallationId;
use sfumato_core::store::{Installation, KeyCheck};

use crate::World;

fn proposal(world: &World, byte: u8) -> Installation {
    Installation {
        id: InstallationId::new(&*world.clock, &*world.entropy),
        key: KeyCheck::from_bytes([byte; 32]),
    }
}

pub async fn a_database_belongs_to_the_installation_that_came_first(world: World) {
    let (first, second) = (proposal(&world, 1), proposal(&world, 2));
    assert_eq!(world.store.installation().await.unwrap(), None);
    assert_eq!(world.store.claim_for(first).await.unwrap(), first);
    assert_eq!(world.store.claim_for(second).await.unwrap(), first);
    assert_eq!(world.store.installation().await.unwrap(), Some(first));
}

pub async fn whoever_comes_at_the_same_time_belongs_to_the_same_installation(world: World) {
    let proposals: Vec<_> = (0..4).map(|byte| proposal(&world, byte)).collect();
    let [a, b, c, d] = [0, 1, 2, 3].map(|n| world.store.claim_for(proposals[n]));
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let first = a.unwrap();
    assert!(proposals.contains(&first));
    assert_eq!([b.unwrap(), c.unwrap(), d.unwrap()], [first; 3]);
}

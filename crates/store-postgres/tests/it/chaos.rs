//! A server that goes away in the middle: nothing that was answered is lost, nothing is left undone.

use std::sync::Arc;

use sfumato_core::delivery::DeliveryState;
use sfumato_core::event::EventStatus;
use sfumato_testkit::postgres::Server;

use crate::installation::Installation;
use crate::traffic::Traffic;

/// Ends every session but the one that says so.
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE datname = current_database() AND pid <> pg_backend_pid()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_2_no_event_is_lost_when_connections_break_and_the_server_crashes() {
    let server = Arc::new(Server::start());
    server.create_database("sfumato");
    let installation = Installation::new(server.url("sfumato")).await;
    let processes = [installation.process(1).await, installation.process(2).await];
    let world = &processes[0];
    let client = world.client().await.id;
    for _ in 0..2 {
        world.endpoint(client).await;
    }
    let traffic = Traffic::new(world, client, 30, true);
    let (trouble, witness) = (Arc::clone(&server), Arc::clone(&traffic));
    let trouble = async {
        for (steps, crash) in [(30, false), (90, true), (150, false), (210, true)] {
            witness.has_come_to(steps).await;
            if crash {
                let server = Arc::clone(&trouble);
                tokio::task::spawn_blocking(move || server.crash_and_restart())
                    .await
                    .unwrap();
            } else {
                installation.sql().await.execute(END_SESSIONS, &[]).await.unwrap();
            }
        }
    };
    tokio::join!(traffic.run(&processes), trouble);

    assert_eq!(installation.chains_without_a_head().await, 0);
    let received = traffic.received.lock().unwrap().clone();
    for job in traffic.jobs() {
        let records = world.records(job).await;
        let last = records.last().unwrap();
        assert!(last.event.status.is_terminal(), "{last:?}");
        for record in &records {
            match record.delivery.state {
                DeliveryState::Delivered { .. } => assert!(received.contains(&record.delivery.id)),
                DeliveryState::Superseded { .. } => assert!(!record.event.status.is_terminal()),
                other => panic!("{other:?}"),
            }
        }
        let sequences: Vec<u32> = records.iter().map(|record| record.event.sequence).collect();
        let told = u32::try_from(records.len() / 2).unwrap();
        assert_eq!(sequences, (1..=told).flat_map(|n| [n, n]).collect::<Vec<_>>());
        assert_eq!(records[0].event.status, EventStatus::Sent);
    }
}

//! Tests of endpoints, deliveries, and replays, with receivers on loopback and the real courier.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode as AxumStatus;
use reqwest::StatusCode;
use sfumato_core::audit::Action;
use sfumato_core::store::{AuditFilter, Store};
use sfumato_core::{AckPolicy, Client, Endpoint, Job, PublicJobId, Role, Scope};
use sfumato_engine::access::{Caller, Via};
use sfumato_engine::endpoints::NewEndpoint;
use sfumato_engine::system::SystemEntropy;
use sfumato_testkit::build;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::browser::{Answer, Browser, Server};

/// What no page may run.
const SCRIPT: &str = "<script>alert(1)</script>\r\n\u{1b}[31m";

/// A receiver that always answers so.
struct Receiver {
    url: String,
    _serving: AbortOnDropHandle<()>,
}

impl Receiver {
    async fn answering(status: u16, body: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let status = AxumStatus::from_u16(status).unwrap();
        let app = Router::new().fallback(move || async move { (status, body) });
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            _serving: AbortOnDropHandle::new(serving),
        }
    }
}

/// A member, the client, one endpoint of it, and the address of the endpoint's page.
struct Scene {
    server: Server,
    bob: Browser,
    client: Client,
    endpoint: Endpoint,
    path: String,
}

impl Scene {
    async fn at(receiver: &Receiver) -> Self {
        let server = Server::start().await;
        let (client, _) = server.engine.create_client("Acme").await.unwrap();
        let bob = server.signed_in("bob", Role::Member(client.id)).await;
        let user = server.engine.users().await.unwrap().remove(0);
        let caller = Caller {
            client: client.id,
            via: Via::User(user.id),
        };
        let settings = NewEndpoint {
            ack: AckPolicy::Status,
            ..NewEndpoint::default()
        };
        let endpoint = server
            .engine
            .create_endpoint_with(&caller, &receiver.url, settings)
            .await
            .unwrap();
        let path = format!("/manager/developer/{}/endpoints/{}", client.id, endpoint.id);
        Self {
            server,
            bob,
            client,
            endpoint,
            path,
        }
    }

    /// A job whose `Sent` event is on its way.
    async fn job(&self) -> Job {
        let job = build::job(self.client.id, &*self.server.clock, &SystemEntropy);
        self.server.store.submit(&job).await.unwrap();
        self.server.clock.advance(Duration::from_secs(1));
        job
    }

    fn couriers(&self) -> DropGuard {
        let stop = CancellationToken::new();
        let (engine, until) = (self.server.engine.clone(), stop.clone());
        tokio::spawn(async move { engine.run_courier(until).await });
        let (engine, until) = (self.server.engine.clone(), stop.clone());
        tokio::spawn(async move { engine.run_replays(until).await });
        stop.drop_guard()
    }

    /// The page, as soon as it says so.
    async fn until(&mut self, path: &str, says: &str) -> Answer {
        self.until_times(path, says, 1).await
    }

    /// The page, as soon as it says so that many times.
    async fn until_times(&mut self, path: &str, says: &str, times: usize) -> Answer {
        tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                let page = self.bob.get(path).await;
                assert_eq!(page.status, StatusCode::OK, "{}", page.text);
                if page.text.matches(says).count() >= times {
                    return page;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap()
    }

    async fn has_written_down(&self, action: Action) -> bool {
        let filter = AuditFilter {
            actions: vec![action],
            ..AuditFilter::default()
        };
        let page = self
            .server
            .engine
            .audit_entries(Scope::Client(self.client.id), &filter, None, 1)
            .await;
        !page.unwrap().entries.is_empty()
    }
}

/// The address of the first delivery that a page lists.
fn first_delivery(page: &Answer, endpoint: &str) -> String {
    let start = format!("{endpoint}/deliveries/");
    let (_, rest) = page.text.split_once(&start).unwrap();
    format!("{start}{}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn a_test_shows_the_whole_exchange_without_the_token_and_as_text() {
    let receiver = Receiver::answering(500, SCRIPT).await;
    let mut scene = Scene::at(&receiver).await;
    let page = format!("{}/test", scene.path);
    assert!(scene.bob.get(&page).await.text.contains("Send it now"));
    let tested = scene.bob.post(&page, &[]).await;
    assert_eq!(tested.status, StatusCode::OK);
    let text = &tested.text;
    assert!(text.contains("The contract was not kept.") && text.contains("HTTP 500"));
    for part in [
        "webhook-signature",
        "v1,",
        "&#34;taskId&#34;",
        "Waiting for the answer",
        "content-type",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("&#60;script&#62;alert(1)") && !text.contains("<script>alert"));
    assert!(!text.contains('\u{1b}'));
    let credentials = scene.server.engine.credentials(&scene.endpoint).unwrap();
    assert!(!text.contains(credentials.token.current.expose()));
    assert!(scene.has_written_down(Action::EndpointTested).await);
    assert!(
        scene
            .bob
            .get(&scene.path)
            .await
            .text
            .contains("No deliveries yet")
    );
}

#[tokio::test]
async fn a_test_of_who_keeps_the_contract_says_so() {
    let receiver = Receiver::answering(204, "").await;
    let mut scene = Scene::at(&receiver).await;
    let tested = scene.bob.post(&format!("{}/test", scene.path), &[]).await;
    assert!(tested.text.contains("The contract was kept."), "{}", tested.text);
}

#[tokio::test]
async fn a_delivery_shows_every_attempt_with_its_answer_and_goes_out_again_on_request() {
    let receiver = Receiver::answering(503, SCRIPT).await;
    let mut scene = Scene::at(&receiver).await;
    let job = scene.job().await;
    let _couriers = scene.couriers();
    let list = scene.path.clone();
    // What a page says of the endpoint was read before its deliveries were.
    let page = scene.until(&list, "1 failed attempt in a row").await;
    assert!(page.text.contains("failing") && page.text.contains("status 503"));
    assert!(page.text.contains(&format!("/manager/jobs/{}", job.id)));
    let delivery = first_delivery(&page, &scene.path);
    let page = scene.until(&delivery, "Attempt 1").await;
    let name = PublicJobId {
        client: scene.client.id,
        job: job.id,
    };
    assert!(page.text.contains(&name.to_string()));
    assert!(page.text.contains("Another status than what acknowledges"));
    assert!(page.text.contains("&#60;script&#62;alert(1)") && !page.text.contains("<script>alert"));
    let live = scene.bob.get(&format!("{delivery}/live")).await;
    assert!(page.text.contains(&live.text), "the page holds the same fragment");
    assert!(!live.text.contains('\r'), "a stream of events cannot carry one");

    let resent = scene.bob.post(&format!("{delivery}/resend"), &[]).await;
    assert_eq!(resent.location(), delivery);
    assert!(scene.has_written_down(Action::DeliveryResent).await);
    let _ = scene.until(&delivery, "Attempt 2").await;
}

#[tokio::test]
async fn the_state_and_the_newest_deliveries_are_kept_up_to_date() {
    let receiver = Receiver::answering(503, "").await;
    let mut scene = Scene::at(&receiver).await;
    let (list, state) = (
        format!("{}/live", scene.path),
        format!("{}/state/live", scene.path),
    );
    assert!(scene.bob.get(&list).await.text.contains("No deliveries yet"));
    assert!(scene.bob.get(&state).await.text.contains(">active<"));
    let job = scene.job().await;
    let _couriers = scene.couriers();
    let failing = scene.until(&state, "1 failed attempt in a row").await;
    assert!(failing.text.contains(">failing<"));
    let followed = scene.until(&list, "503").await;
    assert!(followed.text.contains(&job.id.to_string()));
    let page = scene.bob.get(&scene.path).await;
    assert!(
        page.text.contains(&format!("data-live=\"{list}?\"")),
        "{}",
        page.text
    );
    assert!(page.text.contains(&followed.text) && page.text.contains(&failing.text));
    // What is found by going through many events, or is older, stands still.
    let chosen = format!("{}?standing=pending", scene.path);
    assert!(!scene.bob.get(&chosen).await.text.contains(&list));
}

#[tokio::test]
async fn numbers_and_chart_tell_how_attempts_went() {
    let receiver = Receiver::answering(200, "{}").await;
    let mut scene = Scene::at(&receiver).await;
    for _ in 0..3 {
        let _ = scene.job().await;
    }
    let _couriers = scene.couriers();
    let list = format!("{}?standing=delivered&range=week", scene.path);
    let page = scene.until(&list, ": 3 acknowledged").await;
    assert!(page.text.contains("100 %"));
    assert_eq!(page.text.matches(">delivered</span>").count(), 3);
    assert!(page.text.contains("Attempts in the last 7 days, in UTC"));
    let client = format!("/manager/developer/{}", scene.client.id);
    assert!(scene.bob.get(&client).await.text.contains("100 %"));
}

#[tokio::test]
async fn deliveries_are_gone_through_page_by_page_and_narrowed() {
    let receiver = Receiver::answering(200, "{}").await;
    let mut scene = Scene::at(&receiver).await;
    let mut jobs = Vec::new();
    for _ in 0..30 {
        jobs.push(scene.job().await);
    }
    let list = scene.path.clone();
    let first = scene.bob.get(&list).await;
    let names = |page: &Answer| {
        let named = |job: &&Job| page.text.contains(&format!("/manager/jobs/{}", job.id));
        jobs.iter().filter(named).count()
    };
    assert_eq!(names(&first), 25);
    let (_, older) = first.text.split_once(r#"rel="next" href=""#).unwrap();
    let older = older.split('"').next().unwrap().replace("&#38;", "&");
    let second = scene.bob.get(&older).await;
    assert_eq!(names(&second), 5);
    assert!(second.text.contains("Newest") && !second.text.contains(r#"rel="next""#));
    assert!(second.text.contains(&format!("/manager/jobs/{}", jobs[0].id)));

    let one = scene.bob.get(&format!("{list}?job={}", jobs[7].id)).await;
    assert_eq!(names(&one), 1);
    let none = scene.bob.get(&format!("{list}?standing=expired")).await;
    assert!(none.text.contains("No delivery fits"));
    let nonsense = scene.bob.get(&format!("{list}?job=nonsense&standing=x")).await;
    assert!(nonsense.text.contains("No delivery fits"));
    let foreign = scene.bob.get(&format!("{list}?cursor=nonsense")).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_replay_is_counted_first_then_begun_and_listed() {
    let receiver = Receiver::answering(200, "{}").await;
    let mut scene = Scene::at(&receiver).await;
    let _ = scene.job().await;
    let _ = scene.job().await;
    let couriers = scene.couriers();
    let list = scene.path.clone();
    let _ = scene.until_times(&list, ">delivered</span>", 2).await;
    drop(couriers);

    let page = format!("{}/replays", scene.path);
    assert!(scene.bob.get(&page).await.text.contains("None yet"));
    let nothing = scene
        .bob
        .get(&format!("{page}?since=2030-03-01T00:00&standing=missing"))
        .await;
    assert!(nothing.text.contains("There is nothing to send"));
    assert!(!nothing.text.contains("Start the replay"));
    let counted = scene
        .bob
        .get(&format!("{page}?since=2030-03-01T00:00&standing=delivered"))
        .await;
    assert!(counted.text.contains("A replay would send 2 deliveries"));
    assert!(counted.text.contains("Start the replay"));

    let chosen = [("since", "2030-03-01T00:00"), ("standing", "delivered")];
    let begun = scene.bob.post(&page, &chosen).await;
    assert_eq!(begun.location(), page, "{}", begun.text);
    assert!(scene.has_written_down(Action::ReplayStarted).await);
    let running = scene.bob.get(&page).await;
    assert!(running.text.contains(">running</span>"));
    let second = scene.bob.post(&page, &chosen).await;
    assert_eq!(second.status, StatusCode::CONFLICT, "one at a time");
    let _couriers = scene.couriers();
    let done = scene.until(&page, ">done</span>").await;
    assert!(done.text.contains("100 %") && done.text.contains("delivered"));
}

#[tokio::test]
async fn a_running_replay_is_cancelled_and_stays_so() {
    let receiver = Receiver::answering(200, "{}").await;
    let mut scene = Scene::at(&receiver).await;
    let _ = scene.job().await;
    let page = format!("{}/replays", scene.path);
    let _ = scene.bob.post(&page, &[("since", "2030-03-01T00:00")]).await;
    let running = scene.bob.get(&page).await;
    let (_, rest) = running.text.split_once(&format!("action=\"{page}/")).unwrap();
    let replay = rest.split('/').next().unwrap();
    let cancelled = scene.bob.post(&format!("{page}/{replay}/cancel"), &[]).await;
    assert_eq!(cancelled.location(), page);
    assert!(scene.bob.get(&page).await.text.contains(">cancelled</span>"));
    assert!(scene.has_written_down(Action::ReplayCancelled).await);
}

#[tokio::test]
async fn a_time_that_is_none_is_refused_in_a_sentence() {
    let receiver = Receiver::answering(200, "{}").await;
    let mut scene = Scene::at(&receiver).await;
    let page = format!("{}/replays", scene.path);
    for (query, says) in [
        ("since=yesterday", "Say from which time on"),
        (
            "since=2030-03-02T00:00&until=2030-03-01T00:00",
            "The end must be later",
        ),
        (
            "since=2030-03-01T00:00&job=nonsense",
            "There is no job of this name",
        ),
    ] {
        let refused = scene.bob.get(&format!("{page}?{query}")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert!(refused.text.contains(says), "{query}");
    }
}

//! The part of `cargo xtask bench cluster` that works on one long video: on PostgreSQL and S3, by one worker and by two, each
//! of them one thread on a core of its own, as on machines with one core.
#![expect(clippy::print_stdout, reason = "the figures are what the measurement is for")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sfumato_e2e::client::Client;
use sfumato_e2e::cluster::{Shared, free_address};
use sfumato_e2e::node::Node;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::server::Launch;

/// What a part is, seconds: short beside the clip, as a minute is beside half an hour.
const PART_S: u32 = 10;

/// How often it is asked whether the video is done.
const POLL: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> Result<()> {
    let seconds = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(120);
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mp4");
    render(folder.path(), &clip, seconds)?;
    let content = std::fs::read(&clip)?;
    let one = measure(1, &content).await?;
    let two = measure(2, &content).await?;
    let [first, second] = [one, two].map(|took| took.as_secs_f64());
    println!("| a video of {seconds} s, 1280x720, one worker of one core, s | {first:.1} |");
    println!("| the same, two workers of one core each, s | {second:.1} |");
    println!("| two workers beside one | {:.2} |", second / first);
    Ok(())
}

/// A face that wanders over a picture that changes, with a key frame every two seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the clip is drawn by the machine's own ffmpeg"
)]
fn render(folder: &Path, clip: &Path, seconds: u32) -> Result<()> {
    let face = folder.join("face.png");
    std::fs::write(&face, astronaut_png())?;
    let scene = "[1]scale=400:400[face];[0][face]overlay='420+300*sin(t/3)':'160+100*cos(t/2)'";
    let drawn = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i"])
        .arg(format!("testsrc2=size=1280x720:rate=25:duration={seconds}"))
        .args(["-loop", "1", "-i"])
        .arg(&face)
        .args(["-filter_complex", scene, "-t", &seconds.to_string()])
        .args([
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "50",
        ])
        .arg(clip)
        .stdin(Stdio::null())
        .status()?;
    ensure!(drawn.success(), "ffmpeg ended with {drawn}");
    Ok(())
}

/// How long so many workers take, from the upload's answer to the end.
async fn measure(workers: usize, clip: &[u8]) -> Result<Duration> {
    let shared = Shared::make().await?;
    let launch = Launch::product(&[])
        .env("SFUMATO_WORKER__LONG_JOBS_AT_ONCE", "1")
        .env("SFUMATO_WORKER__THREADS_PER_LONG_JOB", "1")
        .env("SFUMATO_WORKER__PART_LENGTH", &format!("{PART_S}s"));
    let api = Node::start(shared.start("api,courier,janitor", &free_address(), launch.clone())?).await?;
    let mut nodes = Vec::new();
    for core in 0..workers {
        let node = Node::start(shared.start("worker", &free_address(), launch.clone())?).await?;
        keep_on(core, &node)?;
        nodes.push(node);
    }
    let created = shared
        .command(&["client", "create", "--name", "bench", "--json"])
        .output()
        .await?;
    let made: serde_json::Value = serde_json::from_slice(&created.stdout)?;
    let text = |member: &str| made[member].as_str().unwrap_or_default().to_owned();
    let client = Client::log_in(&api.url, &text("clientId"), &text("secretId")).await?;
    let job = client.submit("clip.mp4", clip.to_vec(), &[]).await?;
    let begin = Instant::now();
    loop {
        let status = client.status(&job).await?;
        match status["status"].as_str() {
            Some("Succeeded") => return Ok(begin.elapsed()),
            Some("Failed") => bail!("the video ended as {status}"),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

/// Keeps a worker and the media processes that it will start on one core. `taskset` belongs to every Linux.
#[expect(
    clippy::disallowed_methods,
    reason = "the door to processes is for the product; this is a measurement"
)]
fn keep_on(core: usize, node: &Node) -> Result<()> {
    let worker = node.pid().context("the worker runs")?;
    let kept = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid"])
        .args([core.to_string(), worker.as_raw_nonzero().to_string()])
        .stdout(Stdio::null())
        .status()?;
    ensure!(kept.success(), "taskset ended with {kept}");
    Ok(())
}

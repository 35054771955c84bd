//! Videos and archives, from upload to download, and a worker that dies in the middle of one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sfumato_e2e::files::Stored;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;
use sfumato_e2e::{eventually, sfumato};
use tempfile::TempDir;

pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test makes and reads its clips with ffmpeg"
    )]
    let output = Command::new(program)
        .args(arguments)
        .output()
        .context(program.to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {said}");
    Ok(String::from_utf8(output.stdout)?)
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("folders of tests have plain names")
}

/// A face that moves a little, with a tone; a key frame every half second.
pub(crate) fn clip(dir: &Path, seconds: u32) -> Result<PathBuf> {
    let (picture, clip) = (dir.join("face.png"), dir.join("clip.mp4"));
    std::fs::write(&picture, astronaut_png())?;
    let filter = "[0:v]scale=640:-2,crop=480:360:x='20+20*sin(t)':y=0,format=yuv420p[v]";
    let seconds = seconds.to_string();
    run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-loop",
            "1",
            "-framerate",
            "20",
            "-i",
            text(&picture),
            "-f",
            "lavfi",
            "-i",
            "sine=440:r=44100",
            "-filter_complex",
            filter,
            "-map",
            "[v]",
            "-map",
            "1:a",
            "-t",
            &seconds,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-g",
            "10",
            "-keyint_min",
            "10",
            "-sc_threshold",
            "0",
            "-c:a",
            "aac",
            text(&clip),
        ],
    )?;
    Ok(clip)
}

/// When each frame is displayed, and a hash of the sound.
fn content(path: &Path) -> Result<(Vec<String>, String)> {
    let times = run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "frame=pts_time",
            "-of",
            "csv=p=0",
            text(path),
        ],
    )?;
    let sound = run(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-i",
            text(path),
            "-map",
            "0:a",
            "-c",
            "copy",
            "-f",
            "hash",
            "-",
        ],
    )?;
    // Lines without a number are of what encoders say of themselves.
    let times = times.lines().map(|line| line.trim_end_matches(',').to_owned());
    Ok((times.filter(|line| !line.is_empty()).collect(), sound))
}

#[tokio::test]
async fn a_video_goes_from_upload_to_download() -> Result<()> {
    let dir = TempDir::new()?;
    let original = clip(dir.path(), 2)?;
    let server = Server::start().await?;
    let client = server.client("film").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let options = [("output_detections_url", "true"), ("profile", "fast")];
    let job = client
        .submit("clip.mp4", std::fs::read(&original)?, &options)
        .await?;
    let status = client.finished(&job).await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    let url = status["output_media"].as_str().context("a result")?;
    assert!(url.ends_with(".mp4"), "{url}");
    let result = dir.path().join("result.mp4");
    std::fs::write(&result, client.download(url).await?)?;
    assert_eq!(
        content(&result)?,
        content(&original)?,
        "frames, time stamps and sound"
    );
    let document = client
        .download(status["output_json"].as_str().context("a document")?)
        .await?;
    let document: Value = serde_json::from_slice(&document)?;
    assert_eq!(document["video"]["frames"], 40);
    let track = &document["tracks"][0];
    assert_eq!(
        (&track["class"], &track["hidden"]),
        (&"face".into(), &true.into()),
        "{track}"
    );
    assert_eq!(
        track["boxes"].as_array().map(Vec::len),
        Some(40),
        "the face is in every frame"
    );
    let statuses = eventually("the terminal webhook", async || {
        let statuses = receiver.statuses(&job);
        statuses.contains(&"Succeeded".to_owned()).then_some(statuses)
    })
    .await;
    assert_eq!(statuses, ["Sent", "Started", "Succeeded"]);
    Ok(())
}

/// The parts that are done.
async fn parts(server: &Server) -> Vec<Stored> {
    let mut parts = server.stored("parts").await;
    parts.retain(|part| {
        let (_, name) = part.name.rsplit_once('/').unwrap_or_default();
        name.bytes().all(|byte| byte.is_ascii_digit())
    });
    parts
}

#[tokio::test]
async fn two_workers_share_a_long_video_and_its_frames_are_those_of_one() -> Result<()> {
    let dir = TempDir::new()?;
    let original = clip(dir.path(), 12)?;
    let config = dir.path().join("sfumato.toml");
    std::fs::write(&config, "[worker]\npart_length = \"2s\"\nlong_jobs_at_once = 2\n")?;
    let server = Server::start_with(&["--config", text(&config)]).await?;
    let client = server.client("traveller").await?;
    let fields = [("profile", "fast")];
    let (shared, _) = client
        .anonymize("clip.mp4", std::fs::read(&original)?, &fields)
        .await?;
    let result = dir.path().join("result.mp4");
    std::fs::write(&result, shared)?;
    let whole = dir.path().join("whole.mp4");
    let program = sfumato();
    let alone = ["blur", "--profile", "fast", text(&original), "-o", text(&whole)];
    run(text(&program), &alone)?;
    let (shared, alone) = (content(&result)?, content(&whole)?);
    assert_eq!(shared.0.len(), 240);
    assert_eq!(shared, alone);
    eventually("the parts to be deleted", async || {
        parts(&server).await.is_empty().then_some(())
    })
    .await;
    let (_, _, log) = server.terminate().await?;
    let helped = log
        .iter()
        .filter(|line| line.contains("helping with a long video"));
    assert!(helped.count() > 0, "nobody helped");
    Ok(())
}

#[tokio::test]
async fn a_long_video_goes_on_where_its_worker_was_killed() -> Result<()> {
    let dir = TempDir::new()?;
    let original = clip(dir.path(), 12)?;
    let config = dir.path().join("sfumato.toml");
    std::fs::write(&config, "[worker]\npart_length = \"2s\"\n")?;
    let mut server = Server::start_with(&["--config", text(&config)]).await?;
    let client = server.client("traveller").await?;
    let job = client
        .submit("clip.mp4", std::fs::read(&original)?, &[("profile", "fast")])
        .await?;
    let done = eventually("a part that is done", async || {
        let parts = parts(&server).await;
        (!parts.is_empty()).then_some(parts)
    })
    .await;
    server = server.kill().await?.restart().await?;
    let client = client.at(&server.url);
    // The parts go when the job has finished.
    let mut seen = false;
    let status = eventually("the job to end", async || {
        for part in parts(&server).await {
            if let Some(before) = done.iter().find(|before| before.name == part.name) {
                assert_eq!(&part, before, "a part that was done is not done again");
                seen = true;
            }
        }
        let status = client.status(&job).await.ok()?;
        matches!(status["status"].as_str(), Some("Succeeded" | "Failed")).then_some(status)
    })
    .await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    assert!(seen, "the parts were there after the restart");
    let result = dir.path().join("result.mp4");
    std::fs::write(
        &result,
        client
            .download(status["output_media"].as_str().context("a result")?)
            .await?,
    )?;
    let whole = dir.path().join("whole.mp4");
    let program = sfumato();
    run(
        text(&program),
        &["blur", "--profile", "fast", text(&original), "-o", text(&whole)],
    )?;
    let (resumed, uninterrupted) = (content(&result)?, content(&whole)?);
    assert_eq!(resumed.0.len(), 240);
    assert_eq!(resumed, uninterrupted);
    eventually("the parts to be deleted", async || {
        parts(&server).await.is_empty().then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn an_archive_comes_back_with_what_could_be_processed() -> Result<()> {
    let dir = TempDir::new()?;
    let original = clip(dir.path(), 1)?;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
    let plain = zip::write::SimpleFileOptions::default();
    for (name, content) in [
        ("people/a.png", astronaut_png()),
        ("ride.mp4", std::fs::read(&original)?),
        ("notes.txt", b"not for anybody".to_vec()),
    ] {
        archive.start_file(name, plain)?;
        std::io::Write::write_all(&mut archive, &content)?;
    }
    let archive = archive.finish()?.into_inner();
    let server = Server::start().await?;
    let client = server.client("album").await?;
    let job = client
        .submit("album.zip", archive, &[("profile", "fast")])
        .await?;
    let status = client.finished(&job).await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    assert!(
        status["warnings"][0]
            .as_str()
            .is_some_and(|warning| warning.contains("report.json")),
        "{status}"
    );
    let url = status["output_media"].as_str().context("a result")?;
    assert!(url.ends_with(".zip"), "{url}");
    let mut result = zip::ZipArchive::new(std::io::Cursor::new(client.download(url).await?))?;
    let names = (0..result.len()).map(|index| Ok(result.by_index(index)?.name()?.into_owned()));
    let names: Vec<String> = names.collect::<Result<_>>()?;
    assert_eq!(names, ["people/a.png", "ride.mp4", "report.json"]);
    let report: Value = serde_json::from_reader(result.by_name("report.json")?)?;
    let told: Vec<_> = report["entries"]
        .as_array()
        .context("entries")?
        .iter()
        .map(|entry| (entry["status"].as_str(), entry["faces"].as_u64()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("succeeded"), Some(1)),
            (Some("succeeded"), Some(1)),
            (Some("failed"), None)
        ]
    );

    let useless = client
        .submit(
            "n.zip",
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(),
            &[],
        )
        .await?;
    let status = client.finished(&useless).await;
    assert_eq!(status["status"], "Failed", "{status}");
    Ok(())
}

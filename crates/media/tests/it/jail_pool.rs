//! The jail around the real executable, through the pool.

use rustix::process::{Pid, Signal, kill_process};
use sfumato_core::{AnonymizeOptions, FailureClass};
use sfumato_media_client::sandbox::{Landlock, Layers, SandboxMode};
use sfumato_media_client::{ChildEnd, Finished, MediaError, MediaPool, MediaPoolConfig};
use tempfile::TempDir;

use crate::jail::kernel_abi;
use crate::support::*;

struct Setup {
    pool: MediaPool,
    _scratch: TempDir,
}

fn setup(change: impl FnOnce(&mut MediaPoolConfig)) -> Setup {
    let scratch = tempfile::tempdir().unwrap();
    let mut config = MediaPoolConfig::new(
        env!("CARGO_BIN_EXE_sfumato-media").into(),
        assets_dir(),
        scratch.path().to_owned(),
    );
    config.children_max = 1;
    change(&mut config);
    Setup {
        pool: MediaPool::new(config).unwrap(),
        _scratch: scratch,
    }
}

async fn run(
    pool: &MediaPool,
    bytes: &[u8],
    on_progress: impl FnMut(f32) + Send,
) -> Result<Finished, MediaError> {
    let task = task(bytes, AnonymizeOptions::default());
    pool.run(task, &mut &*bytes, on_progress, std::future::pending())
        .await
}

fn children() -> Vec<i32> {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap();
    stats
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
        .filter_map(|stat| {
            let (id_and_name, rest) = stat.rsplit_once(") ")?;
            (rest.split(' ').nth(1)? == own).then_some(())?;
            id_and_name.split(' ').next()?.parse().ok()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_processed_under_every_layer_whatever_the_number_of_threads() {
    for threads in [1, 2] {
        let setup = setup(|config| config.threads_per_child = threads);
        let layers = setup.pool.warm_up().await.unwrap().layers;
        assert!(
            layers.rlimits && layers.no_new_privs && layers.seccomp,
            "{layers:?}"
        );
        match layers.landlock {
            Landlock::None => assert!(kernel_abi() < 1),
            // The kernels before ABI 8 cannot take the helpers' right to read.
            Landlock::Partial { .. } => assert!(kernel_abi() < 6 || threads > 1),
            Landlock::Full { .. } => assert!(kernel_abi() >= 6),
        }
        let settings = JpegSettings {
            progressive: true,
            ..JpegSettings::default()
        };
        for bytes in [
            jpeg(&astronaut(), &JpegSettings::default()),
            jpeg(&astronaut(), &settings),
            rgb_png(&astronaut()),
        ] {
            let finished = run(&setup.pool, &bytes, |_| ()).await.unwrap();
            assert_eq!(finished.report.document.picture().unwrap().detections.len(), 1);
            let error = run(&setup.pool, &bytes[..bytes.len() / 2], |_| ())
                .await
                .unwrap_err();
            assert_eq!(error.class(), FailureClass::Input, "{error}");
        }
        assert_eq!(children().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_holds_the_descriptors_of_the_protocol_and_nothing_else() {
    let setup = setup(|_| ());
    setup.pool.warm_up().await.unwrap();
    let child = children()[0];
    let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.rsplit('\t').next().unwrap().to_owned()
    };
    assert_eq!(
        (field("NoNewPrivs:"), field("Seccomp:")),
        ("1".into(), "2".into())
    );
    assert_eq!(field("Threads:"), "1", "helpers that nobody needs");
    // Its folder belongs to root now, which is the lock-down at work.
    if rustix::process::getuid().is_root() {
        let open = std::fs::read_dir(format!("/proc/{child}/fd")).unwrap();
        let mut open: Vec<u32> = open
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect();
        open.sort_unstable();
        assert_eq!(open, [0, 1, 2, 3, 4]);
    }
    let limits = std::fs::read_to_string(format!("/proc/{child}/limits")).unwrap();
    for (limit, value) in [
        ("Max core file size", "0"),
        ("Max open files", "0"),
        ("Max processes", "0"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        assert_eq!(
            line[limit.len()..].split_whitespace().next(),
            Some(value),
            "{line}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_sandbox_a_child_says_that_there_is_none() {
    let setup = setup(|config| config.sandbox = SandboxMode::Off);
    assert_eq!(setup.pool.warm_up().await.unwrap().layers, Layers::default());
    run(&setup.pool, &rgb_png(&astronaut()), |_| ()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_sandbox_is_granted_here_or_refused_with_the_reason() {
    let setup = setup(|config| config.sandbox = SandboxMode::Require);
    match setup.pool.warm_up().await {
        Ok(warm) => assert_eq!(warm.layers.missing(), [""; 0]),
        Err(error) => assert!(
            matches!(&error, MediaError::NotReady { reason } if reason.contains("sandbox that is required")),
            "{error}"
        ),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_die_fails_its_task_alone_and_is_named() {
    let setup = setup(|_| ());
    let bytes = rgb_png(&astronaut());
    let mut ends = vec![];
    for signal in [
        Signal::SYS,
        Signal::ILL,
        Signal::XCPU,
        Signal::KILL,
        Signal::ABORT,
    ] {
        let mut sent = false;
        let kill = |_| {
            if !std::mem::replace(&mut sent, true) {
                kill_process(Pid::from_raw(children()[0]).unwrap(), signal).unwrap();
            }
        };
        let error = run(&setup.pool, &bytes, kill).await.unwrap_err();
        assert_eq!(error.class(), FailureClass::Transient);
        let MediaError::ChildLost { end, .. } = error else {
            panic!("{error}");
        };
        ends.push(end);
        run(&setup.pool, &bytes, |_| ()).await.unwrap();
    }
    let expected = [
        ChildEnd::ForbiddenCall,
        ChildEnd::Crash,
        ChildEnd::CpuTime,
        ChildEnd::Killed,
        ChildEnd::Crash,
    ];
    assert_eq!(ends, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_that_is_too_small_for_a_picture_fails_it_with_a_word_about_memory() {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("short-of-memory");
    // The last bound that is given counts.
    let script = format!(
        "#!/bin/sh\nexec '{}' \"$@\" --memory-bytes-max 600000000\n",
        env!("CARGO_BIN_EXE_sfumato-media")
    );
    std::fs::write(&program, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&program, mode).unwrap();
    let setup = setup(|config| config.program = program);
    // 768 million bytes of samples, says the header; memory is asked for before it turns out to be a lie.
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 16_000, 16_000);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &[0; 100]).unwrap();
    drop(writer);
    let error = run(&setup.pool, &bytes, |_| ()).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Transient, "{error}");
    assert!(error.to_string().contains("memory"), "{error}");
    run(&setup.pool, &small_png(), |_| ()).await.unwrap();
}

/// Few pixels, for a process that is short of memory.
fn small_png() -> Vec<u8> {
    png(
        (32, 32),
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        &[90; 32 * 32 * 3],
    )
}

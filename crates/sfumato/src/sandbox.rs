//! The sandbox of media processes, as the settings want it and as the kernel grants it.

use sfumato_media_client::MediaPoolConfig;
use sfumato_media_client::sandbox::{Layers, SandboxMode};

use crate::output;
use crate::server::{long_jobs_at_once, media_limits};
use crate::settings::{LogFormat, Settings};

/// Has the processes of a pool lock themselves up as the settings say.
pub(crate) fn configure(pool: &mut MediaPoolConfig, settings: &Settings) {
    pool.sandbox = settings.sandbox;
    pool.limits = media_limits(settings);
    pool.long_tasks_max = long_jobs_at_once(settings);
    pool.threads_per_long_task = settings.threads_per_long_job.resolve(|cores| cores.min(4));
    pool.long_task_deadline = settings.long_job_deadline;
    pool.silence_max = settings.silence_max;
}

/// Says what the processes have got: a line where it is everything, a warning that cannot be missed where it is not.
pub(crate) fn tell(layers: &Layers, mode: SandboxMode, log_format: LogFormat) {
    if let Some(warning) = warning(layers, mode) {
        if log_format == LogFormat::Text {
            output::note(framed(&warning));
        }
        tracing::warn!("{}", warning.join(" "));
    } else {
        tracing::info!(layers = %layers, "media processes are locked up");
    }
}

/// The lines of a warning; none where every layer holds.
fn warning(layers: &Layers, mode: SandboxMode) -> Option<[String; 3]> {
    let missing = layers.missing();
    if mode == SandboxMode::Off {
        return Some([
            "The sandbox of media processes is off (`media.sandbox`).".to_owned(),
            "A picture made to take over its decoder could do whatever this user can.".to_owned(),
            "For development only.".to_owned(),
        ]);
    }
    (!missing.is_empty()).then(|| {
        [
            format!("The sandbox of media processes lacks: {}.", missing.join(", ")),
            "A picture made to take over its decoder could do more than it should.".to_owned(),
            "`sfumato doctor` says why; `--sandbox require` refuses to work like this.".to_owned(),
        ]
    })
}

fn framed(lines: &[String]) -> String {
    let rule = "!".repeat(78);
    let lines: Vec<_> = lines.iter().map(|line| format!("!!  {line}\n")).collect();
    format!("{rule}\n{}{rule}", lines.concat())
}

#[cfg(test)]
mod tests {
    use sfumato_media_client::sandbox::Landlock;

    use super::*;

    #[test]
    fn whoever_works_without_a_layer_reads_which_one() {
        let all = Layers {
            rlimits: true,
            no_new_privs: true,
            landlock: Landlock::Partial { abi: 3 },
            seccomp: true,
        };
        assert_eq!(warning(&all, SandboxMode::Prefer), None);
        let some = Layers {
            seccomp: false,
            ..all
        };
        let lines = warning(&some, SandboxMode::Prefer).unwrap();
        assert!(lines[0].contains("lacks: seccomp."), "{lines:?}");
        let text = framed(&lines);
        assert!(
            text.lines()
                .all(|line| line.starts_with("!!") && line.chars().count() <= 80),
            "{text}"
        );
        assert!(warning(&Layers::default(), SandboxMode::Off).unwrap()[0].contains("is off"));
    }
}

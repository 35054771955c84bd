//! A job in words: what lists and pages say of it, and what may be done with it.

use std::time::Duration;

use sfumato_core::job::{Job, JobResult, JobState, JobStateKind};
use sfumato_core::{MediaFormat, MediaKind, Timestamp};

use crate::error::sentence;
use crate::ui::{self, Tone};

/// A job at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobView<'a> {
    pub(super) job: &'a Job,
    pub(super) now: Timestamp,
}

/// The word for a state.
pub(super) const fn state_word(kind: JobStateKind) -> &'static str {
    match kind {
        JobStateKind::Queued => "Queued",
        JobStateKind::Running => "Running",
        JobStateKind::Succeeded => "Succeeded",
        JobStateKind::Failed => "Failed",
        JobStateKind::Cancelled => "Cancelled",
        JobStateKind::Expired => "Deleted",
    }
}

/// The word for a kind of media, with its capital.
pub(super) const fn kind_word(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Picture => "Picture",
        MediaKind::Video => "Video",
        MediaKind::Archive => "Archive",
    }
}

impl<'a> JobView<'a> {
    pub(super) const fn new(job: &'a Job, now: Timestamp) -> Self {
        Self { job, now }
    }

    /// The state as a badge.
    pub(super) fn badge(&self) -> String {
        let kind = self.job.state.kind();
        let tone = match kind {
            JobStateKind::Running => Tone::Busy,
            JobStateKind::Succeeded => Tone::Good,
            JobStateKind::Failed => Tone::Bad,
            JobStateKind::Cancelled => Tone::Warning,
            JobStateKind::Queued | JobStateKind::Expired => Tone::Quiet,
        };
        ui::badge(tone, state_word(kind))
    }

    pub(super) fn icon(&self) -> String {
        ui::icon(match self.kind() {
            MediaKind::Picture => "image",
            MediaKind::Video => "video",
            MediaKind::Archive => "archive",
        })
    }

    pub(super) const fn kind(&self) -> MediaKind {
        self.job.upload.format.kind()
    }

    /// `JPEG`.
    pub(super) fn format_name(&self) -> String {
        self.job.upload.format.as_str().to_uppercase()
    }

    /// `JPEG picture`.
    pub(super) fn format_word(&self) -> String {
        format!("{} {}", self.format_name(), self.kind())
    }

    /// The part that is done, in whole percent, while a worker is at it.
    pub(super) fn percent(&self) -> Option<u32> {
        match &self.job.state {
            // Between 0 and 100, so that nothing is cut off.
            JobState::Running { progress, .. } => Some((progress.done.clamp(0.0, 1.0) * 100.0) as u32),
            _ => None,
        }
    }

    /// `2 min left`, as soon as that is known.
    pub(super) fn left(&self) -> Option<String> {
        match &self.job.state {
            JobState::Running { progress, .. } => {
                let left = progress.expected_end?.since(self.now);
                Some(match left.as_secs() {
                    0..2 => "almost done".to_owned(),
                    seconds @ 2..60 => format!("{seconds} s left"),
                    _ => format!("{} left", ui::duration(left)),
                })
            }
            _ => None,
        }
    }

    /// How long was, or is, worked on it, in words.
    pub(super) fn duration_text(&self) -> Option<String> {
        self.duration().map(ui::duration)
    }

    fn duration(&self) -> Option<Duration> {
        let end = match self.job.state {
            JobState::Queued { .. } => return None,
            _ => self.finished_at().unwrap_or(self.now),
        };
        self.job.started_at.map(|started| end.since(started))
    }

    pub(super) const fn finished_at(&self) -> Option<Timestamp> {
        match self.job.state {
            JobState::Queued { .. } | JobState::Running { .. } => None,
            JobState::Succeeded { finished_at, .. }
            | JobState::Failed { finished_at, .. }
            | JobState::Cancelled { finished_at }
            | JobState::Expired { finished_at, .. } => Some(finished_at),
        }
    }

    /// What came of it, whether or not it is still there.
    pub(super) const fn outcome(&self) -> Option<&'a JobResult> {
        match &self.job.state {
            JobState::Succeeded { result, .. } | JobState::Expired { result, .. } => Some(result),
            _ => None,
        }
    }

    /// The result, while it is there.
    pub(super) const fn result(&self) -> Option<&'a JobResult> {
        match &self.job.state {
            JobState::Succeeded { result, .. } => Some(result),
            _ => None,
        }
    }

    /// What the state means, as a sentence.
    pub(super) fn sentence(&self) -> String {
        match &self.job.state {
            JobState::Queued { .. } if self.job.attempts > 0 => {
                format!("Waits to be tried again. Attempts so far: {}.", self.job.attempts)
            }
            JobState::Queued { .. } => "Waits for its turn.".to_owned(),
            JobState::Running { .. } if self.job.attempts > 1 => {
                format!("Is worked on: attempt {}.", self.job.attempts)
            }
            JobState::Running { .. } => "Is worked on.".to_owned(),
            JobState::Succeeded { result, .. } => hidden(result, "are hidden", "is hidden"),
            JobState::Failed { .. } => "Could not be done.".to_owned(),
            JobState::Cancelled { .. } => "Was cancelled; there is no result.".to_owned(),
            JobState::Expired { result, .. } => format!(
                "{} The result has been deleted since.",
                hidden(result, "were hidden", "was hidden")
            ),
        }
    }

    /// Why it failed, as a sentence.
    pub(super) fn error(&self) -> Option<String> {
        match &self.job.state {
            JobState::Failed { error, .. } => Some(sentence(error.trim_end_matches('.'))),
            _ => None,
        }
    }

    pub(super) const fn can_cancel(&self) -> bool {
        !self.job.is_finished()
    }

    pub(super) const fn can_retry(&self) -> bool {
        self.job.original_kept
            && matches!(
                self.job.state,
                JobState::Failed { .. } | JobState::Cancelled { .. }
            )
    }

    pub(super) const fn can_download(&self) -> bool {
        self.result().is_some()
    }

    /// Whether there is anything to be deleted now.
    pub(super) const fn can_delete(&self) -> bool {
        self.job.is_finished() && (self.job.original_kept || self.result().is_some())
    }

    /// Whether the boxes can be edited, and the original rendered again from them: somebody must be able to see it.
    pub(super) const fn can_review(&self) -> bool {
        self.outcome().is_some() && self.job.original_kept && is_shown(self.job.upload.format)
    }
}

/// `3 faces and 1 licence plate are hidden.`
fn hidden(result: &JobResult, many: &str, one: &str) -> String {
    let of = |count: u32, name: &str| {
        (count > 0).then(|| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{} {name}{plural}", ui::count(u64::from(count)))
        })
    };
    let parts: Vec<String> = [of(result.faces, "face"), of(result.plates, "licence plate")]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() {
        return "Nothing was found that had to be hidden.".to_owned();
    }
    let verb = if result.faces + result.plates == 1 {
        one
    } else {
        many
    };
    format!("{} {verb}.", parts.join(" and "))
}

/// Whether browsers show a format within a page. Of videos it depends on the codec too: the player tells where one does not.
pub(super) const fn is_shown(format: MediaFormat) -> bool {
    match format {
        MediaFormat::Jpeg
        | MediaFormat::Png
        | MediaFormat::Webp
        | MediaFormat::Bmp
        | MediaFormat::Mp4
        | MediaFormat::Mov
        | MediaFormat::Mkv
        | MediaFormat::Webm => true,
        MediaFormat::Tiff | MediaFormat::Avi | MediaFormat::Zip => false,
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::ResultId;
    use uuid::Uuid;

    use super::*;

    fn result(faces: u32, plates: u32) -> JobResult {
        JobResult {
            id: ResultId::from_uuid(Uuid::nil()),
            format: MediaFormat::Jpeg,
            bytes: 1,
            sha256: [0; 32],
            document: None,
            faces,
            plates,
            warnings: vec![],
        }
    }

    #[test]
    fn what_was_hidden_is_told_in_a_sentence() {
        let say = |faces, plates| hidden(&result(faces, plates), "are hidden", "is hidden");
        assert_eq!(say(0, 0), "Nothing was found that had to be hidden.");
        assert_eq!(say(1, 0), "1 face is hidden.");
        assert_eq!(say(3, 1), "3 faces and 1 licence plate are hidden.");
        assert_eq!(say(0, 2), "2 licence plates are hidden.");
    }
}

//! What is asked of the jail around a media process, and what the process says that it got.
//!
//! The jail itself is built by the process, before it touches a byte of anybody's file; this is the vocabulary that it
//! shares with the server.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sfumato_core::MediaKind;

use crate::limits::MediaLimits;

/// Memory of a process before the first picture: runtime, models, and what the models compute in.
const MODELS_MEMORY_BYTES: u64 = 1 << 30;

/// Memory a pixel: samples of up to 16 bit as they are stored, an upright copy, and a copy over a backdrop.
const MEMORY_BYTES_PER_PIXEL: u64 = 24;

/// Bytes a pixel of the least compact result: four samples of 16 bits.
const RESULT_BYTES_PER_PIXEL: u64 = 8;

/// Frames of a video that are in memory at the same time, at most: references of decoder and encoder, frames that threads
/// work on, frames that wait for what comes after them.
const FRAMES_IN_MEMORY: u64 = 96;

/// Bytes of the least compact pixel of a video: 4:4:4 with more than 8 bits.
const MEMORY_BYTES_PER_FRAME_PIXEL: u64 = 6;

/// Memory of codecs beside frames, and of what is known of tracks.
const CODECS_MEMORY_BYTES: u64 = 1 << 30;

/// How many times larger a video may become: one that was encoded with more patience than ours.
const VIDEO_GROWTH_MAX: u64 = 8;

/// Headers, metadata and padding of a result.
const RESULT_BYTES_BESIDE_PIXELS: u64 = 64 << 20;

/// Whether a media process may work where the kernel does not grant every layer of its jail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SandboxMode {
    /// No: a process that misses a layer does not start.
    Require,
    /// Yes, with a warning.
    #[default]
    Prefer,
    /// There is no jail at all.
    Off,
}

impl SandboxMode {
    /// Every mode, the strictest first.
    pub const ALL: [Self; 3] = [Self::Require, Self::Prefer, Self::Off];

    /// The name by which settings and flags call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Prefer => "prefer",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for SandboxMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is none of the names of [`SandboxMode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be require, prefer or off")]
pub struct UnknownSandboxMode;

impl FromStr for SandboxMode {
    type Err = UnknownSandboxMode;

    fn from_str(text: &str) -> Result<Self, UnknownSandboxMode> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == text);
        found.ok_or(UnknownSandboxMode)
    }
}

/// What a media process is started for. It decides which descriptors it inherits and how many threads it may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// One picture after the other, until it is replaced. Its threads are there before the first one.
    #[default]
    Pictures,
    /// One video: decoders and encoders start threads for it.
    Video,
    /// One archive: several entries at a time, among them videos.
    Archive,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::Pictures, Self::Video, Self::Archive];

    /// What tasks on this kind of media are for.
    pub const fn of(kind: MediaKind) -> Self {
        match kind {
            MediaKind::Picture => Self::Pictures,
            MediaKind::Video => Self::Video,
            MediaKind::Archive => Self::Archive,
        }
    }

    /// The name by which flags call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pictures => "pictures",
            Self::Video => "video",
            Self::Archive => "archive",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is none of the names of [`Purpose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be pictures, video or archive")]
pub struct UnknownPurpose;

impl FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        let found = Self::ALL.into_iter().find(|purpose| purpose.name() == text);
        found.ok_or(UnknownPurpose)
    }
}

/// What landlock takes away from a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landlock {
    /// Nothing: the kernel has no landlock, or it is not switched on.
    #[default]
    None,
    /// All access to files, and what else the kernel's version knows of network and signals.
    Partial {
        /// The version of the kernel's interface.
        abi: i32,
    },
    /// All access to files, TCP, and signals and abstract sockets of other processes.
    Full {
        /// The version of the kernel's interface.
        abi: i32,
    },
}

/// The layers of the jail that hold in a media process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Layers {
    /// Memory, CPU time, size of files, descriptors, processes and core dumps are bounded.
    pub rlimits: bool,
    /// No program that it could start would gain privileges.
    pub no_new_privs: bool,
    /// What landlock takes away.
    pub landlock: Landlock,
    /// Every system call that is not on the list ends the process.
    pub seccomp: bool,
}

impl Layers {
    /// The layers that are missing, by name. A kernel whose landlock knows files but no network yet misses none: the list
    /// of system calls has no socket on it.
    pub fn missing(&self) -> Vec<&'static str> {
        let layers = [
            ("resource limits", self.rlimits),
            ("no-new-privileges", self.no_new_privs),
            ("landlock", self.landlock != Landlock::None),
            ("seccomp", self.seccomp),
        ];
        let missing = layers.into_iter().filter(|(_, holds)| !holds);
        missing.map(|(name, _)| name).collect()
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = vec![];
        if self.rlimits {
            names.push("resource limits".to_owned());
        }
        if self.no_new_privs {
            names.push("no-new-privileges".to_owned());
        }
        match self.landlock {
            Landlock::None => {}
            Landlock::Partial { abi } => names.push(format!("landlock (ABI {abi}, in part)")),
            Landlock::Full { abi } => names.push(format!("landlock (ABI {abi})")),
        }
        if self.seccomp {
            names.push("seccomp".to_owned());
        }
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

/// What a media process may use at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Private writable memory.
    pub memory_bytes_max: u64,
    /// Size of a result.
    pub result_bytes_max: u64,
    /// CPU time on all threads, over the whole life of the process.
    pub cpu_time_max: Duration,
}

impl Bounds {
    /// Bounds within which every picture that the limits allow can be processed, by a process that does `tasks` tasks of
    /// `task_deadline` on `threads` threads.
    pub fn for_pictures(limits: &MediaLimits, task_deadline: Duration, threads: usize, tasks: u32) -> Self {
        let pixels = |bytes: u64, pixels: u64| bytes.saturating_mul(pixels);
        // The original, and a result that is as large.
        let files = limits.picture_bytes_max.saturating_mul(2);
        let threads = u32::try_from(threads).unwrap_or(u32::MAX);
        Self {
            memory_bytes_max: MODELS_MEMORY_BYTES
                .saturating_add(files)
                .saturating_add(pixels(MEMORY_BYTES_PER_PIXEL, limits.picture_pixels_max)),
            result_bytes_max: RESULT_BYTES_BESIDE_PIXELS.saturating_add(pixels(
                RESULT_BYTES_PER_PIXEL,
                limits.frames_pixels_max.max(limits.picture_pixels_max),
            )),
            // One task more than it may do, for loading the models.
            cpu_time_max: task_deadline
                .saturating_mul(threads.max(1))
                .saturating_mul(tasks.saturating_add(1)),
        }
    }

    /// Bounds within which an original of `bytes` bytes can be processed where the limits allow it, by a process that works
    /// for `deadline` on `threads` threads. An archive has a picture on each of them, and one video beside.
    pub fn for_one(
        purpose: Purpose,
        bytes: u64,
        limits: &MediaLimits,
        deadline: Duration,
        threads: usize,
    ) -> Self {
        let threads = u32::try_from(threads.max(1)).unwrap_or(u32::MAX);
        let cpu_time_max = deadline.saturating_mul(threads);
        let pictures = Self::for_pictures(limits, deadline, 1, 1);
        let frames = u64::from(limits.video.frame_pixels_max)
            .saturating_mul(FRAMES_IN_MEMORY * MEMORY_BYTES_PER_FRAME_PIXEL);
        let video = MODELS_MEMORY_BYTES
            .saturating_add(CODECS_MEMORY_BYTES)
            .saturating_add(frames);
        let grown = |bytes: u64| {
            bytes
                .saturating_mul(VIDEO_GROWTH_MAX)
                .saturating_add(RESULT_BYTES_BESIDE_PIXELS)
        };
        match purpose {
            Purpose::Pictures => pictures,
            Purpose::Video => Self {
                memory_bytes_max: video,
                result_bytes_max: grown(bytes),
                cpu_time_max,
            },
            Purpose::Archive => Self {
                memory_bytes_max: pictures
                    .memory_bytes_max
                    .saturating_mul(threads.into())
                    .saturating_add(video),
                result_bytes_max: grown(bytes.max(limits.archive.bytes_max)),
                cpu_time_max,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in SandboxMode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        assert_eq!("Require".parse::<SandboxMode>(), Err(UnknownSandboxMode));
    }

    #[test]
    fn layers_say_what_holds_and_what_is_missing() {
        let nothing = Layers::default();
        assert_eq!(nothing.to_string(), "none");
        assert_eq!(
            nothing.missing(),
            ["resource limits", "no-new-privileges", "landlock", "seccomp"]
        );
        let old_kernel = Layers {
            rlimits: true,
            no_new_privs: true,
            landlock: Landlock::Partial { abi: 1 },
            seccomp: true,
        };
        assert_eq!(old_kernel.missing(), [""; 0]);
        assert_eq!(
            old_kernel.to_string(),
            "resource limits, no-new-privileges, landlock (ABI 1, in part), seccomp"
        );
    }

    #[test]
    fn layers_that_a_child_does_not_name_are_missing() {
        let layers: Layers =
            serde_json::from_str(r#"{"seccomp":true,"landlock":{"full":{"abi":7}}}"#).unwrap();
        assert_eq!(layers.missing(), ["resource limits", "no-new-privileges"]);
        assert_eq!(layers.landlock, Landlock::Full { abi: 7 });
    }

    #[test]
    fn bounds_grow_with_the_limits_and_never_overflow() {
        let deadline = Duration::from_secs(10);
        let small = MediaLimits {
            picture_bytes_max: 1 << 20,
            picture_pixels_max: 1_000_000,
            frames_pixels_max: 1_000_000,
            ..MediaLimits::default()
        };
        let bounds = Bounds::for_pictures(&small, deadline, 2, 9);
        assert_eq!(bounds.memory_bytes_max, (1 << 30) + (2 << 20) + 24_000_000);
        assert_eq!(bounds.result_bytes_max, (64 << 20) + 8_000_000);
        assert_eq!(bounds.cpu_time_max, Duration::from_secs(200));
        let endless = MediaLimits {
            picture_bytes_max: u64::MAX,
            picture_pixels_max: u64::MAX,
            ..MediaLimits::default()
        };
        let bounds = Bounds::for_pictures(&endless, Duration::MAX, usize::MAX, u32::MAX);
        assert_eq!(
            (bounds.memory_bytes_max, bounds.result_bytes_max),
            (u64::MAX, u64::MAX)
        );
    }
}

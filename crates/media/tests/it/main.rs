//! The media crate with the real models, and its executable through the real pool.
#![deny(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod archive_broken;
mod archive_hostile;
mod archive_limits;
mod archive_models;
mod archive_support;
mod frames;
mod given;
mod given_video;
mod hostile;
mod hostile_corpus;
mod jail;
mod jail_pool;
mod jail_probes;
mod jpeg_faces;
#[expect(dead_code, reason = "the rest of it is for the unit tests beside the code")]
mod jpeg_reader;
mod masks;
mod metadata;
mod pictures;
mod plant;
mod plates;
mod pool;
mod privacy;
mod privacy_formats;
mod process;
mod scene;
mod support;
mod video;
mod video_hostile;
mod video_leaks;
mod video_segments;
mod video_segments_support;
mod video_support;
mod video_tracks;
mod worker;

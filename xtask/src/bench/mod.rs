//! `cargo xtask bench`: what the product costs, beside a tool that does the same.

mod cluster;
mod console;
mod deface;
mod images;
mod measure;
mod pages;
mod pictures;
mod quality;
mod show;
mod subject;
mod video;
mod webhooks;

pub(crate) use cluster::Options as ClusterOptions;
pub(crate) use console::Options as ConsoleOptions;
pub(crate) use images::Options as ImageOptions;
pub(crate) use video::Options as VideoOptions;
pub(crate) use webhooks::Options as WebhookOptions;

/// What is measured.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Benchmark {
    /// Jobs accepted, claimed and finished, webhooks delivered and pictures worked on a second by several processes.
    Cluster(ClusterOptions),
    /// How long the questions of the Manager's pages take with many jobs in the database.
    Console(ConsoleOptions),
    /// CPU time a picture, stage by stage, pictures a second and memory, beside those of `deface`.
    Images(ImageOptions),
    /// CPU time a frame, frames a second and memory of videos, beside those of `deface`; and whether anything leaks.
    Video(VideoOptions),
    /// Status changes accepted and delivered a second, how late they arrive, CPU time and memory.
    Webhooks(WebhookOptions),
}

/// Measures.
///
/// # Errors
/// Something cannot be fetched, built, run, or read.
pub(crate) fn run(benchmark: &Benchmark) -> anyhow::Result<()> {
    match benchmark {
        Benchmark::Cluster(options) => cluster::run(options),
        Benchmark::Console(options) => console::run(options),
        Benchmark::Images(options) => images::run(options),
        Benchmark::Video(options) => video::run(options),
        Benchmark::Webhooks(options) => webhooks::run(options),
    }
}

//! The media crate with the real models, and its executable through the real pool.

mod hostile;
mod metadata;
mod pictures;
mod plates;
mod pool;
mod process;
mod scene;
mod support;

//! Pixels in, detections out: face and licence plate detectors on ONNX Runtime.
//!
//! [`DetectorSet::load`] reads the models and ONNX Runtime from the assets folder, and models of packs; after that nothing
//! in here opens a file or a connection. [`DetectorSet::detect`] looks at one picture as a [`DetectionPlan`] says: which
//! models, at which sizes, above which confidence. [`pack`] lists and verifies models.
#![forbid(unsafe_code)]

mod calibration;
mod candidate;
mod catalogue;
mod centerface;
mod clock;
mod error;
mod family;
#[cfg(test)]
mod golden;
mod graph;
mod image;
mod merge;
mod nms;
pub mod pack;
mod plan;
mod plate;
mod session;
mod set;
mod tensor;
mod tile;
mod yunet;

pub use clock::Stopwatch;
pub use error::DetectError;
pub use family::Family;
pub use graph::GraphError;
pub use image::ImageView;
pub use pack::{ModelPack, PackError};
pub use plan::{DetectionPlan, Pass};
pub use set::{DetectorSet, Found, Sighting, Wanted};
pub use tile::{Rect, Tile};

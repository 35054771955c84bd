//! Pixels in, detections out: face and licence plate detectors on ONNX Runtime.
//!
//! [`DetectorSet::load`] reads the models and ONNX Runtime from the assets folder; after that nothing in here opens a file
//! or a connection. [`DetectorSet::detect`] looks at one picture as a [`DetectionPlan`] says: which models, at which
//! sizes, above which confidence.
#![forbid(unsafe_code)]

mod candidate;
mod centerface;
mod error;
#[cfg(test)]
mod golden;
mod graph;
mod image;
mod model;
mod nms;
mod plan;
mod plate;
mod session;
mod set;
mod tensor;
mod yunet;

pub use error::DetectError;
pub use graph::GraphError;
pub use image::ImageView;
pub use model::Model;
pub use plan::{DetectionPlan, Pass};
pub use set::{DetectorSet, Wanted};

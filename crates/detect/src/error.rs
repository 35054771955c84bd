//! What can go wrong between pixels and detections.

use std::io;
use std::path::PathBuf;

use crate::graph::GraphError;
use crate::model::Model;

/// Why the detectors could not be loaded or could not look at a picture; fits "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// A model is not where the assets should be.
    #[error("read {path}; run `cargo xtask setup`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why it could not be read.
        #[source]
        source: io::Error,
    },
    /// ONNX Runtime is missing or is none.
    #[error("load ONNX Runtime from {path}; run `cargo xtask setup`")]
    Library {
        /// The shared library.
        path: PathBuf,
        /// Why it could not be loaded.
        #[source]
        source: ort::LoadDynamicError,
    },
    /// ONNX Runtime did not start.
    #[error("start ONNX Runtime")]
    Runtime(#[source] ort::Error),
    /// A model's file is not the graph that it should be.
    #[error("prepare the graph of {model}")]
    Graph {
        /// The model.
        model: Model,
        /// What is wrong with it.
        #[source]
        source: GraphError,
    },
    /// ONNX Runtime refused a model.
    #[error("load the model {model}")]
    Session {
        /// The model.
        model: Model,
        /// What ONNX Runtime says.
        #[source]
        source: ort::Error,
    },
    /// Inference failed.
    #[error("run the model {model}")]
    Inference {
        /// The model.
        model: Model,
        /// What ONNX Runtime says.
        #[source]
        source: ort::Error,
    },
    /// A model lacks an output or gives one of another size than its input implies.
    #[error("read output {output} of the model {model}")]
    Output {
        /// The model.
        model: Model,
        /// The name of the output.
        output: &'static str,
    },
    /// The samples of a picture do not fit its size.
    #[error("read a picture of {width}x{height} pixels from {samples} samples")]
    ImageSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Samples that were given; three a pixel are needed.
        samples: usize,
    },
    /// A picture could not be scaled.
    #[error("scale a picture of {width}x{height} pixels")]
    Scale {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Why not.
        #[source]
        source: fast_image_resize::ResizeError,
    },
}

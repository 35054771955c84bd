//! What can go wrong between pixels and detections.

use std::path::PathBuf;

use crate::graph::GraphError;
use crate::pack::PackError;

/// Why the detectors could not be loaded or could not look at a picture; fits "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// A model that comes with Sfumato is not where the assets should be, or is another one.
    #[error("use the built-in models; run `cargo xtask setup`")]
    Builtin(#[source] PackError),
    /// A model pack cannot be used.
    #[error("use a model pack")]
    Pack(#[source] PackError),
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
        model: String,
        /// What is wrong with it.
        #[source]
        source: GraphError,
    },
    /// ONNX Runtime refused a model.
    #[error("load the model {model}")]
    Session {
        /// The model.
        model: String,
        /// What ONNX Runtime says.
        #[source]
        source: ort::Error,
    },
    /// Inference failed.
    #[error("run the model {model}")]
    Inference {
        /// The model.
        model: String,
        /// What ONNX Runtime says.
        #[source]
        source: ort::Error,
    },
    /// A model lacks an output or gives one of another size than its input implies.
    #[error("read output {output} of the model {model}")]
    Output {
        /// The model.
        model: String,
        /// The name of the output.
        output: &'static str,
    },
    /// A plan names a model that is not loaded: it was made for another set of detectors.
    #[error("find the model {model}, which the plan names")]
    UnknownModel {
        /// The model.
        model: String,
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

//! ONNX Runtime, and a model in it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::ep;
use ort::session::Session;
use ort::value::TensorRef;

use crate::calibration::Calibration;
use crate::candidate::Candidate;
use crate::error::DetectError;
use crate::family::{Encoding, Family, WrongOutput};
use crate::graph::{self, ComputedResize};
use crate::nms;
use crate::pack::manifest::ModelEntry;
use crate::tensor::Tensor;

/// The shared library of ONNX Runtime in the assets folder.
const LIBRARY: &str = "lib/libonnxruntime.so";

/// Starts ONNX Runtime from the assets folder; once a process, whichever folder comes first.
pub(crate) fn runtime(assets: &Path) -> Result<Environment, DetectError> {
    static RUNTIME: Mutex<Option<Environment>> = Mutex::new(None);
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*runtime {
        return Ok(environment.clone());
    }
    // The absolute path, because the crate looks for relative ones beside the executable first.
    let path = std::path::absolute(assets.join(LIBRARY)).unwrap_or_else(|_| assets.join(LIBRARY));
    let environment = ort::init_from(&path)
        .map_err(|source| DetectError::Library { path, source })?
        .with_name("sfumato")
        .with_telemetry(false)
        .build()
        .map_err(DetectError::Runtime)?;
    Ok(runtime.insert(environment).clone())
}

/// A model that is ready to run.
#[derive(Debug)]
pub(crate) struct Network {
    name: String,
    family: Family,
    encoding: Encoding,
    calibration: Calibration,
    session: Session,
}

impl Network {
    /// Prepares a model for `threads` threads that may compute at the same time.
    pub(crate) fn load(
        runtime: &Environment,
        entry: &ModelEntry,
        file: &[u8],
        threads: usize,
    ) -> Result<Self, DetectError> {
        let model = entry.name.as_str();
        let resize = if entry.resize_doubles {
            ComputedResize::Doubles
        } else {
            ComputedResize::Unknown
        };
        let cleaned = graph::clean(file, resize).map_err(|source| DetectError::Graph {
            model: model.to_owned(),
            source,
        })?;
        let session = commit(runtime, &cleaned, threads).map_err(|source| DetectError::Session {
            model: model.to_owned(),
            source,
        })?;
        Ok(Self {
            name: model.to_owned(),
            family: entry.family,
            encoding: entry.encoding(),
            calibration: entry.calibration(),
            session,
        })
    }

    /// How it wants its samples.
    pub(crate) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The boxes that the model proposes with a confidence of at least `threshold`, in pixels of the input, and the most
    /// confident one of those that overlap.
    pub(crate) fn look(&mut self, tensor: &Tensor, threshold: f32) -> Result<Vec<Candidate>, DetectError> {
        // Rounding must not lose a box that lies on the threshold.
        let score = self.calibration.score(threshold) - 1e-4;
        let model = self.name.clone();
        let failed = |source| DetectError::Inference {
            model: model.clone(),
            source,
        };
        let shape = [1, 3, tensor.height, tensor.width];
        let input = TensorRef::from_array_view((shape, tensor.samples.as_slice())).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        let output = |name: &str| {
            let (_shape, numbers) = outputs.get(name)?.try_extract_tensor().ok()?;
            Some(numbers)
        };
        let mut candidates = self
            .family
            .candidates((tensor.width, tensor.height), score, output)
            .map_err(|WrongOutput(output)| DetectError::Output { model, output })?;
        for candidate in &mut candidates {
            candidate.confidence = self.calibration.confidence(candidate.confidence);
        }
        candidates.retain(|candidate| candidate.confidence >= threshold);
        let key = |candidate: &Candidate| (candidate.bbox, candidate.confidence);
        Ok(nms::suppress(candidates, self.family.iou_max(), key))
    }
}

pub(crate) fn commit(runtime: &Environment, model: &[u8], threads: usize) -> Result<Session, ort::Error> {
    let mut builder = Session::builder(runtime)?
        .with_intra_threads(threads.max(1))?
        // Threads that wait for work give the processor back: other jobs run beside this one.
        .with_intra_op_spinning(false)?
        // A pattern would be kept for every size of picture that was ever seen.
        .with_memory_pattern(false)?
        // Every model would have an arena of its own, which grows by powers of two and is idle while the others run: 70 MB
        // more at the peak of a balanced look by itself. Without one the allocator of the process has to keep its pages, or
        // else they are asked for anew at each run, which costs up to a fifth of the processor time. `sfumato-media` sees to
        // that.
        .with_execution_providers([ep::CPU::default().with_arena_allocator(false).build()])?;
    builder.commit_from_memory(model)
}

//! ONNX Runtime, and a model in it.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::{Session, SessionOutputs};
use ort::value::TensorRef;

use crate::candidate::Candidate;
use crate::error::DetectError;
use crate::graph;
use crate::model::Model;
use crate::tensor::Tensor;
use crate::{centerface, plate, yunet};

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
    model: Model,
    session: Session,
}

impl Network {
    /// Loads a model from the assets folder. `threads` may compute at the same time.
    pub(crate) fn load(
        runtime: &Environment,
        model: Model,
        assets: &Path,
        threads: usize,
    ) -> Result<Self, DetectError> {
        let path = assets.join("models").join(model.file_name());
        let bytes = std::fs::read(&path).map_err(|source| DetectError::Read { path, source })?;
        let cleaned = graph::clean(&bytes).map_err(|source| DetectError::Graph { model, source })?;
        let session =
            commit(runtime, &cleaned, threads).map_err(|source| DetectError::Session { model, source })?;
        Ok(Self { model, session })
    }

    /// Runs the model.
    pub(crate) fn run(&mut self, tensor: &Tensor) -> Result<Outputs<'_>, DetectError> {
        let model = self.model;
        let failed = |source| DetectError::Inference { model, source };
        let shape = [1, 3, tensor.height, tensor.width];
        let input = TensorRef::from_array_view((shape, tensor.samples.as_slice())).map_err(failed)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(failed)?;
        Ok(Outputs { model, outputs })
    }

    /// The boxes that the model proposes with a confidence of at least `threshold`, in pixels of the input.
    pub(crate) fn candidates(
        &mut self,
        tensor: &Tensor,
        threshold: f32,
    ) -> Result<Vec<Candidate>, DetectError> {
        let outputs = self.run(tensor)?;
        let (width, height) = (tensor.width, tensor.height);
        match outputs.model {
            Model::YuNet => outputs.yunet(width, height, threshold),
            Model::CenterFace => outputs.centerface(width, height, threshold),
            Model::PlateRetinaNet => outputs.plate(width, height, threshold),
        }
    }
}

pub(crate) fn commit(runtime: &Environment, model: &[u8], threads: usize) -> Result<Session, ort::Error> {
    let mut builder = Session::builder(runtime)?
        .with_intra_threads(threads.max(1))?
        // Threads that wait for work give the processor back: other jobs run beside this one.
        .with_intra_op_spinning(false)?
        // A pattern would be kept for every size of picture that was ever seen.
        .with_memory_pattern(false)?;
    builder.commit_from_memory(model)
}

/// What a model gave for one picture.
#[derive(Debug)]
pub(crate) struct Outputs<'a> {
    model: Model,
    outputs: SessionOutputs<'a>,
}

impl Outputs<'_> {
    /// The numbers of an output, which have to be `count`.
    pub(crate) fn floats(&self, output: &'static str, count: usize) -> Result<&[f32], DetectError> {
        let wrong = DetectError::Output {
            model: self.model,
            output,
        };
        let numbers = self
            .outputs
            .get(output)
            .and_then(|value| value.try_extract_tensor().ok());
        match numbers {
            Some((_shape, numbers)) if numbers.len() == count => Ok(numbers),
            _ => Err(wrong),
        }
    }

    fn yunet(&self, width: usize, height: usize, threshold: f32) -> Result<Vec<Candidate>, DetectError> {
        let names = [
            ["cls_8", "obj_8", "bbox_8"],
            ["cls_16", "obj_16", "bbox_16"],
            ["cls_32", "obj_32", "bbox_32"],
        ];
        let mut candidates = Vec::new();
        for (stride, [class, objectness, boxes]) in yunet::STRIDES.into_iter().zip(names) {
            let columns = width / stride;
            let cells = columns * (height / stride);
            let grid = yunet::Grid {
                stride,
                columns,
                class: self.floats(class, cells)?,
                objectness: self.floats(objectness, cells)?,
                boxes: self.floats(boxes, 4 * cells)?,
            };
            candidates.extend(grid.candidates(threshold));
        }
        Ok(candidates)
    }

    fn centerface(&self, width: usize, height: usize, threshold: f32) -> Result<Vec<Candidate>, DetectError> {
        let columns = width / centerface::STRIDE;
        let cells = columns * (height / centerface::STRIDE);
        let maps = centerface::Maps {
            columns,
            heatmap: self.floats("537", cells)?,
            scale: self.floats("538", 2 * cells)?,
            offset: self.floats("539", 2 * cells)?,
        };
        Ok(maps.candidates(threshold).collect())
    }

    fn plate(&self, width: usize, height: usize, threshold: f32) -> Result<Vec<Candidate>, DetectError> {
        let priors = plate::prior_count(width, height);
        let outputs = plate::Outputs {
            width,
            height,
            location: self.floats("loc", 4 * priors)?,
            confidence: self.floats("conf", 2 * priors)?,
            landmarks: self.floats("landms", 8 * priors)?,
        };
        Ok(outputs.candidates(threshold).collect())
    }
}

//! Makes a model's graph fit for inputs of any size, and quick.
//!
//! The files of the models stay as their authors published them, so that their checksums can be compared; what is wrong for
//! our use is put right in memory while loading:
//!
//! - Weights that are listed as inputs as well could be replaced at every run, so that ONNX Runtime can neither fold nor
//!   repack them. They are taken off the list.
//! - The size that a model was exported with is replaced by a symbolic height and width, and the sizes that were derived
//!   from it are dropped. The networks are fully convolutional.
//! - A `Resize` node of a feature pyramid that takes its size from another layer or from the export becomes one that
//!   doubles. This holds where both sides of the input are multiples of the coarsest stride, which a letterbox sees to,
//!   and only for networks whose layers double: whoever describes the model has to say so, else the node is refused. Its
//!   size would be that of the exported input, and the numbers silently wrong for every other one.
//!
//! Field numbers are those of `onnx.proto3`, <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3>.

mod wire;

use std::collections::HashSet;

use wire::{Field, Value, fields, put_bytes_field, put_varint_field};

/// Why a model's file could not be rewritten; fits "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// It ends within a field.
    #[error("read past the end of the file")]
    Truncated,
    /// It has a number of more than 64 bits.
    #[error("read a number of more than 64 bits")]
    Varint,
    /// It has a kind of field that protobuf does not know or ONNX does not use.
    #[error("read a field of unknown type")]
    WireType,
    /// It is protobuf, but no ONNX model.
    #[error("find the graph")]
    NoGraph,
    /// A node scales a layer to a size, not by constant factors.
    #[error(
        "keep node `{node}` ({operator}) right for pictures of any size: it computes its size or scales; export the model \
         with constant scales, or say `resize_doubles = true` if the node doubles height and width"
    )]
    UnknownResize {
        /// The name of the node.
        node: String,
        /// What it does, `Resize` or `Upsample`.
        operator: String,
    },
}

/// What is known of nodes that scale a layer to a size which is computed or was fixed at export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComputedResize {
    /// They double height and width.
    Doubles,
    /// Nothing.
    Unknown,
}

mod model {
    pub(super) const GRAPH: u64 = 7;
}

mod content {
    pub(super) const NODE: u64 = 1;
    pub(super) const INITIALIZER: u64 = 5;
    pub(super) const INPUT: u64 = 11;
    pub(super) const OUTPUT: u64 = 12;
    pub(super) const VALUE_INFO: u64 = 13;
}

mod node {
    pub(super) const INPUT: u64 = 1;
    pub(super) const OUTPUT: u64 = 2;
    pub(super) const NAME: u64 = 3;
    pub(super) const OP_TYPE: u64 = 4;
}

mod tensor {
    pub(super) const DIMS: u64 = 1;
    pub(super) const DATA_TYPE: u64 = 2;
    pub(super) const NAME: u64 = 8;
    pub(super) const RAW_DATA: u64 = 9;
    /// The data type of 32-bit floats.
    pub(super) const FLOAT: u64 = 1;
}

mod value_info {
    pub(super) const NAME: u64 = 1;
    pub(super) const TYPE: u64 = 2;
    /// Of a type: the tensor among its kinds.
    pub(super) const TENSOR_TYPE: u64 = 1;
    /// Of a tensor type: its shape.
    pub(super) const SHAPE: u64 = 2;
    /// Of a shape: a dimension.
    pub(super) const DIM: u64 = 1;
    /// Of a dimension: its length.
    pub(super) const DIM_VALUE: u64 = 1;
    /// Of a dimension: the name of an unknown length.
    pub(super) const DIM_PARAM: u64 = 2;
}

/// The name of the constant that doubles height and width.
const SCALES: &str = "sfumato_scales_double";

/// Rewrites a serialized ONNX model.
///
/// # Errors
/// [`GraphError`] where the bytes are not an ONNX model, or where a node scales in an unknown way.
pub(crate) fn clean(model: &[u8], resize: ComputedResize) -> Result<Vec<u8>, GraphError> {
    let mut found = false;
    let cleaned = rewrite(model, |field, out| {
        if let (model::GRAPH, Value::Bytes(bytes)) = (field.number, field.value) {
            found = true;
            put_bytes_field(out, field.number, &clean_graph(bytes, resize)?);
        } else {
            out.extend_from_slice(field.raw);
        }
        Ok(())
    })?;
    if found {
        Ok(cleaned)
    } else {
        Err(GraphError::NoGraph)
    }
}

/// Copies a message field by field; `copy` appends what shall stand for a field.
fn rewrite<'a>(
    message: &'a [u8],
    mut copy: impl FnMut(Field<'a>, &mut Vec<u8>) -> Result<(), GraphError>,
) -> Result<Vec<u8>, GraphError> {
    let mut out = Vec::with_capacity(message.len());
    for field in fields(message)? {
        copy(field, &mut out)?;
    }
    Ok(out)
}

/// Copies a message and replaces the fields of the given number, which are messages themselves.
fn rewrite_inner<'a>(
    message: &'a [u8],
    number: u64,
    mut inner: impl FnMut(&'a [u8]) -> Result<Vec<u8>, GraphError>,
) -> Result<Vec<u8>, GraphError> {
    rewrite(message, |field, out| {
        match field.value {
            Value::Bytes(bytes) if field.number == number => put_bytes_field(out, number, &inner(bytes)?),
            _ => out.extend_from_slice(field.raw),
        }
        Ok(())
    })
}

/// The values of a message's fields of the given number that are bytes.
fn bytes_of(message: &[u8], number: u64) -> Result<Vec<&[u8]>, GraphError> {
    let mut found = Vec::new();
    for field in fields(message)? {
        if let (true, Value::Bytes(bytes)) = (field.number == number, field.value) {
            found.push(bytes);
        }
    }
    Ok(found)
}

fn clean_graph(message: &[u8], resize: ComputedResize) -> Result<Vec<u8>, GraphError> {
    let mut weights = HashSet::new();
    for initializer in bytes_of(message, content::INITIALIZER)? {
        weights.extend(bytes_of(initializer, tensor::NAME)?);
    }
    let mut constants = weights.clone();
    for node in bytes_of(message, content::NODE)? {
        if bytes_of(node, node::OP_TYPE)? == [b"Constant".as_slice()] {
            constants.extend(bytes_of(node, node::OUTPUT)?);
        }
    }
    let mut doubles = false;
    let mut out = rewrite(message, |field, out| {
        let Value::Bytes(bytes) = field.value else {
            out.extend_from_slice(field.raw);
            return Ok(());
        };
        match field.number {
            content::NODE => match with_constant_scales(bytes, &constants, resize)? {
                Some(node) => {
                    doubles = true;
                    put_bytes_field(out, content::NODE, &node);
                }
                None => out.extend_from_slice(field.raw),
            },
            content::INPUT => {
                let names = bytes_of(bytes, value_info::NAME)?;
                if !names.iter().any(|name| weights.contains(name)) {
                    put_bytes_field(
                        out,
                        content::INPUT,
                        &with_shape(bytes, |shape| symbolic(shape).map(Some))?,
                    );
                }
            }
            content::OUTPUT => put_bytes_field(out, content::OUTPUT, &with_shape(bytes, |_| Ok(None))?),
            // They tell the sizes of intermediate results, which hold for the exported input only.
            content::VALUE_INFO => {}
            _ => out.extend_from_slice(field.raw),
        }
        Ok(())
    })?;
    if doubles {
        put_bytes_field(&mut out, content::INITIALIZER, &scales());
    }
    Ok(out)
}

/// Copies the description of an input or output; `of_shape` gives the new shape or none.
fn with_shape<'a>(
    message: &'a [u8],
    of_shape: impl Fn(&'a [u8]) -> Result<Option<Vec<u8>>, GraphError>,
) -> Result<Vec<u8>, GraphError> {
    rewrite_inner(message, value_info::TYPE, |kind| {
        rewrite_inner(kind, value_info::TENSOR_TYPE, |tensor| {
            rewrite(tensor, |field, out| {
                match field.value {
                    Value::Bytes(shape) if field.number == value_info::SHAPE => {
                        if let Some(shape) = of_shape(shape)? {
                            put_bytes_field(out, field.number, &shape);
                        }
                    }
                    _ => out.extend_from_slice(field.raw),
                }
                Ok(())
            })
        })
    })
}

/// The shape of a batch of pictures (NCHW) with symbolic height and width. A batch of a fixed size other than 1 becomes
/// symbolic too.
fn symbolic(shape: &[u8]) -> Result<Vec<u8>, GraphError> {
    let mut axis = 0;
    rewrite_inner(shape, value_info::DIM, |dim| {
        let name = match axis {
            0 if !is_one(dim)? => Some("batch"),
            2 => Some("height"),
            3 => Some("width"),
            _ => None,
        };
        axis += 1;
        Ok(match name {
            Some(name) => {
                let mut symbolic = Vec::new();
                put_bytes_field(&mut symbolic, value_info::DIM_PARAM, name.as_bytes());
                symbolic
            }
            None => dim.to_vec(),
        })
    })
}

fn is_one(dim: &[u8]) -> Result<bool, GraphError> {
    let is_one = |field: &Field<'_>| field.number == value_info::DIM_VALUE && field.value == Value::Varint(1);
    Ok(fields(dim)?.iter().any(is_one))
}

/// The node that stands for one that scales to a computed size; none for nodes that are right as they are.
fn with_constant_scales(
    message: &[u8],
    constants: &HashSet<&[u8]>,
    resize: ComputedResize,
) -> Result<Option<Vec<u8>>, GraphError> {
    // Inputs of `Resize` since operator set 11: the tensor, a region of interest, scales, sizes. Scales are empty where
    // sizes are given; here an empty name or an empty constant stands for them.
    const SCALES_INPUT: usize = 2;
    const SIZES_INPUT: usize = 3;
    let operator = bytes_of(message, node::OP_TYPE)?.concat();
    if !matches!(operator.as_slice(), b"Resize" | b"Upsample") {
        return Ok(None);
    }
    let inputs = bytes_of(message, node::INPUT)?;
    let has_sizes = inputs.get(SIZES_INPUT).is_some_and(|sizes| !sizes.is_empty());
    // Before operator set 11 scales are the second and last input; before 9 they are an attribute.
    let scales = inputs.get(SCALES_INPUT).or_else(|| inputs.get(1));
    if !has_sizes && scales.is_none_or(|scales| constants.contains(scales)) {
        return Ok(None);
    }
    if !has_sizes || resize == ComputedResize::Unknown {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        return Err(GraphError::UnknownResize {
            node: text(&bytes_of(message, node::NAME)?.concat()),
            operator: text(&operator),
        });
    }
    let mut index = 0;
    let node = rewrite(message, |field, out| {
        if field.number != node::INPUT {
            out.extend_from_slice(field.raw);
            return Ok(());
        }
        match index {
            SCALES_INPUT => put_bytes_field(out, node::INPUT, SCALES.as_bytes()),
            SIZES_INPUT => {}
            _ => out.extend_from_slice(field.raw),
        }
        index += 1;
        Ok(())
    })?;
    Ok(Some(node))
}

/// The constant for nodes that double height and width and leave the other two axes alone.
fn scales() -> Vec<u8> {
    let factors = [1.0_f32, 1.0, 2.0, 2.0];
    let mut out = Vec::new();
    put_varint_field(&mut out, tensor::DIMS, factors.len() as u64);
    put_varint_field(&mut out, tensor::DATA_TYPE, tensor::FLOAT);
    put_bytes_field(&mut out, tensor::NAME, SCALES.as_bytes());
    put_bytes_field(
        &mut out,
        tensor::RAW_DATA,
        factors.map(f32::to_le_bytes).as_flattened(),
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model of one node with the given inputs, of which `weights` are constants.
    fn model(operator: &str, inputs: &[&str], weights: &[&str]) -> Vec<u8> {
        let mut node = Vec::new();
        for input in inputs {
            put_bytes_field(&mut node, node::INPUT, input.as_bytes());
        }
        put_bytes_field(&mut node, node::NAME, b"up");
        put_bytes_field(&mut node, node::OP_TYPE, operator.as_bytes());
        let mut graph = Vec::new();
        put_bytes_field(&mut graph, content::NODE, &node);
        for weight in weights {
            let mut initializer = Vec::new();
            put_bytes_field(&mut initializer, tensor::NAME, weight.as_bytes());
            put_bytes_field(&mut graph, content::INITIALIZER, &initializer);
        }
        let mut model = Vec::new();
        put_bytes_field(&mut model, model::GRAPH, &graph);
        model
    }

    fn refused(operator: &str) -> Result<Vec<u8>, GraphError> {
        Err(GraphError::UnknownResize {
            node: "up".to_owned(),
            operator: operator.to_owned(),
        })
    }

    #[test]
    fn a_node_that_scales_by_constants_stays_as_it_is() {
        for (operator, inputs) in [
            ("Resize", ["x", "roi", "scales"].as_slice()),
            ("Resize", &["x", "roi", "scales", ""]),
            ("Upsample", &["x", "scales"]),
            ("Conv", &["x", "y", "z", "computed"]),
        ] {
            let model = model(operator, inputs, &["roi", "scales"]);
            assert_eq!(clean(&model, ComputedResize::Unknown), Ok(model));
        }
    }

    #[test]
    fn a_node_that_scales_to_a_size_is_refused_unless_it_is_known_to_double() {
        let model = model("Resize", &["x", "", "", "sizes"], &["sizes"]);
        assert_eq!(clean(&model, ComputedResize::Unknown), refused("Resize"));
        let doubled = clean(&model, ComputedResize::Doubles).unwrap();
        let graph = bytes_of(&doubled, model::GRAPH).unwrap()[0];
        let node = bytes_of(graph, content::NODE).unwrap()[0];
        let inputs: [&[u8]; 3] = [b"x", b"", SCALES.as_bytes()];
        assert_eq!(bytes_of(node, node::INPUT).unwrap(), inputs);
    }

    #[test]
    fn a_node_that_computes_its_scales_is_refused_always() {
        for (operator, inputs) in [
            ("Resize", ["x", "", "computed"].as_slice()),
            ("Upsample", &["x", "computed"]),
        ] {
            let model = model(operator, inputs, &[]);
            assert_eq!(clean(&model, ComputedResize::Doubles), refused(operator));
        }
    }
}

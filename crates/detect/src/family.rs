//! The families of models: how a network of each is fed and how its outputs are read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::candidate::Candidate;
use crate::{centerface, plate, yunet};

/// Networks that are fed and read alike; the weights may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// YuNet (Wu et al., Machine Intelligence Research 2023, libfacedetection): small and quick.
    YuNet,
    /// CenterFace (Xu et al. 2019, arXiv:1911.03599): finds small and covered faces.
    CenterFace,
    /// A RetinaFace (Deng et al. 2019, arXiv:1905.00641) with a MobileNet-0.25 trunk and the four corners of a plate for
    /// landmarks.
    #[serde(rename = "plate-retinanet")]
    PlateRetinaNet,
}

/// How a network wants its samples; all of them are floats from 0 to 255 before a mean is subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// Blue, green, red, less the mean of the pictures that the network was trained on.
    BgrLessMean,
}

impl Encoding {
    /// Which sample of an RGB pixel each plane holds, and what is subtracted from it.
    pub(crate) const fn planes(self) -> [(usize, f32); 3] {
        match self {
            Self::Rgb => [(0, 0.0), (1, 0.0), (2, 0.0)],
            Self::Bgr => [(2, 0.0), (1, 0.0), (0, 0.0)],
            // The mean of ImageNet as the models of Caffe have it.
            Self::BgrLessMean => [(2, 104.0), (1, 117.0), (0, 123.0)],
        }
    }
}

/// An output that a network lacks, or that has another size than its input implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongOutput(pub(crate) &'static str);

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::YuNet, Self::CenterFace, Self::PlateRetinaNet];

    /// The name by which a model pack calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YuNet => "yunet",
            Self::CenterFace => "centerface",
            Self::PlateRetinaNet => "plate-retinanet",
        }
    }

    /// How its networks want their samples, unless a pack says otherwise.
    pub(crate) const fn encoding(self) -> Encoding {
        match self {
            Self::YuNet => Encoding::Bgr,
            Self::CenterFace => Encoding::Rgb,
            Self::PlateRetinaNet => Encoding::BgrLessMean,
        }
    }

    /// Overlap from which two boxes of one look are one thing.
    pub(crate) const fn iou_max(self) -> f32 {
        match self {
            Self::YuNet => yunet::IOU_MAX,
            Self::CenterFace => centerface::IOU_MAX,
            Self::PlateRetinaNet => plate::IOU_MAX,
        }
    }

    /// The pixels of a tile at most: an input of so many takes a network about 100 MB.
    pub(crate) const fn tile_area_max_px(self) -> u64 {
        match self {
            Self::CenterFace => 560_000,
            Self::YuNet | Self::PlateRetinaNet => 1_000_000,
        }
    }

    /// The boxes with a confidence of at least `threshold` that a network proposes for an input of the given size, in
    /// pixels of the input. `output` gives the numbers of an output by its name.
    pub(crate) fn candidates<'a>(
        self,
        (width, height): (usize, usize),
        threshold: f32,
        output: impl Fn(&str) -> Option<&'a [f32]>,
    ) -> Result<Vec<Candidate>, WrongOutput> {
        let floats = |name: &'static str, count: usize| {
            let numbers = output(name).filter(|numbers| numbers.len() == count);
            numbers.ok_or(WrongOutput(name))
        };
        match self {
            Self::YuNet => yunet(width, height, threshold, floats),
            Self::CenterFace => {
                let columns = width / centerface::STRIDE;
                let cells = columns * (height / centerface::STRIDE);
                let maps = centerface::Maps {
                    columns,
                    heatmap: floats("537", cells)?,
                    scale: floats("538", 2 * cells)?,
                    offset: floats("539", 2 * cells)?,
                };
                Ok(maps.candidates(threshold).collect())
            }
            Self::PlateRetinaNet => {
                let priors = plate::prior_count(width, height);
                let outputs = plate::Outputs {
                    width,
                    height,
                    location: floats("loc", 4 * priors)?,
                    confidence: floats("conf", 2 * priors)?,
                    landmarks: floats("landms", 8 * priors)?,
                };
                Ok(outputs.candidates(threshold).collect())
            }
        }
    }
}

fn yunet<'a>(
    width: usize,
    height: usize,
    threshold: f32,
    floats: impl Fn(&'static str, usize) -> Result<&'a [f32], WrongOutput>,
) -> Result<Vec<Candidate>, WrongOutput> {
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
            class: floats(class, cells)?,
            objectness: floats(objectness, cells)?,
            boxes: floats(boxes, 4 * cells)?,
        };
        candidates.extend(grid.candidates(threshold));
    }
    Ok(candidates)
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_written_by_its_name() {
        for family in Family::ALL {
            assert_eq!(serde_json::to_value(family).unwrap(), family.name());
        }
    }

    #[test]
    fn an_output_that_is_missing_or_of_another_size_is_named() {
        let candidates = |count: usize, name: &'static str| {
            let numbers: &[f32] = &[0.0; 1024][..count];
            Family::CenterFace.candidates((32, 64), 0.5, move |output| (output == name).then_some(numbers))
        };
        assert_eq!(candidates(128, "536"), Err(WrongOutput("537")));
        assert_eq!(candidates(127, "537"), Err(WrongOutput("537")));
        assert_eq!(candidates(128, "537"), Err(WrongOutput("538")));
    }
}

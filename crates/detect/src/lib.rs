//! Pixels in, detections out: face and licence plate detectors on ONNX Runtime.
#![forbid(unsafe_code)]

//! The detectors with the real models.

mod astronaut;
mod support;

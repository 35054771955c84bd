//! The detectors with the real models.
#![forbid(unsafe_code)]

mod astronaut;
mod packs;
mod support;

//! The product from outside: built binaries, real pictures, real sockets, real kills.
#![forbid(unsafe_code)]

mod backup;
mod chaos;
mod clock;
mod disk;
mod extensions;
mod failpoints;
mod formats;
mod full_run;
mod isolation;
mod kills;
mod memory;
mod moving;
mod render;
mod restart;
mod s3;
mod soak;
mod traces;
mod video;

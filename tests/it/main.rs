//! The product from outside: built binaries, real pictures, real sockets, real kills.
#![forbid(unsafe_code)]

mod chaos;
mod extensions;
mod formats;
mod full_run;
mod isolation;
mod kills;
mod memory;
mod moving;
mod render;
mod restart;
mod s3;
mod video;

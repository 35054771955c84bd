//! A pool of warm children.
/// The pool.
#[derive(Debug)]
pub struct MediaPool;

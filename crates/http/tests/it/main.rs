//! The API through a real listening server.

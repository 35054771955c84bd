//! The API through a real listening server, with the real engine, database and storage.

mod openapi;

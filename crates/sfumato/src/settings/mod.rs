//! Settings: built-in defaults, then a TOML file, then `SFUMATO_…` variables, then flags. The later one wins, and each
//! value remembers where it came from.
//!
//! Deliberately absent: secrets, but for the password in the address of a database, which is never shown. What must stay
//! secret is made by the server and lies in the data folder, or comes from a file that a setting names or a variable of its
//! own (`storage.rs`).

mod errors;
mod file;
#[cfg(test)]
mod hostile;
mod openid;
mod options;
mod print;
mod rules;
mod shared;
mod sources;
mod storage;
mod telemetry;
mod units;
mod values;

pub(crate) use errors::{Origin, SettingsError};
#[cfg(test)]
pub(crate) use options::OPTIONS;
pub(crate) use options::Settings;
pub(crate) use print::{example, json, lines, text};
pub(crate) use shared::{DatabaseUrl, Role};
pub(crate) use sources::{
    FlagValue, Loaded, SECRETS_KEYS_VARIABLE, STORAGE_KEYS_VARIABLE, Sources, variables_of_process,
};
pub(crate) use storage::{StorageLocation, StoreEncryption};
pub(crate) use units::{ByteSize, read_bytes, read_duration};
pub(crate) use values::{Count, Folders, LogFormat, SettingValue, cores};

//! The operations of the API, one a file.

pub(crate) mod anonymization_cancel;
pub(crate) mod anonymization_create;
mod anonymization_form;
pub(crate) mod anonymization_status;
mod endpoint_body;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod result;
pub(crate) mod token;
mod token_body;
pub(crate) mod webhook_create;
pub(crate) mod webhook_delete;
pub(crate) mod webhook_list;
pub(crate) mod webhook_signing_secret;
pub(crate) mod webhook_test;
pub(crate) mod webhook_update;

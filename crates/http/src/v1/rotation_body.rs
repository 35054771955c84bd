//! What rotations take.

use std::time::Duration;

use serde::Deserialize;
use sfumato_core::rotation::{OVERLAP_DEFAULT, OVERLAP_MAX};
use utoipa::ToSchema;

use crate::problem::Problem;

/// How long the value before goes on counting. No body at all means the default.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"overlapSeconds": 86400}))]
pub(crate) struct Rotation {
    /// 0 to 604800 (7 days); 86400 (a day) where it is absent. 0 replaces every older value at once: for one that has leaked.
    overlap_seconds: Option<i64>,
}

impl Rotation {
    /// The overlap that is asked for.
    pub(super) fn overlap(&self) -> Result<Duration, Problem> {
        let Some(seconds) = self.overlap_seconds else {
            return Ok(OVERLAP_DEFAULT);
        };
        u64::try_from(seconds)
            .ok()
            .map(Duration::from_secs)
            .filter(|overlap| *overlap <= OVERLAP_MAX)
            .ok_or_else(|| {
                let max = OVERLAP_MAX.as_secs();
                Problem::bad_request(format!("overlapSeconds: must be a whole number from 0 to {max}"))
            })
    }
}

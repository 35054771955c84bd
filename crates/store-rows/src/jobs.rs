//! Jobs, their states and results.

use sfumato_core::StoreError;
use sfumato_core::job::{
    DetectionSource, FencingToken, GivenBlob, Job, JobResult, JobState, Lease, Priority, Progress, Revision,
    Upload,
};

use crate::reader::Reader;
use crate::row::Row;

/// A job.
///
/// # Errors
/// A column breaks a rule.
pub fn job<R: Row>(row: &Reader<R>) -> Result<Job, StoreError> {
    let options: String = row.get("options")?;
    let claims = FencingToken(row.number("claims")?);
    Ok(Job {
        id: row.job_id("id")?,
        client: row.client_id("client")?,
        created_at: row.time("created_at")?,
        upload: Upload {
            id: row.upload_id("upload")?,
            format: row.parse("upload_format")?,
            bytes: row.number("upload_bytes")?,
            sha256: row.get("upload_sha256")?,
            file_name: row.get("file_name")?,
        },
        original_kept: !row.get::<bool>("upload_retired")?,
        revises: revises(row)?,
        options: serde_json::from_str(&options).map_err(|error| row.corrupt("options", error))?,
        priority: Priority::from_rank(row.get("priority")?)
            .map_err(|error| row.corrupt("priority", error))?,
        source: source(row)?,
        attempts: row.number("attempts")?,
        claims,
        started_at: row.optional_time("started_at")?,
        state: job_state(row, claims)?,
    })
}

fn revises<R: Row>(row: &Reader<R>) -> Result<Option<Revision>, StoreError> {
    if row.optional_id("revises")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Revision {
        root: row.job_id("revises")?,
        number: row.number("revision")?,
    }))
}

fn source<R: Row>(row: &Reader<R>) -> Result<DetectionSource, StoreError> {
    Ok(match row.get::<Option<[u8; 32]>>("given_sha256")? {
        Some(sha256) => DetectionSource::Given(GivenBlob {
            bytes: row.number("given_bytes")?,
            sha256,
        }),
        None => DetectionSource::Detected,
    })
}

fn job_state<R: Row>(row: &Reader<R>, claims: FencingToken) -> Result<JobState, StoreError> {
    let state: String = row.get("state")?;
    Ok(match state.as_str() {
        "queued" => JobState::Queued {
            available_at: row.time("available_at")?,
        },
        "running" => JobState::Running {
            lease: Lease {
                worker: row.worker_id("worker")?,
                token: claims,
            },
            lease_expires_at: row.time("lease_expires_at")?,
            progress: Progress {
                done: row.get::<f64>("progress")? as f32,
                expected_end: row.optional_time("expected_end_at")?,
                advanced: false,
            },
        },
        "succeeded" => JobState::Succeeded {
            finished_at: row.time("finished_at")?,
            result: result(row)?,
        },
        "failed" => JobState::Failed {
            finished_at: row.time("finished_at")?,
            error: row.get("error")?,
        },
        "cancelled" => JobState::Cancelled {
            finished_at: row.time("finished_at")?,
        },
        "expired" => JobState::Expired {
            finished_at: row.time("finished_at")?,
            result: result(row)?,
            expired_at: row.time("expired_at")?,
        },
        other => return Err(row.corrupt("state", other)),
    })
}

fn result<R: Row>(row: &Reader<R>) -> Result<JobResult, StoreError> {
    let warnings: String = row.get("warnings")?;
    let document = match row.get::<Option<[u8; 32]>>("document_sha256")? {
        Some(sha256) => Some((row.number("document_bytes")?, sha256)),
        None => None,
    };
    Ok(JobResult {
        id: row.result_id("result")?,
        format: row.parse("result_format")?,
        bytes: row.number("result_bytes")?,
        sha256: row.get("result_sha256")?,
        document,
        faces: row.number("faces")?,
        plates: row.number("plates")?,
        warnings: serde_json::from_str(&warnings).map_err(|error| row.corrupt("warnings", error))?,
    })
}

//! What came of a job, as blobs.

use std::io::Cursor;

use futures::future::try_join;
use sfumato_core::ResultId;
use sfumato_core::job::{DetectionSource, Job, JobResult};
use sfumato_media_client::Finished;
use sfumato_media_client::protocol::Document;

use super::writes::Writes;
use crate::Engine;
use crate::blobs::{BlobError, ResultPart};

impl Engine {
    /// Writes the blobs of a result under a fresh name.
    pub(super) async fn store_result(
        &self,
        job: &Job,
        finished: Finished,
        writes: &Writes,
    ) -> Result<JobResult, BlobError> {
        let inner = self.inner();
        let Finished {
            report,
            output,
            document,
        } = finished;
        let id = ResultId::new(&*inner.clock, &*inner.entropy);
        writes.begin_result(id);
        let blobs = &writes.blobs;
        let media = blobs.put_result(id, ResultPart::Media, tokio::fs::File::from_std(output));
        let document = async {
            let part = ResultPart::Document;
            match (&report.document, document) {
                (_, Some(file)) => {
                    let written = blobs
                        .put_result(id, part, tokio::fs::File::from_std(file))
                        .await?;
                    Ok(Some(written))
                }
                (Document::Picture(document), None) => {
                    let text = serde_json::to_vec(document).map_err(|error| BlobError::Unavailable {
                        source: Box::new(error),
                    })?;
                    Ok(Some(blobs.put_result(id, part, Cursor::new(text)).await?))
                }
                // The pool answers with the file or not at all.
                (Document::Written { .. }, None) => Ok(None),
            }
        };
        // Together, so that the disk is waited for once.
        let (media, document) = try_join(media, document).await?;
        Ok(JobResult {
            id,
            format: report.format,
            bytes: media.bytes,
            sha256: media.sha256,
            document: document.map(|written| (written.bytes, written.sha256)),
            faces: report.hidden.faces,
            plates: report.hidden.plates,
            warnings: report
                .warnings
                .into_iter()
                .chain(nothing_wanted(job.options.faces, job.options.plates, &job.source).map(str::to_owned))
                .collect(),
        })
    }

    /// Deletes a result that its job does not refer to, and says whether that is so. It does refer to it where an earlier
    /// answer of the database was lost on its way and had been a success.
    pub(super) async fn throw_away(&self, result: ResultId) -> bool {
        let inner = self.inner();
        match inner.store.orphan_results(&[result]).await {
            Ok(orphans) if orphans.is_empty() => return false,
            Ok(_) => {
                if let Err(error) = inner.blobs.delete_result(result).await {
                    tracing::warn!(result.id = %result, error = sfumato_core::chain(&error), "a result without a job is left to the janitor");
                }
            }
            Err(error) => {
                tracing::warn!(result.id = %result, error = sfumato_core::chain(&error), "a result that may be without a job is left to the janitor");
            }
        }
        true
    }
}

/// What is said of a result in which nothing was looked for: it looks like one in which there was nothing to be found.
const fn nothing_wanted(faces: bool, plates: bool, source: &DetectionSource) -> Option<&'static str> {
    match source {
        DetectionSource::Detected if !faces && !plates => {
            Some("nothing is hidden: activation_faces_blur and activation_plates_blur were both false")
        }
        DetectionSource::Detected | DetectionSource::Given(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::job::GivenBlob;

    use super::*;

    #[test]
    fn a_job_that_was_to_hide_nothing_says_so() {
        let said = nothing_wanted(false, false, &DetectionSource::Detected).unwrap();
        assert!(said.contains("activation_faces_blur"), "{said}");
        assert_eq!(nothing_wanted(true, false, &DetectionSource::Detected), None);
        assert_eq!(nothing_wanted(false, true, &DetectionSource::Detected), None);
        let given = DetectionSource::Given(GivenBlob {
            bytes: 2,
            sha256: [0; 32],
        });
        assert_eq!(nothing_wanted(false, false, &given), None);
    }
}

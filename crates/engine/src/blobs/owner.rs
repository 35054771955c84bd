//! Whose the storage is. Blobs that no row of the database knows are deleted as orphans: two installations that share a
//! folder or a prefix by mistake would delete each other's.

use std::io::Cursor;

use object_store::path::Path;
use thiserror::Error;

use super::{BlobError, Blobs, Kind};

/// The blob that says whose the storage is.
const NAME: &str = "installation";

/// Why an installation does not take a storage.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// It is another's.
    #[error(
        "it belongs to another installation: choose another folder or prefix, or, if the files in it are those of this server's database, delete `{NAME}` in it; files that the database does not know are deleted then"
    )]
    Another,
    /// It cannot answer.
    #[error(transparent)]
    Blobs(#[from] BlobError),
}

impl Blobs {
    /// Takes the storage for an installation, all of whose processes name it alike. Says also whether the storage can be
    /// written and read, and whether this server has the key that it was encrypted with.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn claim(&self, installation: &str) -> Result<(), ClaimError> {
        match self.owner().await? {
            // Written again, so that it is encrypted with the key that is used from here on.
            Some(owner) if owner == installation.as_bytes() => match self.write_owner(installation).await {
                // What waits for room is done when there is some; until then uploads are refused and results are given.
                Err(BlobError::Full) => {
                    tracing::error!("the storage is full");
                    Ok(())
                }
                written => Ok(written?),
            },
            Some(_) => Err(ClaimError::Another),
            None => {
                self.write_owner(installation).await?;
                // Not every store can write "only if absent": whoever of two that start together finds the other's name
                // has lost.
                match self.owner().await? {
                    Some(owner) if owner == installation.as_bytes() => Ok(()),
                    _ => Err(ClaimError::Another),
                }
            }
        }
    }

    async fn owner(&self) -> Result<Option<Vec<u8>>, BlobError> {
        match self.read(&Path::from(NAME), None).await {
            Ok(content) => Ok(Some(content.gather().await?)),
            Err(BlobError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn write_owner(&self, installation: &str) -> Result<(), BlobError> {
        let content = Cursor::new(installation.as_bytes().to_vec());
        self.put(Kind::Original, &Path::from(NAME), content).await?;
        Ok(())
    }
}

//! One end of a copy: a database with the storage that belongs to it.

use std::sync::Arc;

use anyhow::{Context, ensure};
use sfumato_core::store::{Installation, RowTarget, Store};
use sfumato_core::{Clock, Entropy, InstallationId};
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::Blobs;
use sfumato_engine::system::{SystemClock, SystemEntropy};

use crate::data_dir::{DataDir, DataDirError, Lock};
use crate::settings::Settings;
use crate::{database, storage};

/// A database that is open, and its data folder, which is empty or absent where the database is on PostgreSQL.
pub(super) struct End<'s> {
    pub(super) settings: &'s Settings,
    pub(super) store: Arc<dyn Store>,
    pub(super) rows: Arc<dyn RowTarget>,
    pub(super) dir: DataDir,
    entropy: Arc<dyn Entropy>,
    clock: Arc<dyn Clock>,
    /// Held until the copy has ended: no server changes a data folder meanwhile.
    _lock: Option<Lock>,
}

impl<'s> End<'s> {
    /// What is copied: it must be there.
    ///
    /// # Errors
    /// It is not, or a server uses it.
    pub(super) async fn source(settings: &'s Settings) -> anyhow::Result<Self> {
        Self::open(settings, || DataDir::open(&settings.data_dir)).await
    }

    /// What is copied to. A data folder is made where it is missing.
    ///
    /// # Errors
    /// It cannot be opened, or a server uses it.
    pub(super) async fn target(settings: &'s Settings) -> anyhow::Result<Self> {
        Self::open(settings, || DataDir::open_or_create(&settings.data_dir)).await
    }

    /// What would be copied to, where it is there.
    ///
    /// # Errors
    /// As [`End::target`].
    pub(super) async fn existing_target(settings: &'s Settings) -> anyhow::Result<Option<Self>> {
        let absent = settings.database_url.is_none() && DataDir::open(&settings.data_dir).is_err();
        if absent {
            return Ok(None);
        }
        Self::target(settings).await.map(Some)
    }

    async fn open(
        settings: &'s Settings,
        dir: impl FnOnce() -> Result<DataDir, DataDirError>,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        if settings.database_url.is_some() {
            let store = Arc::new(database::open_postgres(settings, &clock, &entropy).await?);
            return Ok(Self {
                settings,
                store: store.clone(),
                rows: store,
                dir: DataDir::unopened(&settings.data_dir),
                entropy,
                clock,
                _lock: None,
            });
        }
        let dir = dir()?;
        let lock = dir.lock()?;
        let store = Arc::new(dir.open_sqlite(&clock, &entropy)?);
        Ok(Self {
            settings,
            store: store.clone(),
            rows: store,
            dir,
            entropy,
            clock,
            _lock: Some(lock),
        })
    }

    /// Which installation it is. One in a data folder whose server is older than the word gets its name now.
    ///
    /// # Errors
    /// There is none, or its master key is another one.
    pub(super) async fn installation(&self) -> anyhow::Result<InstallationId> {
        if self.settings.database_url.is_some() {
            let found = self.store.installation().await?;
            let found = found.context("copy the database: there is no installation in it")?;
            return Ok(found.id);
        }
        let keys = Keys::derive(&self.dir.master_key(&*self.entropy)?);
        let proposed = Installation {
            id: InstallationId::new(&*self.clock, &*self.entropy),
            key: keys.check(),
        };
        let found = self.store.claim_for(proposed).await?;
        ensure!(
            found.key == keys.check(),
            "copy the data folder: its master key is not the one that its server was started with"
        );
        Ok(found.id)
    }

    /// Its originals and results.
    ///
    /// # Errors
    /// They cannot be opened, or the settings do not say where they are.
    pub(super) fn blobs(&self) -> anyhow::Result<Blobs> {
        storage::open(self.settings, &self.dir, &self.entropy)
    }

    /// What its storage is called in messages.
    pub(super) fn storage_name(&self) -> String {
        storage::name(self.settings, &self.dir)
    }

    /// What has to be done with the master key before the copy is used.
    pub(super) fn key_is_needed(&self, source: &Self) -> String {
        let key = match (
            &source.settings.master_key_file,
            source.settings.database_url.is_some(),
        ) {
            (Some(path), _) => path.display().to_string(),
            (None, false) => source.dir.master_key_path().display().to_string(),
            (None, true) => "the master key of the installation".to_owned(),
        };
        if self.settings.database_url.is_some() {
            format!("every process with the role `api` needs {key}: copy it, or name it by `master_key_file`")
        } else {
            let place = self.dir.master_key_path();
            format!("a server on the copy needs {key}: copy it to {}", place.display())
        }
    }
}

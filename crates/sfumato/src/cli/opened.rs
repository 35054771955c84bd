//! The database, opened for a command that works beside a running server.

use std::sync::Arc;

use anyhow::Context;
use sfumato_core::{Clock, Entropy, Store};
use sfumato_engine::audit::{self, Deed};
use sfumato_engine::system::{SystemClock, SystemEntropy};

use super::flags::{ConfigFlag, DataFlag, Overrides, load};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{base_url, database, telemetry};

/// The flags that every such command has.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    data: DataFlag,
}

/// What the commands work with.
pub(super) struct Access {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    /// Where browsers reach the server, as far as the settings or the server say, without a slash at the end.
    pub(super) base_url: String,
    pub(super) json: bool,
    pub(super) settings: Settings,
}

impl Access {
    pub(super) async fn open(common: &Common, may_create: bool) -> anyhow::Result<Self> {
        let loaded = load(&common.config, &[&common.data as &dyn Overrides])?;
        telemetry::start_quiet(&loaded);
        let settings = &loaded.settings;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        // A server that runs on the same data folder knows better than the settings of this command where it listens.
        let told = DataDir::unopened(&settings.data_dir).base_url_of_server();
        let base_url = match told {
            Some(told) if settings.public_url.is_none() && settings.database_url.is_none() => told,
            _ => base_url::of(settings, settings.listen),
        };
        let store = database::open_existing(settings, may_create, &clock, &entropy).await?;
        Ok(Self {
            store,
            clock,
            entropy,
            base_url,
            json: common.json,
            settings: loaded.settings,
        })
    }

    /// Writes down what the operator did.
    pub(super) async fn write_down(&self, deed: Deed) -> anyhow::Result<()> {
        audit::write_down(&*self.store, &*self.clock, &*self.entropy, deed)
            .await
            .context("write the audit log")
    }
}

//! `sfumato secrets`: the keys that the secrets in the database are sealed with. Works while servers run, but for the rotation of
//! the master key.

mod master;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;
use sfumato_core::audit::{Action, Actor};
use sfumato_engine::audit::Deed;
use sfumato_engine::vault::{self, Inventory, KeyUse, Vault};

use super::UsageError;
use super::opened::{Access, Common};
use crate::blur::report::counted;
use crate::data_dir::DataDir;
use crate::{instance, output, secrets};

/// Look at the keys that webhook tokens and signing secrets are sealed with, and change them and the master key
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato secrets status --data-dir data
  sfumato secrets rotate --data-dir data
  sfumato secrets prune --data-dir data
  sfumato secrets rotate-master --data-dir data    while no server runs")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say how many secrets are sealed with which key
    #[command(after_help = "\
Examples:
  sfumato secrets status --data-dir data
  sfumato secrets status --config cluster.toml --json

Exit codes: 0 every secret can be opened, 1 a key is missing.")]
    Status {
        #[command(flatten)]
        common: Common,
    },
    /// Seal every secret with the newest key; in a data folder, make that key first
    ///
    /// Servers go on meanwhile: they read the keys again when they meet one that they do not know. What is interrupted goes on
    /// where it was when the command is given again. With `secrets.key_file`, put the new key into its first line yourself, in
    /// the file of every process, before you give this command.
    #[command(after_help = "\
Examples:
  sfumato secrets rotate --data-dir data
  sfumato secrets rotate --config cluster.toml   after a new first line in the
                                                 file of secrets.key_file")]
    Rotate {
        #[command(flatten)]
        common: Common,
    },
    /// Forget the keys in the data folder that nothing is sealed with any more
    ///
    /// Backups from before the last rotation need them: keep a copy for as long as you keep those. The key that is derived from
    /// the master key is none of them: it is idle after the first rotation, and stays.
    #[command(after_help = "\
Example:
  sfumato secrets prune --data-dir data")]
    Prune {
        #[command(flatten)]
        common: Common,
    },
    /// Give the installation another master key, where the present one has leaked
    ///
    /// Stop every process of the installation first; a data folder whose server runs is refused. Access tokens and cursors of
    /// `GET /events` end: clients log in again, with the credentials that they have. Tokens and signing secrets of webhooks
    /// stay the same, as do sessions of the Manager. Either all of it happens or nothing: what is interrupted is finished by
    /// the next start, or by giving the command again.
    ///
    /// A backup from before needs the old key: keep a copy of it for as long as you keep the backup.
    #[command(after_help = "\
Examples:
  sfumato secrets rotate-master --data-dir data
  sfumato secrets rotate-master --config cluster.toml --new-key-file next.key

With `master_key_file` the new key has to be named, and takes the place of the
old one by your hand: `head --bytes 32 /dev/urandom > next.key` makes one.")]
    RotateMaster {
        /// The new key: 32 bytes. Without it one is made
        #[arg(long, value_name = "FILE")]
        new_key_file: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async {
        match &args.command {
            Command::Status { common } => status(&Opened::at(common).await?).await,
            Command::Rotate { common } => rotate(&Opened::at(common).await?).await,
            Command::Prune { common } => prune(&Opened::at(common).await?).await,
            Command::RotateMaster { common, new_key_file } => {
                master::rotate(common, new_key_file.as_ref()).await
            }
        }
    })
}

struct Opened {
    access: Access,
    dir: DataDir,
    vault: Vault,
}

impl Opened {
    async fn at(common: &Common) -> anyhow::Result<Self> {
        let access = Access::open(common, false).await?;
        let dir = DataDir::unopened(&access.settings.data_dir);
        let keys = instance::keys_if_any(&access.settings, &dir)?;
        let vault = secrets::vault(&access.settings, &dir, keys.as_ref())?;
        Ok(Self { access, dir, vault })
    }

    async fn inventory(&self) -> anyhow::Result<Inventory> {
        vault::inventory(&*self.access.store, &self.vault)
            .await
            .context("look at the secrets in the database")
    }
}

async fn status(opened: &Opened) -> anyhow::Result<ExitCode> {
    let inventory = opened.inventory().await?;
    let word = |used: &KeyUse| match used {
        KeyUse { known: false, .. } => "missing",
        KeyUse { key, .. } if *key == inventory.current => "seals",
        KeyUse { secrets: 0, .. } => "idle",
        KeyUse { .. } => "opens",
    };
    if opened.access.json {
        let keys: Vec<_> = inventory
            .keys
            .iter()
            .map(|used| {
                json!({
                    "key": used.key.to_string(),
                    "secrets": used.secrets,
                    "state": word(used),
                })
            })
            .collect();
        output::json(&json!({ "keys": keys }))?;
    } else {
        for used in &inventory.keys {
            output::line(format!(
                "{}  {:<7}  {} secrets",
                used.key,
                word(used),
                used.secrets
            ))?;
        }
    }
    let whole = inventory.keys.iter().all(|used| used.known);
    Ok(if whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn rotate(opened: &Opened) -> anyhow::Result<ExitCode> {
    let Access {
        store,
        entropy,
        settings,
        ..
    } = &opened.access;
    vault::check(&**store, &opened.vault).await?;
    let before = opened.inventory().await?;
    if !before.is_even() {
        output::note("an earlier rotation, or a key that was added, is completed; no further key is made");
    } else if secrets::are_own(settings) {
        let key = secrets::add_key(&opened.dir, &**entropy)?;
        output::note(format!(
            "added the key {key} to {}",
            opened.dir.secrets_key_path().display()
        ));
    }
    let done = vault::reseal(&**store, &opened.vault, &**entropy)
        .await
        .context("seal the secrets again; give the command once more to go on")?;
    let current = opened.vault.keys().current_id();
    let deed = Deed::new(Actor::Operator, Action::SecretsRotated)
        .with("key", current.to_string())
        .with("secrets", done.secrets.to_string());
    opened.access.write_down(deed).await?;
    output::line(format!(
        "{} secrets are sealed with the key {current} now; {} had been before",
        done.secrets, done.left
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn prune(opened: &Opened) -> anyhow::Result<ExitCode> {
    if !secrets::are_own(&opened.access.settings) {
        let refusal = "forget keys: they do not lie in the data folder; take them out of the file of `secrets.key_file` \
                       or the variable SFUMATO_SECRETS_KEYS yourself, where `sfumato secrets status` says that they are idle";
        return Err(UsageError(refusal.into()).into());
    }
    let idle: Vec<_> = opened.inventory().await?.idle().collect();
    let removed = secrets::remove_keys(&opened.dir, &idle)?;
    let verb = if removed == 1 { "is" } else { "are" };
    output::line(format!("{} {verb} forgotten", counted(removed, "key")))?;
    if removed < idle.len() {
        output::note(
            "the last key that `sfumato secrets status` shows comes from the master key and stays, idle or not, for as long as that \
             one does: `sfumato secrets rotate-master` replaces both",
        );
    }
    Ok(ExitCode::SUCCESS)
}

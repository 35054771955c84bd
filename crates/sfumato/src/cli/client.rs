//! `sfumato client`: the clients of the API. Works while a server runs on the same data folder.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::client::{Client, ClientKey, ClientState, Secret};
use sfumato_core::rotation::OVERLAP_MAX;
use sfumato_core::{StoreError, Timestamp};
use sfumato_engine::audit::Deed;
use sfumato_engine::clients::{self, CLIENT_NAME_CHARS_MAX, ClientError};

mod policy;

use self::policy::Wishes;
use super::UsageError;
use super::opened::{Access, Common};
use crate::output;
use crate::settings::read_duration;

/// Manage the clients of the API, also while a server runs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato client create --data-dir data --name 'Acme Ltd'
  sfumato client list --data-dir data
  sfumato client rotate-secret client_Xq0… --data-dir data --overlap 24h")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a client and print its credentials; the secret is shown this once
    #[command(after_help = "\
Examples:
  sfumato client create --data-dir data --name 'Acme Ltd'
  sfumato client create --data-dir data --name demo --json")]
    Create {
        /// What you call it
        #[arg(long)]
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// List all clients, oldest first
    #[command(after_help = "\
Examples:
  sfumato client list --data-dir data
  sfumato client list --data-dir data --json")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Give a client a new secret; the old one goes on working for a while
    #[command(after_help = "\
Examples:
  sfumato client rotate-secret client_Xq0… --data-dir data
  sfumato client rotate-secret client_Xq0… --data-dir data --overlap 0s
                               at once, because others know the old one")]
    RotateSecret {
        /// The clientId
        #[arg(value_name = "CLIENT_ID")]
        client_id: String,
        /// How long the old secret goes on working: 0s to 7d
        #[arg(long, default_value = "24h", value_parser = read_duration, value_name = "DURATION")]
        overlap: Duration,
        #[command(flatten)]
        common: Common,
    },
    /// Set what a client is called, how long its files are kept and how much it may have
    #[command(after_help = "\
Examples:
  sfumato client set client_Xq0… --data-dir data --name 'Acme & Sons'
  sfumato client set client_Xq0… --data-dir data --originals-kept 30d
  sfumato client set client_Xq0… --data-dir data --bytes-stored-max 20GB
  sfumato client set client_Xq0… --data-dir data --jobs-per-day-max none")]
    Set {
        /// The clientId
        #[arg(value_name = "CLIENT_ID")]
        client_id: String,
        #[command(flatten)]
        wishes: Wishes,
        #[command(flatten)]
        common: Common,
    },
    /// Show what is set for a client, and how much of it is used
    #[command(after_help = "\
Example:
  sfumato client show client_Xq0… --data-dir data")]
    Show {
        /// The clientId
        #[arg(value_name = "CLIENT_ID")]
        client_id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Shut a client out: its logins end at once, its jobs and results stay
    #[command(after_help = "\
Example:
  sfumato client disable client_Xq0… --data-dir data")]
    Disable {
        /// The clientId
        #[arg(value_name = "CLIENT_ID")]
        client_id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Let a client in again
    #[command(after_help = "\
Example:
  sfumato client enable client_Xq0… --data-dir data")]
    Enable {
        /// The clientId
        #[arg(value_name = "CLIENT_ID")]
        client_id: String,
        #[command(flatten)]
        common: Common,
    },
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(dispatch(&args.command))?;
    Ok(ExitCode::SUCCESS)
}

async fn dispatch(command: &Command) -> anyhow::Result<()> {
    match command {
        // Judged before a data folder is made for it.
        Command::Create { name, common } => {
            let name = judge_name(name)?;
            create(&Access::open(common, true).await?, name).await
        }
        Command::List { common } => list(&Access::open(common, false).await?).await,
        Command::RotateSecret {
            client_id,
            overlap,
            common,
        } => {
            if *overlap > OVERLAP_MAX {
                return Err(UsageError("use --overlap: it must be from 0s to 7d".into()).into());
            }
            rotate(&Access::open(common, false).await?, client_id, *overlap).await
        }
        Command::Set {
            client_id,
            wishes,
            common,
        } => policy::set(&Access::open(common, false).await?, client_id, wishes).await,
        Command::Show { client_id, common } => {
            policy::show(&Access::open(common, false).await?, client_id).await
        }
        Command::Disable { client_id, common } => {
            set_state(
                &Access::open(common, false).await?,
                client_id,
                ClientState::Disabled,
            )
            .await
        }
        Command::Enable { client_id, common } => {
            set_state(
                &Access::open(common, false).await?,
                client_id,
                ClientState::Active,
            )
            .await
        }
    }
}

fn judge_name(name: &str) -> Result<&str, UsageError> {
    clients::judge_name(name).map_err(|_| {
        UsageError(format!(
            "use the name: it must have 1 to {CLIENT_NAME_CHARS_MAX} printable characters"
        ))
    })
}

async fn create(access: &Access, name: &str) -> anyhow::Result<()> {
    let (client, secret) = clients::create_client(&*access.store, &*access.clock, &*access.entropy, name)
        .await
        .context("create the client")?;
    write_down(access, Action::ClientCreated, &client.key).await?;
    show_credentials(
        access,
        &client.key,
        &secret,
        &format!("Client `{name}` is created."),
    )
}

async fn rotate(access: &Access, client_id: &str, overlap: Duration) -> anyhow::Result<()> {
    let key = ClientKey::new(client_id);
    let until = access.clock.now().after(overlap);
    let secret = clients::rotate_secret(&*access.store, &*access.clock, &*access.entropy, &key, overlap)
        .await
        .map_err(|error| match error {
            ClientError::Store(error) => explain(error, client_id),
            other => other.into(),
        })
        .context("rotate the secret")?;
    write_down(access, Action::ClientSecretRotated, &key).await?;
    let heading = if overlap.is_zero() {
        "The client has a new secret. The old one has stopped working.".into()
    } else {
        format!("The client has a new secret. The old one works until {until}.")
    };
    show_credentials(access, &key, &secret, &heading)
}

fn show_credentials(access: &Access, key: &ClientKey, secret: &Secret, heading: &str) -> anyhow::Result<()> {
    let (client_id, secret_id) = (key.as_str(), secret.expose());
    if access.json {
        let credentials = serde_json::json!({ "clientId": client_id, "secretId": secret_id });
        output::line(credentials.to_string())?;
    } else {
        output::line(format!(
            "{heading}\n\n  clientId  {client_id}\n  secretId  {secret_id}\n\nThe secret is shown this once: only its hash is stored. Keep it now."
        ))?;
    }
    Ok(())
}

async fn list(access: &Access) -> anyhow::Result<()> {
    let clients = access.store.clients().await.context("list the clients")?;
    if access.json {
        let clients: Vec<_> = clients.iter().map(as_json).collect();
        return Ok(output::json(&clients.into())?);
    }
    if clients.is_empty() {
        output::note("there are no clients yet; `sfumato client create` makes one");
    }
    let now = access.clock.now();
    for client in clients {
        output::line(as_line(&client, now))?;
    }
    Ok(())
}

fn as_json(client: &Client) -> serde_json::Value {
    serde_json::json!({
        "clientId": client.key.as_str(),
        "uuid": client.id,
        "name": client.name,
        "state": client.state,
        "createdAt": client.created_at,
        "previousSecretUntil": client.previous_secret.as_ref().map(|(_, until)| *until),
    })
}

fn as_line(client: &Client, now: Timestamp) -> String {
    let state = match client.state {
        ClientState::Active => "active",
        ClientState::Disabled => "disabled",
    };
    let mut line = format!(
        "{}  {state:<8}  {}  {}",
        client.key, client.created_at, client.name
    );
    if let Some((_, until)) = &client.previous_secret
        && now < *until
    {
        line.push_str(&format!("  (the old secret works until {until})"));
    }
    line
}

async fn set_state(access: &Access, client_id: &str, state: ClientState) -> anyhow::Result<()> {
    access
        .store
        .set_client_state(&ClientKey::new(client_id), state)
        .await
        .map_err(|error| explain(error, client_id))
        .context("change the client")?;
    let action = match state {
        ClientState::Active => Action::ClientEnabled,
        ClientState::Disabled => Action::ClientDisabled,
    };
    write_down(access, action, &ClientKey::new(client_id)).await?;
    if access.json {
        output::line(serde_json::json!({ "clientId": client_id, "state": state }).to_string())?;
    } else {
        output::line(match state {
            ClientState::Active => format!("{client_id} may log in."),
            ClientState::Disabled => format!("{client_id} is shut out. Its logins have ended."),
        })?;
    }
    Ok(())
}

/// Writes into the audit log what was done to a client.
async fn write_down(access: &Access, action: Action, key: &ClientKey) -> anyhow::Result<()> {
    let found = access.store.client_by_key(key).await;
    let Some(client) = found.context("find the client")? else {
        return Ok(());
    };
    let deed = Deed::new(Actor::Operator, action)
        .to(Subject::Client(client.id))
        .of(client.id);
    access.write_down(deed).await
}

/// An unknown client is the one error that the operator can mend with the next command.
fn explain(error: StoreError, client_id: &str) -> anyhow::Error {
    match error {
        StoreError::NotFound { .. } => {
            anyhow::anyhow!(
                "find the client: there is no client `{client_id}`; `sfumato client list` shows all"
            )
        }
        other => other.into(),
    }
}

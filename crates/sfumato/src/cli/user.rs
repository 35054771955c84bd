//! `sfumato user`: the people who may sign in to the Manager. Works while a server runs on the same data folder.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use sfumato_core::audit::{Action, Actor, Subject};
use sfumato_core::client::ClientKey;
use sfumato_core::store::UserChange;
use sfumato_core::{Role, StoreError, User, UserName, UserState};
use sfumato_engine::audit::Deed;
use sfumato_engine::passwords::{self, PASSWORD_BYTES_MAX};
use sfumato_engine::people::{self, PeopleError};

use super::UsageError;
use super::opened::{Access, Common};
use crate::output;

/// Manage the people who may sign in to the Manager, also while a server runs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato user create ada@example.com --data-dir data
  sfumato user create bob@example.com --client client_Xq0… --data-dir data
  sfumato user list --data-dir data")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a user and print a link that works once, to choose the password
    #[command(after_help = "\
Examples:
  sfumato user create ada@example.com --data-dir data
                               an administrator
  sfumato user create bob@example.com --client client_Xq0… --data-dir data
                               a member, who sees one client
  sfumato user create ada --data-dir data --password-file - < password.txt")]
    Create {
        /// What the person signs in with
        #[arg(value_name = "NAME")]
        name: String,
        /// Make a member who sees this client and nothing else (a clientId)
        #[arg(long, value_name = "CLIENT_ID")]
        client: Option<String>,
        #[command(flatten)]
        password: PasswordFlag,
        #[command(flatten)]
        common: Common,
    },
    /// List all users by name
    #[command(after_help = "\
Examples:
  sfumato user list --data-dir data
  sfumato user list --data-dir data --json")]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Print a link that works once, to choose another password
    #[command(after_help = "\
Examples:
  sfumato user set-password ada@example.com --data-dir data
  sfumato user set-password ada --data-dir data --password-file password.txt
                               at once; the user's sessions end")]
    SetPassword {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        password: PasswordFlag,
        #[command(flatten)]
        common: Common,
    },
    /// Shut a user out: all sessions end at once
    #[command(after_help = "\
Example:
  sfumato user disable ada@example.com --data-dir data")]
    Disable {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Let a user in again
    #[command(after_help = "\
Example:
  sfumato user enable ada@example.com --data-dir data")]
    Enable {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        common: Common,
    },
    /// Delete a user for good
    #[command(after_help = "\
Example:
  sfumato user delete ada@example.com --data-dir data")]
    Delete {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, clap::Args)]
struct PasswordFlag {
    /// Take the password from the first line of a file, `-` for standard input, instead of printing a link
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordFlag {
    fn read(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.password_file else {
            return Ok(None);
        };
        let password = first_line(path).with_context(|| format!("read {}", path.display()))?;
        Ok(Some(password))
    }
}

fn first_line(path: &Path) -> std::io::Result<String> {
    // One byte more than may be, and the line's end: what is too long is refused as such and not cut.
    let most = PASSWORD_BYTES_MAX as u64 + 3;
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().take(most).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(most).read_to_string(&mut text)?;
    }
    Ok(text.lines().next().unwrap_or_default().to_owned())
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
        Command::Create {
            name,
            client,
            password,
            common,
        } => {
            let access = Access::open(common, true).await?;
            create(&access, name, client.as_deref(), password.read()?).await
        }
        Command::List { common } => list(&Access::open(common, false).await?).await,
        Command::SetPassword {
            name,
            password,
            common,
        } => {
            let access = Access::open(common, false).await?;
            let user = find(&access, name).await?;
            give_password(&access, &user, password.read()?, "has another password").await
        }
        Command::Disable { name, common } => {
            set_state(&Access::open(common, false).await?, name, UserState::Disabled).await
        }
        Command::Enable { name, common } => {
            set_state(&Access::open(common, false).await?, name, UserState::Active).await
        }
        Command::Delete { name, common } => delete(&Access::open(common, false).await?, name).await,
    }
}

async fn create(
    access: &Access,
    name: &str,
    client: Option<&str>,
    password: Option<String>,
) -> anyhow::Result<()> {
    let parsed: UserName = name
        .parse()
        .map_err(|error| UsageError(format!("use the name: it {error}")))?;
    // Before anything is written: a user whose password is refused must not be left behind.
    if let Some(password) = &password {
        passwords::judge(password, parsed.as_str())
            .map_err(|error| UsageError(format!("use the password: it {error}")))?;
    }
    let role = role(access, client).await?;
    let user = people::create_user(&*access.store, &*access.clock, &*access.entropy, name, role)
        .await
        .context("create the user")?;
    note(access, Action::UserCreated, &user).await?;
    give_password(access, &user, password, "is created").await
}

async fn role(access: &Access, client: Option<&str>) -> anyhow::Result<Role> {
    let Some(key) = client else {
        return Ok(Role::Administrator);
    };
    let found = access.store.client_by_key(&ClientKey::new(key)).await;
    match found.context("look for the client")? {
        Some(client) => Ok(Role::Member(client.id)),
        None => Err(UsageError(format!(
            "find the client `{key}`; `sfumato client list` shows all"
        ))
        .into()),
    }
}

/// Sets a password that was given, or prints a link to choose one.
async fn give_password(
    access: &Access,
    user: &User,
    password: Option<String>,
    done: &str,
) -> anyhow::Result<()> {
    let name = &user.name;
    if let Some(password) = password {
        match people::set_password(&*access.store, &*access.entropy, user, &password).await {
            Err(PeopleError::Password(error)) => {
                return Err(UsageError(format!("use the password: it {error}")).into());
            }
            other => other.context("set the password")?,
        }
        note(access, Action::PasswordChanged, user).await?;
        return if access.json {
            print_json(user)
        } else {
            Ok(output::line(format!("User `{name}` {done}."))?)
        };
    }
    let token = people::new_setup_link(&*access.store, &*access.clock, &*access.entropy, Some(user.id))
        .await
        .context("make a link")?;
    note(access, Action::PasswordLinkCreated, user).await?;
    let link = format!("{}/manager/setup/{}", access.base_url, token.expose());
    if access.json {
        let mut json = as_json(user);
        json["setupLink"] = link.into();
        return Ok(output::line(json.to_string())?);
    }
    Ok(output::line(format!(
        "Whoever opens this link chooses the password of `{name}`:\n\n  {link}\n\nIt works once, for 24 hours, and is shown only now."
    ))?)
}

async fn list(access: &Access) -> anyhow::Result<()> {
    let users = access.store.users().await.context("list the users")?;
    if access.json {
        let users: Vec<_> = users.iter().map(as_json).collect();
        return Ok(output::json(&users.into())?);
    }
    if users.is_empty() {
        output::note("there are no users yet; `sfumato user create` makes one");
    }
    let clients = access.store.clients().await.context("list the clients")?;
    for user in users {
        let sees = match user.role {
            Role::Administrator => "administrator".to_owned(),
            Role::Member(id) => clients
                .iter()
                .find(|client| client.id == id)
                .map_or_else(|| id.to_string(), |client| client.key.to_string()),
        };
        let last = user
            .last_sign_in_at
            .map_or_else(|| "never signed in".to_owned(), |at| format!("signed in {at}"));
        output::line(format!("{:<8}  {sees}  {last}  {}", state_word(&user), user.name))?;
    }
    Ok(())
}

/// Writes down in the audit log what was done to a user.
async fn note(access: &Access, action: Action, user: &User) -> anyhow::Result<()> {
    let deed = Deed::new(Actor::Operator, action)
        .to(Subject::User(user.id))
        .with("name", user.name.as_str());
    access.write_down(deed).await
}

/// `invited` where the person has not chosen a password yet.
fn state_word(user: &User) -> &'static str {
    match (user.state, &user.password) {
        (UserState::Active, None) => "invited",
        (state, _) => state.name(),
    }
}

fn as_json(user: &User) -> serde_json::Value {
    let (role, client) = match user.role {
        Role::Administrator => ("administrator", None),
        Role::Member(client) => ("member", Some(client)),
    };
    serde_json::json!({
        "uuid": user.id,
        "name": user.name.as_str(),
        "role": role,
        "client": client,
        "state": state_word(user),
        "createdAt": user.created_at,
        "lastSignInAt": user.last_sign_in_at,
    })
}

fn print_json(user: &User) -> anyhow::Result<()> {
    Ok(output::line(as_json(user).to_string())?)
}

async fn find(access: &Access, name: &str) -> anyhow::Result<User> {
    let unknown = || anyhow::anyhow!("find the user `{name}`; `sfumato user list` shows all");
    let parsed: UserName = name.parse().map_err(|_| unknown())?;
    let found = access.store.user_by_name(&parsed).await;
    found.context("look for the user")?.ok_or_else(unknown)
}

async fn set_state(access: &Access, name: &str, state: UserState) -> anyhow::Result<()> {
    let user = find(access, name).await?;
    let change = UserChange {
        state: Some(state),
        role: None,
    };
    let user = access.store.update_user(user.id, change).await;
    let user = user.context("change the user")?;
    let action = match state {
        UserState::Active => Action::UserEnabled,
        UserState::Disabled => Action::UserDisabled,
    };
    note(access, action, &user).await?;
    if access.json {
        return print_json(&user);
    }
    Ok(output::line(match state {
        UserState::Active => format!("{} may sign in.", user.name),
        UserState::Disabled => format!("{} is shut out. All sessions have ended.", user.name),
    })?)
}

async fn delete(access: &Access, name: &str) -> anyhow::Result<()> {
    let user = find(access, name).await?;
    match access.store.delete_user(user.id).await {
        // Somebody else was faster, and the user is gone all the same.
        Ok(()) | Err(StoreError::NotFound { .. }) => {}
        Err(error) => return Err(anyhow::Error::new(error).context("delete the user")),
    }
    note(access, Action::UserDeleted, &user).await?;
    if access.json {
        return Ok(output::line(
            serde_json::json!({ "name": user.name.as_str(), "deleted": true }).to_string(),
        )?);
    }
    Ok(output::line(format!("{} is deleted.", user.name))?)
}

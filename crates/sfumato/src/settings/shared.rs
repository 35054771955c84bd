//! Values for installations of several processes: what a process does, and which database they share.

use std::fmt;
use std::str::FromStr;

use url::Url;

use super::values::SettingValue;

/// One thing that a process can do for an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Answers the API and shows the Manager.
    Api,
    /// Works on jobs, with media processes.
    Worker,
    /// Sends webhooks, and carries out replays.
    Courier,
    /// Frees what died and deletes what has had its time.
    Janitor,
}

impl Role {
    const ALL: [Self; 4] = [Self::Api, Self::Worker, Self::Courier, Self::Janitor];

    const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Courier => "courier",
            Self::Janitor => "janitor",
        }
    }
}

/// What a process does: at least one thing, in the order of [`Role::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roles(Vec<Role>);

impl Roles {
    /// Whether it does this.
    pub(crate) fn include(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// What it does not do, which another process must.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let missing = Role::ALL.into_iter().filter(|role| !self.include(*role));
        missing.map(Role::name).collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.iter().map(|role| role.name()).collect();
        f.write_str(&names.join(","))
    }
}

impl SettingValue for Roles {
    const EXPECTED: &'static str = "one or more of api, worker, courier and janitor, parted by commas";

    fn from_text(text: &str) -> Option<Self> {
        let named = |name: &str| Role::ALL.into_iter().find(|role| role.name() == name.trim());
        let mut roles = text.split(',').map(named).collect::<Option<Vec<_>>>()?;
        roles.sort_unstable();
        roles.dedup();
        Some(Self(roles))
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string().into()
    }
}

/// The address of a PostgreSQL database. Shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(Url);

impl DatabaseUrl {
    /// The address with its password, for the driver.
    pub(crate) fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Whether there is a password in it.
    pub(crate) fn has_password(&self) -> bool {
        self.0.password().is_some() || self.0.query_pairs().any(|(name, _)| name == "password")
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("must be {}", <Option<Self> as SettingValue>::EXPECTED);
        let url: Url = text.parse().map_err(|_| wrong())?;
        match url.scheme() {
            "postgres" | "postgresql" => Ok(Self(url)),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.0.clone();
        if shown.password().is_some() {
            // Only an address without a host refuses a password, and then it has none.
            let _cannot = shown.set_password(Some("***"));
        }
        if self.0.query_pairs().any(|(name, _)| name == "password") {
            let pairs: Vec<_> = self
                .0
                .query_pairs()
                .filter(|(name, _)| name != "password")
                .collect();
            shown
                .query_pairs_mut()
                .clear()
                .extend_pairs(pairs)
                .append_pair("password", "***");
        }
        shown.fmt(f)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SettingValue for Option<DatabaseUrl> {
    const EXPECTED: &'static str = "an address such as \"postgres://sfumato@db.example.com/sfumato\", or \"\" for SQLite in the data folder";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "" => Some(None),
            _ => text.parse().ok().map(Some),
        }
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref().map(ToString::to_string).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_in_any_order_and_shown_in_one() {
        let roles = Roles::from_text("janitor, api,api").unwrap();
        assert_eq!(roles.to_string(), "api,janitor");
        assert_eq!(roles.missing(), ["worker", "courier"]);
        assert!(roles.include(Role::Api) && !roles.include(Role::Worker));
        for text in ["", "api,", "apis", "api;worker"] {
            assert_eq!(Roles::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for (text, shown) in [
            (
                "postgres://a:s3cret@h:5433/d?sslmode=require",
                "postgres://a:***@h:5433/d?sslmode=require",
            ),
            (
                "postgresql:///d?host=/run&password=s3cret",
                "postgresql:///d?host=%2Frun&password=***",
            ),
            ("postgres://a@h/d", "postgres://a@h/d"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.expose(), text);
            assert_eq!(url.has_password(), text.contains("s3cret"));
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(Some(url).to_toml(), toml::Value::from(shown));
        }
        for text in ["mysql://a/b", "h/d", "sqlite:x"] {
            assert!(text.parse::<DatabaseUrl>().is_err(), "{text}");
        }
    }
}

//! How the settings of the OpenID Connect provider are written.

use std::str::FromStr;

use sfumato_core::ClientKey;
use sfumato_engine::openid::{Grant, Issuer, RoleRule};

use super::values::SettingValue;

/// What stands for administrators in a rule.
const ADMINISTRATOR: &str = "administrator";

/// What the identifier of a client begins with.
const CLIENT_PREFIX: &str = "client_";

impl SettingValue for Option<Issuer> {
    const EXPECTED: &'static str =
        "an https address such as \"https://id.example.com\" (http on this machine only), or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        Issuer::from_str(text).ok().map(Some)
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref().map(ToString::to_string).unwrap_or_default().into()
    }
}

impl SettingValue for String {
    const EXPECTED: &'static str = "a text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.trim().to_owned())
    }

    fn to_toml(&self) -> toml::Value {
        self.clone().into()
    }
}

/// Words parted by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl SettingValue for Words {
    const EXPECTED: &'static str = "words parted by spaces, such as \"profile email\"";

    fn from_text(text: &str) -> Option<Self> {
        Some(Self(text.split_whitespace().map(str::to_owned).collect()))
    }

    fn to_toml(&self) -> toml::Value {
        self.0.join(" ").into()
    }
}

/// What becomes of whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoleRules(pub(crate) Vec<RoleRule>);

impl SettingValue for RoleRules {
    const EXPECTED: &'static str =
        "rules such as \"sfumato-admins=administrator, acme=client_Xq0…\" parted by commas, or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        let rules = text.split(',').map(str::trim).filter(|rule| !rule.is_empty());
        rules.map(rule).collect::<Option<_>>().map(Self)
    }

    fn to_toml(&self) -> toml::Value {
        let rules = self.0.iter().map(|rule| {
            let becomes = match &rule.grant {
                Grant::Administrator => ADMINISTRATOR,
                Grant::Member(client) => client.as_str(),
            };
            format!("{}={becomes}", rule.value)
        });
        rules.collect::<Vec<_>>().join(", ").into()
    }
}

/// The last `=` parts the two: values of claims may have one, identifiers of clients have none.
fn rule(text: &str) -> Option<RoleRule> {
    let (value, becomes) = text.rsplit_once('=')?;
    let (value, becomes) = (value.trim(), becomes.trim());
    let grant = match becomes {
        ADMINISTRATOR => Grant::Administrator,
        client => Grant::Member(client_key(client)?),
    };
    (!value.is_empty()).then(|| RoleRule {
        value: value.to_owned(),
        grant,
    })
}

fn client_key(text: &str) -> Option<ClientKey> {
    let is_key = text
        .strip_prefix(CLIENT_PREFIX)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    is_key.then(|| ClientKey::new(text))
}

/// The client whose members newcomers become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewcomersClient(pub(crate) ClientKey);

impl SettingValue for Option<NewcomersClient> {
    const EXPECTED: &'static str = "the id of a client such as \"client_Xq0…\", or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        client_key(text).map(NewcomersClient).map(Some)
    }

    fn to_toml(&self) -> toml::Value {
        let key = self.as_ref().map(|client| client.0.to_string());
        key.unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_as_they_are_printed() {
        for text in ["", "admins=administrator", "cn=a=administrator, acme=client_Xq0"] {
            let rules = RoleRules::from_text(text).unwrap();
            assert_eq!(rules.to_toml(), toml::Value::from(text));
        }
        for wrong in [
            "admins",
            "=administrator",
            "admins=admin",
            "acme=client_",
            "acme=client_a b",
        ] {
            assert_eq!(RoleRules::from_text(wrong), None, "{wrong}");
        }
        let rules = RoleRules::from_text("cn=a=administrator").unwrap();
        assert_eq!(rules.0[0].value, "cn=a");
    }

    #[test]
    fn the_issuer_and_the_client_of_newcomers_are_checked() {
        assert_eq!(Option::<Issuer>::from_text(""), Some(None));
        assert!(Option::<Issuer>::from_text("https://id.example.com").is_some());
        assert_eq!(Option::<Issuer>::from_text("http://id.example.com"), None);
        assert_eq!(Option::<NewcomersClient>::from_text(""), Some(None));
        assert_eq!(Option::<NewcomersClient>::from_text("acme"), None);
    }
}

//! What a provider says of a person, and what the person becomes here by it.

use serde_json::{Map, Value};
use sfumato_core::{ClientKey, UserName};

/// What a person becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// An administrator.
    Administrator,
    /// A member of the client with this key.
    Member(ClientKey),
}

/// One line of the mapping: whoever's claim has this value becomes this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    /// The value, compared as it is written.
    pub value: String,
    /// What whoever has it becomes.
    pub grant: Grant,
}

/// The claims of a person: those of the ID token, and what the userinfo endpoint adds to them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Both together. What is signed wins.
    pub(super) fn new(signed: Map<String, Value>, further: Map<String, Value>) -> Self {
        let mut claims = further;
        claims.extend(signed);
        Self(claims)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// The e-mail address, where the provider says that it belongs to the person.
    pub(super) fn verified_email(&self) -> Option<UserName> {
        let verified = self.0.get("email_verified").and_then(Value::as_bool);
        self.text("email")
            .filter(|_| verified == Some(true))?
            .parse()
            .ok()
    }

    /// What to call the person here: the verified address, or what the person is called there.
    pub(super) fn name(&self) -> Option<UserName> {
        let called = || self.text("preferred_username")?.parse().ok();
        self.verified_email().or_else(called)
    }

    /// Whom a message is about, whether or not anything was proven.
    pub(super) fn called(&self) -> &str {
        ["email", "preferred_username", "name", "sub"]
            .into_iter()
            .find_map(|name| self.text(name))
            .unwrap_or("?")
    }

    /// What the first rule that fits makes of the person. A claim is a text or a list of texts; a name with dots leads into
    /// objects, as `realm_access.roles` does.
    pub(super) fn granted(&self, claim: &str, rules: &[RoleRule]) -> Option<Grant> {
        let values = self.values(claim);
        let rule = rules.iter().find(|rule| values.contains(&rule.value.as_str()))?;
        Some(rule.grant.clone())
    }

    fn values(&self, claim: &str) -> Vec<&str> {
        let nested = || {
            let mut parts = claim.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        };
        match self.0.get(claim).or_else(nested) {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        let Value::Object(map) = value else {
            panic!("claims are an object")
        };
        Claims::new(map, Map::new())
    }

    fn rule(value: &str, grant: Grant) -> RoleRule {
        RoleRule {
            value: value.into(),
            grant,
        }
    }

    #[test]
    fn an_address_counts_where_the_provider_stands_for_it() {
        let name = |verified: Value| {
            let person = claims(json!({
                "email": "Ada@Example.com", "email_verified": verified, "preferred_username": "ada"
            }));
            (
                person.verified_email().map(|name| name.to_string()),
                person.name().unwrap().to_string(),
            )
        };
        let known = (Some("ada@example.com".to_owned()), "ada@example.com".to_owned());
        assert_eq!(name(json!(true)), known);
        for no in [json!(false), json!(1), Value::Null] {
            assert_eq!(name(no), (None, "ada".to_owned()));
        }
        assert_eq!(claims(json!({ "sub": "1" })).name(), None);
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let acme = Grant::Member(ClientKey::new("client_acme"));
        let rules = [rule("admins", Grant::Administrator), rule("acme", acme.clone())];
        let granted = |value| claims(json!({ "groups": value })).granted("groups", &rules);
        assert_eq!(granted(json!(["acme", "admins"])), Some(Grant::Administrator));
        assert_eq!(granted(json!("acme")), Some(acme));
        for none in [
            json!(["Admins", "acm"]),
            json!([1]),
            json!({ "admins": true }),
            Value::Null,
        ] {
            assert_eq!(granted(none), None);
        }
        assert_eq!(claims(json!({})).granted("groups", &rules), None);
    }

    #[test]
    fn a_claim_may_lie_in_an_object_or_have_dots_in_its_name() {
        let rules = [rule("admin", Grant::Administrator)];
        let nested = claims(json!({ "realm_access": { "roles": ["admin"] } }));
        assert_eq!(
            nested.granted("realm_access.roles", &rules),
            Some(Grant::Administrator)
        );
        let dotted = claims(json!({ "https://example.com/roles": "admin" }));
        let granted = dotted.granted("https://example.com/roles", &rules);
        assert_eq!(granted, Some(Grant::Administrator));
        assert_eq!(nested.granted("realm_access.groups", &rules), None);
    }

    #[test]
    fn what_is_signed_wins() {
        let map = |value: Value| value.as_object().unwrap().clone();
        let both = Claims::new(
            map(json!({ "sub": "1", "groups": "signed" })),
            map(json!({ "groups": "asked", "email": "a@b" })),
        );
        assert_eq!(both.values("groups"), ["signed"]);
        assert_eq!(both.called(), "a@b");
    }
}

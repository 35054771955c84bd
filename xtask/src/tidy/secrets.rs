//! Secrets are never compared by `==` on text, which ends at the first difference and so tells by its time how far a guess
//! was right. Their types compare in constant time, and so do hashes of them.

use std::path::Path;

use super::{File, Finding};

/// Crates that see secrets.
const WHERE: [&str; 7] = [
    "crates/core/src",
    "crates/engine/src",
    "crates/http/src",
    "crates/console/src",
    "crates/sfumato/src",
    "crates/store-sqlite/src",
    "crates/store-postgres/src",
];
/// How what is compared may not be called.
const SECRET: [&str; 7] = [
    "secret",
    "token",
    "password",
    "signature",
    "csrf",
    "nonce",
    "refresh",
];
/// Where both sides are known to whoever asks.
const KNOWN: [&str; 1] = [
    // Somebody has typed a new password twice.
    "given.password != given.repeated",
];

/// How a type that holds a secret is called.
const TYPES: [&str; 4] = ["Token", "Secret", "Key", "Hash"];
/// Types that are called so and are no secret: who sends one may know it.
const OPEN: [&str; 2] = ["ClientKey", "IdempotencyKey"];
/// Crates whose types hold secrets.
const TYPES_WHERE: [&str; 2] = ["crates/core/src", "crates/engine/src"];

/// Finds comparisons, and types that compare as their bytes do.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| is_looked_at(path)) {
        // Tests know all secrets that there are in them.
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in product.lines().enumerate() {
            if compares_a_secret(line) && !KNOWN.iter().any(|known| line.contains(known)) {
                findings.push(Finding {
                    path: path.clone(),
                    problem: format!("line {}: a secret is compared outside of its type", number + 1),
                });
            }
        }
        if TYPES_WHERE.iter().any(|folder| path.starts_with(folder)) {
            findings.extend(compared_as_bytes(product).into_iter().map(|name| Finding {
                path: path.clone(),
                problem: format!("`{name}` derives PartialEq: compare it in constant time, as `Secret` does"),
            }));
        }
    }
    findings
}

/// Types around text or bytes that are called secrets and derive their comparison.
fn compared_as_bytes(product: &str) -> Vec<String> {
    let mut derives = false;
    let mut found = Vec::new();
    for line in product.lines().map(str::trim) {
        if line.starts_with("#[derive(") {
            derives = line.contains("PartialEq");
        } else if let Some((_, declared)) = line.split_once("struct ") {
            let (name, content) = declared.split_once('(').unwrap_or((declared, ""));
            let is_secret = TYPES.iter().any(|end| name.ends_with(end)) && !OPEN.contains(&name);
            let is_bytes = ["String", "str", "u8", "Bytes"]
                .iter()
                .any(|bytes| content.contains(bytes));
            if derives && is_secret && is_bytes {
                found.push(name.to_owned());
            }
            derives = false;
        } else if line.starts_with("pub enum ") || line.starts_with("enum ") {
            derives = false;
        }
    }
    found
}

fn is_looked_at(path: &Path) -> bool {
    let is_test = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
    WHERE.iter().any(|folder| path.starts_with(folder))
        && path.extension().is_some_and(|end| end == "rs")
        && !is_test
}

fn compares_a_secret(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let words: Vec<_> = code.split_whitespace().collect();
    words.windows(3).any(|window| {
        let [left, "==" | "!=", right] = window[..] else {
            return false;
        };
        [left, right].iter().any(|side| is_called_a_secret(side))
    })
}

/// By the last part of a path, without what is around it: `given.token`, `&secret`, `*self.secret)`. A call is called as its
/// function.
fn is_called_a_secret(side: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    let path = side.trim_start_matches(|character: char| !is_name(character));
    let path = path.split(['(', ')', ',', ';', '?']).next().unwrap_or_default();
    let last = path.rsplit(['.', ':']).next().unwrap_or_default();
    SECRET
        .iter()
        .any(|word| last == *word || last.ends_with(&format!("_{word}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_secrets_do_not_derive_their_comparison() {
        let derived = "#[derive(Clone, PartialEq, Eq)]\n";
        for declared in [
            "pub struct WebhookToken(String);",
            "#[serde(transparent)]\npub(crate) struct SigningSecret([u8; 32]);",
            "struct PasswordHash(Box<str>);",
        ] {
            let text = format!("{derived}{declared}");
            assert_eq!(compared_as_bytes(&text).len(), 1, "{text}");
            assert!(compared_as_bytes(&format!("#[derive(Clone, Eq)]\n{declared}")).is_empty());
            assert_eq!(
                check(&[("crates/core/src/endpoint.rs".into(), text.clone())]).len(),
                1
            );
            assert!(check(&[("crates/http/src/lib.rs".into(), text)]).is_empty());
        }
        for declared in [
            "pub struct ClientKey(String);",
            "pub struct FencingToken(pub u32);",
            "pub struct RefreshToken {",
            "enum Other {}\nstruct SealKey([u8; 32]);",
        ] {
            let text = format!("{derived}{declared}");
            assert!(compared_as_bytes(&text).is_empty(), "{text}");
        }
    }

    #[test]
    fn secrets_are_compared_by_one_function() {
        for line in [
            "if given.token == expected {",
            "signatures.any(|signature| signature == expected)",
            "(left != &self.webhook_secret)",
            "if self.token() == sent {",
        ] {
            assert!(compares_a_secret(line), "{line}");
        }
        for line in [
            "if state == State::Running {",
            "SecretHash::of(secret) == SecretHash::of(sent)",
            "tokens == 3 // never token == other",
            "given.token_kind == kind",
        ] {
            assert!(!compares_a_secret(line), "{line}");
        }
        let file = |path: &str| vec![(path.into(), "if token == other {}".to_owned())];
        assert_eq!(check(&file("crates/engine/src/access.rs")).len(), 1);
        assert!(check(&file("crates/engine/tests/it/access.rs")).is_empty());
    }
}

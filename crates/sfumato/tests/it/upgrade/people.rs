//! People at the Manager, and the audit log that they read.

use std::net::SocketAddr;

use sfumato_testkit::earlier::{PASSWORD, SESSION, SETUP};

use crate::support::request;

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

pub(super) fn sign_in_and_see_what_they_saw(address: SocketAddr) {
    let ada = sign_in(address, "ada").unwrap();
    // The session from before goes on, beside the new one.
    let cookie = format!("sfumato-session={SESSION}");
    let page = |path: &str, cookie: &str| request(address, &format!("GET {path}"), &[("Cookie", cookie)], "");
    let account = page("/manager/account", &cookie);
    assert!(
        account.starts_with("HTTP/1.1 200")
            && account.contains("a browser of old")
            && account.contains("192.0.2.1"),
        "{account}"
    );
    let users = page("/manager/users", &ada);
    for part in [
        "ada",
        "bob",
        "eve",
        "carol",
        "disabled",
        "invited",
        "city council",
    ] {
        assert!(users.contains(part), "no {part} in {users}");
    }
    the_audit_log_tells(&page("/manager/audit/export.jsonl", &ada));

    // A member sees the client and nothing else.
    let bob = sign_in(address, "bob").unwrap();
    assert!(page("/manager/jobs", &bob).contains("waiting.png"));
    assert!(page("/manager/audit", &bob).starts_with("HTTP/1.1 404"));
    let refused = sign_in(address, "eve").unwrap_err();
    assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");
    let password = PASSWORD.replace(' ', "+");
    let chosen = request(
        address,
        &format!("POST /manager/setup/{SETUP}"),
        &[FORM],
        &format!("password={password}&repeated={password}"),
    );
    assert!(chosen.starts_with("HTTP/1.1 303"), "{chosen}");
    sign_in(address, "carol").unwrap();
}

/// The cookie of a new session, or why there is none.
fn sign_in(address: SocketAddr, name: &str) -> Result<String, String> {
    let body = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let answer = request(address, "POST /manager/sign-in", &[FORM], &body);
    let cookie = answer
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .starts_with("set-cookie: ")
                .then(|| line[12..].to_owned())
        })
        .and_then(|cookie| cookie.split(';').next().map(str::to_owned));
    match cookie {
        Some(cookie) if answer.starts_with("HTTP/1.1 303") => Ok(cookie),
        _ => Err(answer),
    }
}

fn the_audit_log_tells(log: &str) {
    let line = |action: &str, parts: &[&str]| {
        let found = log
            .lines()
            .any(|line| line.contains(action) && parts.iter().all(|part| line.contains(part)));
        assert!(found, "no {action} with {parts:?} in {log}");
    };
    line("client.created", &["operator", "city council"]);
    line("session.opened", &["ada", "192.0.2.1"]);
    line("session.refused", &["mallory", "left_out_before", "3"]);
    line("job.cancelled", &["city council", "000000000023", "192.0.2.3"]);
    line("secrets.rotated", &["Sfumato", "8"]);
}

//! The description of the API is a reviewed file.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let mut current = sfumato_http::openapi().to_pretty_json().unwrap();
    current.push('\n');
    if std::env::var_os("SFUMATO_BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == current,
        "docs/openapi.json is not what the code says; look at the difference after running the tests with SFUMATO_BLESS=1"
    );
}

#[test]
fn every_operation_is_described_in_full() {
    let document = serde_json::to_value(sfumato_http::openapi()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let open = ["/login", "/healthz", "/readyz"];
    let mut operation_ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} has no summary");
            assert!(
                operation_ids.insert(operation["operationId"].as_str().unwrap()),
                "{name} shares its id"
            );
            assert_eq!(
                operation["security"].is_array(),
                !open.contains(&path.as_str()),
                "{name}"
            );
            let watched = ["/healthz", "/readyz"].contains(&path.as_str());
            let waits = operation.pointer("/responses/429/headers/Retry-After");
            assert_eq!(waits.is_some(), !watched, "{name} may be asked too often");
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(
                    !answer["description"].as_str().unwrap().is_empty(),
                    "{name} {status}"
                );
                if status == "default" || status.starts_with(['4', '5']) {
                    let schema = &answer["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/ErrorBody", "{name} {status}");
                }
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].is_string(), "{name} has no description");
        for (member, described) in schema["properties"].as_object().into_iter().flatten() {
            let described = described["description"].is_string();
            assert!(described, "{name}.{member} has no description");
        }
    }
}

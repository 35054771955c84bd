//! The operations as the description of the API has them, and requests that are made of it.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// What the objects of a client are called in a request: the name of a parameter or of a member of a body, and the value.
pub(crate) type Objects = BTreeMap<&'static str, String>;

/// Parameters that name no object: most choose among them.
const CHOOSING: [&str; 14] = [
    "delete_files",
    "active",
    "after",
    "cursor",
    "limit",
    "since",
    "state",
    "wait",
    "Range",
    "If-Range",
    "If-None-Match",
    "Idempotency-Key",
    "If-Match",
    "challenge",
];

/// One operation of the API.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) method: Method,
    /// With its parameters in braces.
    pub(crate) path: String,
    /// Whether it needs a token.
    pub(crate) guarded: bool,
    /// What its path and its query call objects.
    in_path: Vec<String>,
    in_query: Vec<String>,
    /// The example of its JSON body, with every member that names an object.
    body: Option<Value>,
}

/// Every operation that is described.
pub(crate) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(sfumato_http::openapi()).unwrap();
    let mut operations = vec![];
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            let named = |place: &str| -> Vec<String> {
                let all = described["parameters"].as_array().into_iter().flatten();
                all.filter(|parameter| parameter["in"] == place)
                    .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
                    .filter(|name| !CHOOSING.contains(&name.as_str()))
                    .collect()
            };
            let reference =
                described["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str();
            let schema = reference.map(|name| document.pointer(name.trim_start_matches('#')).unwrap());
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                guarded: described["security"].is_array(),
                in_path: named("path"),
                in_query: named("query"),
                body: schema.map(example_of),
            });
        }
    }
    operations
}

fn example_of(schema: &Value) -> Value {
    let mut example = schema.get("example").cloned().unwrap_or_else(|| json!({}));
    for name in schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys())
    {
        if names_an_object(name) {
            example[name] = json!("");
        }
    }
    example
}

/// The members of bodies that name objects: identifiers by their last letters.
fn names_an_object(member: &str) -> bool {
    member.ends_with("_id") || (member.ends_with("Id") && member != "clientId" && member != "secretId")
}

impl std::fmt::Display for Operation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)
    }
}

impl Operation {
    /// The names of the objects that a request of this operation names.
    pub(crate) fn named(&self) -> Vec<&str> {
        let members = self
            .body
            .iter()
            .filter_map(Value::as_object)
            .flat_map(|body| body.keys());
        let members = members
            .map(String::as_str)
            .filter(|member| names_an_object(member));
        let parameters = self.in_path.iter().chain(&self.in_query).map(String::as_str);
        parameters.chain(members).collect()
    }

    /// A request about these objects.
    ///
    /// # Panics
    /// When the operation names an object that is not among them: it has to be added where they are made.
    pub(crate) fn request(&self, http: &reqwest::Client, base: &str, objects: &Objects) -> RequestBuilder {
        let object = |name: &str| {
            let unknown = || panic!("{self} names an object by `{name}`: which one is that?");
            objects.get(name).cloned().unwrap_or_else(unknown)
        };
        let mut path = self.path.clone();
        for name in &self.in_path {
            path = path.replace(&format!("{{{name}}}"), &object(name));
        }
        let query: Vec<_> = self.in_query.iter().map(|name| (name, object(name))).collect();
        let mut request = http
            .request(self.method.clone(), format!("{base}{path}"))
            .query(&query);
        if let Some(mut body) = self.body.clone() {
            for (member, value) in body.as_object_mut().unwrap() {
                if names_an_object(member) {
                    *value = json!(object(member));
                }
            }
            request = request.json(&body);
        }
        request
    }
}

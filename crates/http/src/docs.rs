//! The description of the API: the OpenAPI document and a reference page that works without any other server.

use axum::Router;
use axum::http::header::CONTENT_SECURITY_POLICY;
use axum::http::{HeaderValue, Response};
use tower::ServiceBuilder;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response as Described,
    ResponseBuilder,
};
use utoipa::{Modify, OpenApi as _};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Swagger UI writes style attributes and shows its icons as data; scripts and requests stay on this server.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Sfumato",
        description = "Hides faces and licence plates in pictures, videos and archives of them. \
            \n\nThe API is compatible with BlurIt: a client of it works against this server when only its base URL is changed.\
            \n\n1. `POST /login` with the pair of client id and secret id gives an access token for an hour; send it as `Authorization: Bearer …`.\
            \n2. `POST /innovation-service/anonymization` takes a file and answers with a job id.\
            \n3. `GET /innovation-service/anonymization?anonymization_job_id=…` tells where the job stands; webhook endpoints are told by themselves.\
            \n4. `output_media` of a job that succeeded is the URL of the result.\
            \n\nEvery failure, on every route, is a JSON object with `statusCode`, `error` and `message`. Every answer carries an `X-Request-Id` to quote to the operator.\
            \n\nWhat belongs to another client is answered exactly like what does not exist.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    modifiers(&Bearer),
    tags(
        (name = "Authentication", description = "Tokens for a client id and its secret."),
        (name = "Anonymization", description = "Jobs and their results."),
        (name = "Usage", description = "Quotas, and what is used of them."),
        (name = "Webhooks", description = "Endpoints that are told when a job's status changes."),
        (name = "Operations", description = "For load balancers and supervisors."),
    ),
)]
struct Preamble;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The `token` of POST /login or POST /token."))
            .build();
        openapi
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// What stands before the operations.
pub(crate) fn preamble() -> OpenApi {
    Preamble::openapi()
}

/// Adds to each operation what all have in common: there may be too many requests, and any failure that it does not name has
/// the same shape.
pub(crate) fn finish(mut openapi: OpenApi) -> OpenApi {
    for (path, item) in &mut openapi.paths.paths {
        for operation in operations_of(item) {
            let responses = &mut operation.responses.responses;
            // Whoever watches over the server is never made to wait.
            if !matches!(path.as_str(), "/healthz" | "/readyz") {
                let too_many = responses.entry("429".to_owned());
                let too_many = too_many.or_insert_with(|| failure("Too many requests.").into());
                if let RefOr::T(too_many) = too_many {
                    let headers = &mut too_many.headers;
                    headers
                        .entry("Retry-After".to_owned())
                        .or_insert_with(|| RefOr::T(retry_after()));
                }
            }
            responses.entry("default".to_owned()).or_insert_with(|| {
                failure("Any other failure: 400, 404, 405, 408, 413, 414, 431, 500 or 503.").into()
            });
        }
    }
    openapi
}

/// A failure of the one shape.
fn failure(description: &str) -> Described {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", body.build())
        .build()
}

fn retry_after() -> Header {
    HeaderBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Integer)))
        .description(Some("Seconds to wait."))
        .build()
}

fn operations_of(item: &mut utoipa::openapi::PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// `/openapi.json` and `/docs`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(openapi: OpenApi) -> Router<S> {
    let config = Config::default()
        // The page would otherwise send the document to a public validator.
        .validator_url("none")
        .display_request_duration(true)
        .try_it_out_enabled(false);
    let page = SwaggerUi::new("/docs")
        .url("/openapi.json", openapi)
        .config(config);
    Router::from(page).layer(
        ServiceBuilder::new().layer(SetResponseHeaderLayer::if_not_present(
            CONTENT_SECURITY_POLICY,
            |_: &Response<_>| Some(PAGE_POLICY),
        )),
    )
}

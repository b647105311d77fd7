//! The REST interface under `/api/v1`. One file per resource; the OpenAPI description is generated
//! from the handlers themselves.

mod conferences;
mod error;
mod events;
mod extract;
mod floor;
mod invitation;
mod participants;
mod sites;
mod stage;
mod tokens;

use axum::extract::DefaultBodyLimit;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use crate::app::App;

pub use error::{ApiError, ErrorBody, Refused};
pub use extract::{Body, Json, Path, Query};

/// Largest list of sites, in bytes. The whole country has about 120,000.
const MAX_SITES_BYTES: usize = 16 * 1024 * 1024;

/// What stands at the head of the description.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Dinh",
        description = "Conferences of a government: its sites, who is present, who has the floor.",
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
    tags(
        (name = "conferences", description = "Making, starting, ending and reading conferences"),
        (name = "participants", description = "Who is in a conference"),
        (name = "floor", description = "The right to be on stage"),
        (name = "stage", description = "What everybody sees"),
        (name = "events", description = "The log from which everything else follows"),
        (name = "sites", description = "The places that conferences expect"),
        (name = "tokens", description = "Making and taking back tokens"),
    )
)]
struct Description;

/// Every operation wants a token.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// The routes with their description.
pub fn router() -> OpenApiRouter<App> {
    let mut router = OpenApiRouter::with_openapi(Description::openapi())
        .nest("/api/v1", conferences().merge(sites_and_tokens()));
    name_operations(router.get_openapi_mut());
    router
}

/// Handlers of different resources share names; generated clients need one name for each.
fn name_operations(api: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut api.paths.paths {
        for (method, operation) in [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("delete", &mut item.delete),
            ("patch", &mut item.patch),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(operation_id(method, path));
            }
        }
    }
}

/// `get` and `/api/v1/sites/{site}` make `getSitesSite`.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    let parts = path
        .trim_start_matches("/api/v1")
        .split(['/', '{', '}', '-', '_']);
    for part in parts.filter(|part| !part.is_empty()) {
        let mut letters = part.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
    }
    id
}

fn conferences() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(conferences::create, conferences::list))
        .routes(routes!(conferences::show))
        .routes(routes!(conferences::start))
        .routes(routes!(conferences::end))
        .routes(routes!(participants::list))
        .routes(routes!(participants::remove))
        .routes(routes!(participants::mute))
        .routes(routes!(participants::unmute))
        .routes(routes!(events::list))
        .routes(routes!(stage::show, stage::set))
        .routes(routes!(invitation::show))
        .merge(floor())
}

fn floor() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(floor::show))
        .routes(routes!(floor::request))
        .routes(routes!(floor::grant))
        .routes(routes!(floor::revoke))
        .routes(routes!(floor::yield_floor))
}

fn sites_and_tokens() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sites::list))
        .routes(routes!(sites::import).layer(DefaultBodyLimit::max(MAX_SITES_BYTES)))
        .routes(routes!(sites::show))
        .routes(routes!(tokens::create))
        .routes(routes!(tokens::revoke))
}

/// The description alone.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

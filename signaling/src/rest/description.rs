//! The OpenAPI description: what stands at its head, and what all operations have in common, so
//! that no handler says it again.

use utoipa::openapi::schema::ArrayItems;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Discriminator, Header, Object, ObjectBuilder, OneOf, Ref, RefOr, Response,
    ResponseBuilder, Schema, Type, path::Operation, path::ParameterIn,
};
use utoipa::{Modify, OpenApi};

use super::ErrorBody;
use crate::auth::{Role, Verb};
use crate::check::{CheckId, Direction};
use crate::conference::Event;
use crate::{health, session, whip};

/// What stands at the head of the description.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Dinh",
        description = "Conferences of a government: its sites, who is present, who has the floor.\n\n\
            A list is told in pages: `limit` says how many at most, `after` where the page before \
            ended, and the header `link` with `rel=\"next\"` where the next one is. Answers are \
            compressed for whoever accepts gzip. A field that is not described is refused in a \
            request, and to be ignored in an answer. The WebSocket protocol at `/ws` is described \
            in PROTOCOL.md. A program comes with a token as bearer; a person who has logged in with the \
            cookie that `POST /api/v1/login` gives, and then whatever changes something needs the \
            header `origin` of a page of this server too.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "The server that this description comes from")),
    modifiers(&Bearer),
    security(("bearer" = []), ("login" = [])),
    paths(
        session::upgrade,
        whip::publish,
        whip::watch,
        whip::delete,
        whip::patch,
        health::live,
        health::ready,
    ),
    components(schemas(ErrorBody, Event, CheckId, Direction)),
    tags(
        (name = "conferences", description = "Making, starting, ending and reading conferences"),
        (name = "roster", description = "The sites that a conference expects"),
        (name = "participants", description = "Who is in a conference"),
        (name = "floor", description = "The right to be on stage"),
        (name = "stage", description = "What everybody sees"),
        (name = "events", description = "The log from which everything else follows"),
        (name = "sites", description = "The places that conferences expect"),
        (name = "bookings", description = "Conferences that are planned"),
        (name = "invitations", description = "Who is invited, how each was told, and what was replied"),
        (name = "tokens", description = "Making, listing and taking back tokens"),
        (name = "accounts", description = "People who log in, who is in, and who has changed what"),
        (name = "checks", description = "Whether a site can take part, and what is in its way"),
        (name = "mail", description = "Mail that waits to be sent, and what became of it"),
        (name = "webhooks", description = "Programs that are told what happens"),
        (name = "media", description = "Pages, encoders (WHIP) and players (WHEP)"),
        (name = "health", description = "For load balancers and orchestrators"),
    )
)]
pub(super) struct Description;

/// Every operation wants a token, unless it says otherwise.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        let cookie = ApiKeyValue::with_description(
            "__Host-dinh",
            "The cookie of a login; it is called `dinh` where people come in the clear.",
        );
        let login = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        components.add_security_scheme("login", login);
    }
}

/// The kinds of the record become schemas of their own, which `kind` tells apart.
struct TaggedEvents;

impl Modify for TaggedEvents {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let Some(RefOr::T(Schema::OneOf(mut union))) = components.schemas.remove("Event") else {
            return;
        };
        let mut tag = Discriminator::new("kind");
        let subjects = std::mem::take(&mut union.items);
        for subject in subjects {
            union.items.extend(kinds_of(subject, components));
        }
        for item in &mut union.items {
            let RefOr::T(Schema::Object(kind)) = item else {
                continue;
            };
            let Some(name) = kind_of(kind) else { continue };
            let schema = format!("Event{}", capitalised(&name));
            let place = Ref::from_schema_name(&schema);
            tag.mapping.insert(name, place.ref_location.clone());
            components
                .schemas
                .insert(schema, std::mem::replace(item, RefOr::Ref(place)));
        }
        union.discriminator = Some(tag);
        union.description = Some("Something that has happened; `kind` says what.".to_owned());
        components
            .schemas
            .insert("Event".to_owned(), RefOr::T(Schema::OneOf(union)));
    }
}

/// The kinds of event that a subject has; to readers of the record all are alike.
fn kinds_of(subject: RefOr<Schema>, components: &mut Components) -> Vec<RefOr<Schema>> {
    let RefOr::Ref(place) = &subject else {
        return vec![subject];
    };
    let name = place.ref_location.rsplit('/').next().unwrap_or_default();
    match components.schemas.remove(name) {
        Some(RefOr::T(Schema::OneOf(kinds))) => kinds.items,
        Some(only) => vec![only],
        None => vec![subject],
    }
}

/// The one value of `kind`.
fn kind_of(event: &Object) -> Option<String> {
    let RefOr::T(Schema::Object(kind)) = event.properties.get("kind")? else {
        return None;
    };
    let values = kind.enum_values.as_ref()?;
    values.first()?.as_str().map(str::to_owned)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Texts that people read in lists are one line.
struct Lines;

/// Schema, field, and most characters.
const LINES: [(&str, &str, usize); 15] = [
    ("AgendaItem", "title", MAX_TITLE_CHARS),
    ("CopyBooking", "title", MAX_TITLE_CHARS),
    ("CreateBooking", "title", MAX_TITLE_CHARS),
    ("AgendaDocument", "name", MAX_TITLE_CHARS),
    ("MakeException", "title", MAX_TITLE_CHARS),
    ("ReviseBooking", "title", MAX_TITLE_CHARS),
    ("CreateAccount", "name", MAX_TEXT_CHARS),
    ("ChangeAccount", "name", MAX_TEXT_CHARS),
    ("UseWelcome", "name", MAX_TEXT_CHARS),
    ("CreateConference", "title", MAX_TITLE_CHARS),
    ("AmendConference", "title", MAX_TITLE_CHARS),
    ("CreateToken", "name", MAX_TEXT_CHARS),
    ("CreateToken", "subject", MAX_TEXT_CHARS),
    ("CreateLink", "name", MAX_TEXT_CHARS),
    ("CreateLink", "subject", MAX_TEXT_CHARS),
];

/// Not blank, and without what [`crate::text`] refuses.
const LINE: &str = r"^[^@]*[^\s@][^@]*$";

/// What [`crate::text`] refuses, as a class of characters.
const UNSEEN: &str = r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff";

/// Most characters of a title.
const MAX_TITLE_CHARS: usize = 200;

/// Most characters of a name or subject.
const MAX_TEXT_CHARS: usize = 100;

impl Modify for Lines {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        for (schema, field, most) in LINES {
            if let Some(RefOr::T(Schema::Object(object))) = components.schemas.get_mut(schema)
                && let Some(RefOr::T(Schema::Object(text))) = object.properties.get_mut(field)
            {
                text.pattern = Some(LINE.replace('@', UNSEEN));
                text.min_length = Some(1);
                text.max_length = Some(most);
            }
        }
    }
}

/// What a token needs depends on its role, so the schema has one alternative for each need.
struct TokensByRole;

/// Name of the alternative, its roles, what it needs, and what it must not have.
type Alternative = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

const PEOPLE: &[&str] = &["operator", "chair", "hall", "observer"];

const TOKENS: &[Alternative] = &[
    ("CreateAdminToken", &["admin"], &[], &["conference", "site"]),
    (
        "CreateSiteToken",
        &["site"],
        &["conference", "site"],
        &["province"],
    ),
    (
        "CreateOperatorToken",
        &["operator"],
        &["conference"],
        &["province"],
    ),
    (
        "CreateChairToken",
        &["chair"],
        &["conference"],
        &["province"],
    ),
    ("CreateHallToken", &["hall"], &["conference"], &["province"]),
    (
        "CreateObserverToken",
        &["observer"],
        &["conference"],
        &["province"],
    ),
];

const LINKS: &[Alternative] = &[
    ("CreateSiteLink", &["site"], &["conference", "site"], &[]),
    ("CreatePersonLink", PEOPLE, &["conference"], &[]),
];

impl Modify for TokensByRole {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        if let Some(RefOr::T(Schema::Object(many))) = components.schemas.get_mut("CreateTokens") {
            let roles = PEOPLE.iter().chain(&["site"]).copied();
            let is = ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(roles));
            many.properties.insert("role".to_owned(), is.into());
        }
        for (schema, alternatives) in [("CreateToken", TOKENS), ("CreateLink", LINKS)] {
            let Some(RefOr::T(Schema::Object(any))) = components.schemas.remove(schema) else {
                continue;
            };
            let mut either = OneOf::new();
            either.description.clone_from(&any.description);
            for alternative in alternatives {
                let (name, ..) = *alternative;
                either.items.push(Ref::from_schema_name(name).into());
                let one = Schema::Object(narrowed(any.clone(), *alternative));
                components.schemas.insert(name.to_owned(), RefOr::T(one));
            }
            components
                .schemas
                .insert(schema.to_owned(), RefOr::T(Schema::OneOf(either)));
        }
    }
}

/// The same, for some roles only.
fn narrowed(mut any: Object, (_, roles, needed, empty): Alternative) -> Object {
    let is = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(roles.iter().copied()));
    any.properties.insert("role".to_owned(), is.into());
    for field in needed {
        let schema = match *field {
            "site" => "SiteCode",
            _ => "ConferenceId",
        };
        let place = Ref::from_schema_name(schema);
        any.properties.insert((*field).to_owned(), place.into());
        if !any.required.iter().any(|known| known == field) {
            any.required.push((*field).to_owned());
        }
    }
    // A scope names what the role may.
    if let Some(RefOr::T(Schema::Array(scope))) = any.properties.get_mut("scope") {
        let roles: Vec<Role> = roles.iter().filter_map(|role| role.parse().ok()).collect();
        let may = |verb: &&Verb| roles.iter().all(|role| role.may(**verb));
        let verbs = Verb::ALL.iter().filter(may).map(|verb| verb.as_str());
        let verb = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(verbs));
        scope.items = ArrayItems::RefOrSchema(Box::new(verb.into()));
    }
    for field in empty {
        let nothing = ObjectBuilder::new().schema_type(Type::Null);
        any.properties.insert((*field).to_owned(), nothing.into());
    }
    any
}

/// An entry of a document says all of a booking and its own: that is one object, of which nothing else is known.
struct WholeEntries;

impl Modify for WholeEntries {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let booking = components.schemas.get("CreateBooking").cloned();
        let entry = components.schemas.get("BookingsDocumentEntry").cloned();
        let (Some(RefOr::T(Schema::Object(mut whole))), Some(RefOr::T(Schema::AllOf(parts)))) =
            (booking, entry)
        else {
            return;
        };
        whole.description = parts.description;
        for part in parts.items {
            if let RefOr::T(Schema::Object(own)) = part {
                whole.properties.extend(own.properties);
            }
        }
        whole.required.push("id".to_owned());
        let whole = RefOr::T(Schema::Object(whole));
        components
            .schemas
            .insert("BookingsDocumentEntry".to_owned(), whole);
    }
}

/// A refusal that many operations share: its status, name and meaning.
type Shared = (&'static str, &'static str, &'static str);

const BAD_REQUEST: Shared = (
    "400",
    "BadRequest",
    "A value is wrong; the message says which.",
);
const UNAUTHORIZED: Shared = (
    "401",
    "Unauthorized",
    "There is no token, or it is not valid (any more).",
);
const FORBIDDEN: Shared = ("403", "Forbidden", "The token does not allow this.");
const NOT_FOUND: Shared = ("404", "NotFound", "There is no such thing.");
const TOO_LARGE: Shared = ("413", "TooLarge", "The body is larger than is read here.");
const MEDIA_TYPE: Shared = (
    "415",
    "UnsupportedMediaType",
    "The body is not of the type that is read here.",
);
const TOO_MANY: Shared = (
    "429",
    "TooManyRequests",
    "There were too many from this address or with this token: try again in some seconds.",
);
const INTERNAL: Shared = (
    "500",
    "Internal",
    "Our fault: it stands in the server's log.",
);
const UNAVAILABLE: Shared = (
    "503",
    "Unavailable",
    "There is no room, or the server stops: try again after `retry-after` seconds.",
);

const TIMEOUT: Shared = (
    "504",
    "Timeout",
    "It took too long, and may happen nevertheless: look whether it has before it is asked for again.",
);

const SHARED: [Shared; 10] = [
    BAD_REQUEST,
    UNAUTHORIZED,
    FORBIDDEN,
    NOT_FOUND,
    TOO_LARGE,
    MEDIA_TYPE,
    TOO_MANY,
    INTERNAL,
    UNAVAILABLE,
    TIMEOUT,
];

/// What can be said only when all routes are known.
pub(super) fn complete(api: &mut utoipa::openapi::OpenApi) {
    TaggedEvents.modify(api);
    Lines.modify(api);
    TokensByRole.modify(api);
    WholeEntries.modify(api);
    Common.modify(api);
}

/// Names operations, and adds the refusals that follow from what an operation takes.
struct Common;

impl Modify for Common {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        for (status, name, meaning) in SHARED {
            components
                .responses
                .insert(name.to_owned(), RefOr::T(refusal(status, meaning)));
        }
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
                    add_refusals(operation);
                }
            }
        }
    }
}

fn refusal(status: &str, meaning: &str) -> Response {
    let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
    let response = ResponseBuilder::new()
        .description(meaning)
        .content("application/json", body);
    let text = || Header::new(ObjectBuilder::new().schema_type(Type::String));
    match status {
        "401" => response.header("www-authenticate", text()),
        "429" | "503" => response.header("retry-after", text()),
        _ => response,
    }
    .build()
}

fn add_refusals(operation: &mut Operation) {
    let is_open = operation
        .security
        .as_ref()
        .is_some_and(|schemes| schemes.is_empty());
    let parameters = operation.parameters.iter().flatten();
    let mut has_parameters = false;
    let mut is_in_path = false;
    for parameter in parameters {
        has_parameters = true;
        if let RefOr::T(parameter) = parameter {
            is_in_path |= parameter.parameter_in == ParameterIn::Path;
        }
    }
    let has_body = operation.request_body.is_some();
    let responses = &mut operation.responses.responses;
    for (shared, applies) in [
        (BAD_REQUEST, has_parameters || has_body),
        (UNAUTHORIZED, !is_open),
        (FORBIDDEN, !is_open),
        (NOT_FOUND, is_in_path),
        (TOO_LARGE, has_body),
        (MEDIA_TYPE, has_body),
        (TOO_MANY, !is_open),
        (INTERNAL, !is_open),
        (UNAVAILABLE, !is_open),
        (TIMEOUT, !is_open),
    ] {
        let (status, name, _) = shared;
        if applies {
            responses
                .entry(status.to_owned())
                .or_insert_with(|| RefOr::Ref(Ref::from_response_name(name)));
        }
    }
    for (status, response) in responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            status_in_words(status).clone_into(&mut response.description);
        }
    }
}

fn status_in_words(status: &str) -> &'static str {
    match status {
        "200" => "What was asked for, or what it is now.",
        "201" => "It is made.",
        "204" => "It is done.",
        _ => "It is refused; the message says why.",
    }
}

/// `get` and `/api/v1/sites/{site}` make `getSitesSite`: handlers of different resources share
/// names, and generated clients need one name for each.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    let parts = path
        .trim_start_matches("/api/v1")
        .split(['/', '{', '}', '-', '_']);
    for part in parts.filter(|part| !part.is_empty()) {
        id.push_str(&capitalised(part));
    }
    id
}

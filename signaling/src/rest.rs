//! The REST interface under `/api/v1`. One file per resource; the OpenAPI description is generated
//! from the handlers themselves.

mod accounts;
mod acts;
mod amend_site;
mod attendance;
mod booking_steps;
mod bookings;
mod bookings_document;
mod by_provider;
mod checks;
mod conferences;
mod corrections;
mod description;
mod enter;
mod error;
mod events;
mod extract;
mod floor;
mod glance;
mod invitation;
mod invitations;
mod invited;
mod journal;
mod letters;
mod links;
mod logged_in;
mod login;
mod logins;
mod mail;
mod page;
mod participants;
mod patience;
mod people;
mod readiness;
pub mod refusals;
mod roster;
mod sheets;
mod site_lists;
mod sites;
mod stage;
mod tokens;
mod webhooks;

use axum::extract::DefaultBodyLimit;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::router::UtoipaMethodRouterExt as _;
use utoipa_axum::routes;

use crate::app::App;
use crate::whip::MAX_SDP_BYTES;
use description::Description;

pub(crate) use acts::note;
pub use error::{ApiError, ErrorBody, Refused};
pub use extract::{Body, Json, Path, Query};
pub(crate) use patience::in_time;

/// Largest list of sites, in bytes: as many as a list may have, with names of usual length.
const MAX_SITES_BYTES: usize = 16 * 1024 * 1024;

/// Largest list of the sites that a conference expects, in bytes: codes of as many.
const MAX_ROSTER_BYTES: usize = 5 * 1024 * 1024;

/// Smaller answers are not compressed: it would save nothing.
const MIN_COMPRESSED_BYTES: u64 = 1024;

/// The routes with their description.
pub fn router() -> OpenApiRouter<App> {
    // What answers with secrets is not compressed: its length would tell of them.
    let readable = conferences()
        .merge(sites())
        .merge(bookings())
        .merge(check_results())
        .merge(people())
        .merge(told())
        .layer(compression());
    let mut router = OpenApiRouter::with_openapi(Description::openapi()).nest(
        "/api/v1",
        readable.merge(tokens()).merge(logins()).merge(checks()),
    );
    description::complete(router.get_openapi_mut());
    router
}

/// For whoever accepts gzip, quickly: the list of a country takes 3 ms.
pub(crate) fn compression() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new()
        .quality(CompressionLevel::Fastest)
        .compress_when(SizeAbove::new(MIN_COMPRESSED_BYTES))
}

fn conferences() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(
            routes!(conferences::create, conferences::list)
                .layer(DefaultBodyLimit::max(MAX_ROSTER_BYTES)),
        )
        .routes(routes!(
            conferences::show,
            corrections::amend,
            corrections::delete
        ))
        .routes(routes!(roster::show, roster::set).layer(DefaultBodyLimit::max(MAX_ROSTER_BYTES)))
        .routes(routes!(attendance::show))
        .routes(routes!(conferences::start))
        .routes(routes!(conferences::end))
        .routes(routes!(events::list))
        .routes(routes!(stage::show, stage::set))
        .routes(routes!(invitation::show))
        .merge(participants())
        .merge(floor())
}

fn participants() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(participants::list))
        .routes(routes!(participants::remove))
        .routes(routes!(participants::mute))
        .routes(routes!(participants::mute_sound))
        .routes(routes!(participants::unmute))
        .routes(routes!(participants::readmit))
        .routes(routes!(participants::barred))
}

fn floor() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(floor::show))
        .routes(routes!(floor::request))
        .routes(routes!(floor::grant))
        .routes(routes!(floor::revoke))
        .routes(routes!(floor::yield_floor))
}

fn sites() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sites::list))
        .routes(routes!(site_lists::preview).layer(DefaultBodyLimit::max(MAX_SITES_BYTES)))
        .routes(routes!(site_lists::import).layer(DefaultBodyLimit::max(MAX_SITES_BYTES)))
        .routes(routes!(site_lists::export))
        .routes(routes!(sites::groups))
        .routes(routes!(
            sites::show,
            amend_site::amend,
            corrections::delete_site
        ))
}

fn bookings() -> OpenApiRouter<App> {
    let large = || DefaultBodyLimit::max(MAX_ROSTER_BYTES);
    OpenApiRouter::new()
        .routes(routes!(bookings_document::export))
        .routes(routes!(glance::days))
        .routes(routes!(glance::former))
        .routes(routes!(bookings_document::preview).layer(DefaultBodyLimit::max(MAX_SITES_BYTES)))
        .routes(routes!(bookings_document::import).layer(DefaultBodyLimit::max(MAX_SITES_BYTES)))
        .routes(routes!(bookings::create, bookings::list).layer(large()))
        .routes(routes!(bookings::show, bookings::revise, bookings::delete).layer(large()))
        .routes(routes!(booking_steps::publish))
        .routes(routes!(booking_steps::cancel))
        .routes(routes!(booking_steps::copy))
        .routes(routes!(booking_steps::except, booking_steps::restore))
        .routes(routes!(booking_steps::open))
        .routes(routes!(booking_steps::conflicts))
        .routes(routes!(booking_steps::audience))
        .merge(invited_sites())
}

/// What is known of the sites of a booking before it opens.
fn invited_sites() -> OpenApiRouter<App> {
    let large = DefaultBodyLimit::max(MAX_ROSTER_BYTES);
    OpenApiRouter::new()
        .routes(routes!(readiness::show))
        .routes(routes!(readiness::sites))
        .routes(routes!(invitations::list))
        .routes(routes!(invitations::summary))
        .routes(routes!(invitations::send).layer(large))
}

fn check_results() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(checks::list))
        .routes(routes!(checks::causes))
}

/// What is told to people by mail, and to programs.
fn told() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(mail::list))
        .routes(routes!(mail::summary))
        .routes(routes!(mail::trial))
        .routes(routes!(mail::again))
        .routes(routes!(letters::list))
        .routes(routes!(letters::change, letters::reset))
        .routes(routes!(letters::preview))
        .routes(routes!(journal::list))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::keys))
        .routes(routes!(webhooks::change, webhooks::remove))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::again))
}

/// Its id is a secret.
fn checks() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(checks::begin))
        .routes(routes!(checks::media).layer(DefaultBodyLimit::max(MAX_SDP_BYTES)))
        .routes(routes!(checks::report).layer(DefaultBodyLimit::max(checks::MAX_REPORT_BYTES)))
}

fn tokens() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::create_many))
        .routes(routes!(tokens::revoke))
        .routes(routes!(links::create))
        .routes(routes!(links::exchange))
        .routes(routes!(invitations::reissue))
        .routes(routes!(sheets::show))
        .routes(routes!(invited::show))
        .routes(routes!(invited::reply))
        .routes(routes!(invited::calendar))
}

fn people() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(accounts::administrators))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::show, accounts::change, accounts::remove))
        .routes(routes!(people::list))
        .routes(routes!(people::show))
        .routes(routes!(logins::list))
        .routes(routes!(logins::end))
        .routes(routes!(acts::list))
}

/// What takes passwords or answers with secrets.
fn logins() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(login::show, login::begin, login::end))
        .routes(routes!(login::ways))
        .routes(routes!(by_provider::depart))
        .routes(routes!(by_provider::arrive))
        .routes(routes!(login::welcome))
        .routes(routes!(login::set_password))
        .routes(routes!(accounts::welcome))
        .routes(routes!(enter::enter))
}

/// The description alone.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

//! WHIP (RFC 9725) and WHEP: one HTTP request in, one peer; encoders publish and players watch
//! through the same code as browsers do.
//!
//! ```text
//! POST /whip/{conference}      offer ─▶ 201, answer, Location, ETag
//! PATCH {Location}             trickle (204) or ICE restart (200)
//! DELETE {Location}            ends it
//! ```

#![expect(
    unused_qualifications,
    reason = "in code that utoipa generates for queries"
)]

mod fragment;
mod ice_servers;
mod if_match;
mod resource;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use sfu::command::{Command as MediaCommand, IceCredentials, Joined, PeerPolicy};
use sfu::kind::MediaKind;
use sfu::sdp::OfferError;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::access::{AccessLog, Arrived};
use crate::app::App;
use crate::auth::{Grant, Rights, Verb};
use crate::conference::{Join, PeopleCommand};
use crate::conference_task::{Answer, Arrival, ConferenceHandle, Negotiated, NewPeer};
use crate::fresh;
use crate::ids::{ConferenceId, ParticipantId};
use crate::judging::Link;
use crate::listener::{ClientAddress, ReachedAs};
use crate::negotiation::{self, WatchedFeed};
use crate::outbox::{Outbox, OutboxReader, outbox};
use crate::protocol::Source;
use crate::refusal::{ErrorCode, Refusal};
use crate::rest::{ApiError, Body, ErrorBody, Path, Query};
use crate::telemetry::{Step, Trace};
use crate::unclaimed::Unclaimed;

use if_match::IfMatch;

pub use resource::{Resource, ResourceId, Resources};

/// Media type of an offer and an answer.
pub(crate) const SDP: &str = "application/sdp";

/// Media type of a part of one (RFC 8840).
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

/// What can be posted (RFC 9725 §4.1).
pub const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// What a resource can be patched with (RFC 5789 §3.1).
pub const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Largest offer, in bytes. Browsers make 10 to 30 KiB.
pub const MAX_SDP_BYTES: usize = 64 * 1024;

/// Which way the media goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// To us.
    Whip,
    /// From us: what the first picture shows, if that was said.
    Whep(Option<WatchedFeed>),
}

impl Direction {
    const fn path(self) -> &'static str {
        match self {
            Self::Whip => "whip",
            Self::Whep(_) => "whep",
        }
    }
}

/// WHIP (RFC 9725): joins as the token's participant and publishes.
///
/// # Errors
/// When the token may not publish, or the offer cannot be answered.
#[utoipa::path(
    post,
    path = "/whip/{conference}",
    tag = "media",
    params(("conference" = ConferenceId, Path)),
    request_body(content = String, content_type = "application/sdp", description = "The offer"),
    responses(
        (status = CREATED, body = String, content_type = "application/sdp", description = "The answer",
            headers(("location" = String), ("etag" = String), ("accept-patch" = String))),
        (status = CONFLICT, body = ErrorBody, description = "The conference has ended."),
    )
)]
pub async fn publish(
    State(app): State<App>,
    (client, reached, grant): (ClientAddress, ReachedAs, Grant),
    Path(conference): Path<ConferenceId>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    grant.permit(Verb::Publish)?;
    let posted = Posted {
        client,
        reached,
        direction: Direction::Whip,
        grant,
        conference,
        offer: offer(&headers, &body)?,
    };
    carried_through(app, posted).await
}

/// What a player wants to see.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WatchQuery {
    /// What the first video line shows; further ones show the rest of the stage. Without it they
    /// show `main`, `second` and `screen`, and a single one `programme`: who has the floor, else the
    /// main picture.
    #[param(inline)]
    feed: Option<WatchedFeed>,
}

/// WHEP: joins as the token's participant and watches.
///
/// # Errors
/// When the token may not watch, or the offer cannot be answered.
#[utoipa::path(
    post,
    path = "/whep/{conference}",
    tag = "media",
    params(("conference" = ConferenceId, Path), WatchQuery),
    request_body(content = String, content_type = "application/sdp", description = "The offer"),
    responses(
        (status = CREATED, body = String, content_type = "application/sdp", description = "The answer",
            headers(("location" = String), ("etag" = String), ("accept-patch" = String))),
        (status = CONFLICT, body = ErrorBody, description = "The conference has ended."),
    )
)]
pub async fn watch(
    State(app): State<App>,
    (client, reached, grant): (ClientAddress, ReachedAs, Grant),
    Path(conference): Path<ConferenceId>,
    Query(WatchQuery { feed }): Query<WatchQuery>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let posted = Posted {
        client,
        reached,
        direction: Direction::Whep(feed),
        grant,
        conference,
        offer: offer(&headers, &body)?,
    };
    carried_through(app, posted).await
}

/// The offer in a request.
pub(crate) fn offer(headers: &HeaderMap, body: &[u8]) -> Result<String, ApiError> {
    let bad_offer =
        |message: String| ApiError::new(StatusCode::BAD_REQUEST, ErrorCode::BadOffer, message);
    if body.iter().all(u8::is_ascii_whitespace) {
        // Some players expect the server's offer and send nothing, of no type.
        return Err(bad_offer(OfferError::Empty.to_string()));
    }
    check_type(headers, SDP)?;
    let text = std::str::from_utf8(body);
    text.map(str::to_owned)
        .map_err(|_| bad_offer("the offer is not UTF-8".to_owned()))
}

fn check_type(headers: &HeaderMap, wanted: &str) -> Result<(), ApiError> {
    let given = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(wanted) {
        return Ok(());
    }
    let message = format!("the content type is `{given}`, must be `{wanted}`");
    Err(ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::UnsupportedMediaType,
        message,
    ))
}

/// Who wants to publish or to watch, and how.
struct Posted {
    client: ClientAddress,
    reached: ReachedAs,
    direction: Direction,
    grant: Grant,
    conference: ConferenceId,
    offer: String,
}

/// Starts, also when the client does not wait for it: nothing is left half done.
async fn carried_through(app: App, posted: Posted) -> Result<Response, ApiError> {
    let tasks = app.tasks.clone();
    let starting = tasks.spawn(async move { traced(&app, posted).await });
    starting.await.map_err(|cause| {
        tracing::error!(%cause, "a WHIP or WHEP request broke off");
        ApiError::from(Refusal::new(ErrorCode::Internal, "the request broke off"))
    })?
}

/// Starts, and tells how long what took.
async fn traced(app: &App, posted: Posted) -> Result<Response, ApiError> {
    let (conference, role) = (posted.conference.clone(), posted.grant.role());
    let (wall, kind) = (|| app.clock.now().wall, posted.direction.path());
    let mut trace = Trace::begin(app.telemetry.as_deref(), Instant::now(), wall, kind);
    match start(app, posted, &mut trace).await {
        Ok((participant, response)) => {
            trace.entered(conference, participant, role);
            Ok(response)
        }
        Err(error) => {
            trace.refused(error.code());
            Err(error)
        }
    }
}

async fn start(
    app: &App,
    posted: Posted,
    trace: &mut Trace<'_>,
) -> Result<(ParticipantId, Response), ApiError> {
    let Posted {
        client,
        reached,
        direction,
        grant,
        conference: id,
        offer,
    } = posted;
    let conference = conference_of(app, &grant, &id).await?;
    trace.ends(Step::Token);
    let policy = policy(app, direction, grant.rights(), &conference);
    // First the offer: a bad one leaves no trace in the conference's log.
    let no_room = app.admission.no_room(app.media.media().peers());
    let link = Link::Token(grant.token().clone());
    let ufrags = fragment::ufrags(&offer);
    trace.begins(Step::Offer);
    let answered = app.media.join(link, &conference, offer, policy).await;
    let unclaimed = answered
        .map_err(|error| negotiation::refusal(&error))
        .inspect_err(|refusal| app.note_refused(&conference, refusal))?;
    let sources = sources(direction, unclaimed.joined())
        .inspect_err(|refusal| app.note_refused(&conference, refusal))?;
    trace.ends(Step::Offer);
    let peer = unclaimed.joined().peer;
    follow_programme(app, direction, unclaimed.joined());
    let (outbox, reader) = outbox(1);
    let join = Join {
        grant: grant.clone(),
        participant: fresh::participant(),
        session: fresh::session(),
        secret: fresh::secret().hash(),
        no_room,
        over: None,
    };
    let media = (unclaimed, sources);
    let entered = enter(&conference, join, direction, media, &outbox).await;
    let (participant, negotiated) =
        entered.inspect_err(|refusal| app.note_refused(&conference, refusal))?;
    trace.ends(Step::Admission);
    let arrived = Arrived {
        client,
        conference: &id,
        participant,
    };
    AccessLog::joined(arrived, &grant, direction.path());
    let servers = crate::ice_servers::of(app, &reached, &participant.to_string(), Some(&grant));
    let resource = Resource {
        grant,
        conference,
        participant,
        peer,
        candidates: fragment::candidates(&negotiated.sdp),
        ufrags,
    };
    let mut response = begun(app, resource, direction, negotiated, reader);
    ice_servers::announce(&servers, response.headers_mut());
    Ok((participant, response))
}

/// The conference that a token is for, if it may be used now.
async fn conference_of(
    app: &App,
    grant: &Grant,
    id: &ConferenceId,
) -> Result<ConferenceHandle, ApiError> {
    app.check_not_draining()?;
    if !grant.is_for(id) {
        return Err(ApiError::not_permitted(
            "the token is for another conference",
        ));
    }
    app.admission.may_use(Instant::now(), grant.token())?;
    Ok(app.directory.admit(id, grant).await?)
}

/// The answer of a resource that is there from now on, until its participant is gone.
fn begun(
    app: &App,
    resource: Resource,
    direction: Direction,
    negotiated: Negotiated,
    reader: OutboxReader,
) -> Response {
    let (participant, etag) = (resource.participant, etag(&negotiated.ice));
    let conference = resource.conference.id().clone();
    let resource_id = app.resources.insert(resource, etag.clone());
    let location = format!("/{}/{conference}/{resource_id}", direction.path());
    app.tasks.spawn({
        let app = Arc::clone(app);
        async move {
            // The participant is gone, or the server stops.
            reader.end().wait().await;
            app.resources.remove(&resource_id);
            if let Some(telemetry) = &app.telemetry {
                telemetry.gone(participant);
            }
        }
    });
    let headers = [
        (CONTENT_TYPE, SDP.to_owned()),
        (LOCATION, location),
        (ETAG, etag),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
    ];
    (StatusCode::CREATED, headers, negotiated.sdp).into_response()
}

/// A player with a single picture that chose nothing sees who speaks.
fn follow_programme(app: &App, direction: Direction, joined: &Joined) {
    if direction == Direction::Whep(None)
        && let Some(slot) = negotiation::single_picture(joined)
    {
        let feed = Some(WatchedFeed::Programme.feed());
        app.media
            .media()
            .command(MediaCommand::Watch { slot, feed });
    }
}

fn policy(
    app: &App,
    direction: Direction,
    rights: Rights,
    conference: &ConferenceHandle,
) -> PeerPolicy {
    let frame = negotiation::audio_frame_ms(&app.config().conferences, conference.sites());
    match direction {
        Direction::Whip => negotiation::whip_policy(rights, frame),
        Direction::Whep(chosen) => negotiation::whep_policy(chosen),
    }
}

/// Comes in as a participant with this peer.
async fn enter(
    conference: &ConferenceHandle,
    join: Join,
    direction: Direction,
    (peer, sources): (Unclaimed, BTreeMap<String, Source>),
    outbox: &Outbox,
) -> Result<(ParticipantId, Negotiated), Refusal> {
    let arrival = Arrival::Resource {
        outbox: outbox.clone(),
    };
    let participant = conference
        .enter(PeopleCommand::Join(Box::new(join)), arrival)
        .await?
        .participant;
    let peer = NewPeer {
        participant,
        outbox: outbox.clone(),
        sources,
        peer,
        active: direction == Direction::Whip,
        answer: Answer::Nobody,
    };
    match conference.negotiate(peer).await {
        Ok(negotiated) => Ok((participant, negotiated)),
        Err(refusal) => {
            conference.gone(participant, outbox.clone()).await;
            Err(refusal)
        }
    }
}

/// WHIP has no words for sources: the first picture is the camera, the second the screen, and there is
/// one sound. Whoever sends more is told so before it comes in: it knows which one it means.
fn sources(direction: Direction, joined: &Joined) -> Result<BTreeMap<String, Source>, Refusal> {
    let bad_offer = |message| Refusal::new(ErrorCode::BadOffer, message);
    if direction == Direction::Whip && joined.publications.is_empty() {
        return Err(bad_offer(
            "the offer sends nothing: make an m-line of it `a=sendonly`, or watch at /whep/",
        ));
    }
    let mut sources = BTreeMap::new();
    let mut videos = [Source::Camera, Source::Screen].into_iter();
    let mut audios = [Source::Microphone].into_iter();
    for publication in &joined.publications {
        let source = match publication.kind {
            MediaKind::Audio => audios.next().ok_or_else(|| {
                bad_offer(
                    "the offer sends more than one sound, and one is forwarded: send the one that is \
                     to be heard (OBS: one audio track in Settings, Output, Streaming; FFmpeg: -map)",
                )
            }),
            MediaKind::Video => videos.next().ok_or_else(|| {
                bad_offer(
                    "the offer sends more than two pictures, and two are forwarded, a camera and a \
                     screen: send those that are to be seen",
                )
            }),
        };
        sources.insert(publication.mid.to_string(), source?);
    }
    Ok(sources)
}

/// Names one ICE session (RFC 9725 §4.3.3).
fn etag(ice: &IceCredentials) -> String {
    format!("\"{}\"", ice.ufrag)
}

/// Ends what a `POST` to `/whip/…` or `/whep/…` began, or has ended already.
///
/// # Errors
/// When there is no such resource, or it is somebody else's.
#[utoipa::path(
    delete,
    path = "/whip/{conference}/{session}",
    tag = "media",
    params(("conference" = ConferenceId, Path), ("session" = String, Path, description = "from `location`")),
    responses((status = OK, description = "It has ended."))
)]
pub async fn delete(
    State(app): State<App>,
    grant: Grant,
    Path((conference, id)): Path<(ConferenceId, ResourceId)>,
) -> Result<StatusCode, ApiError> {
    // One that has ended by itself has ended: encoders close their connection first (OBS).
    if let Some(resource) = app.resources.find_to_end(&grant, &conference, &id)? {
        let participant = resource.participant;
        // From the participant itself; that it has just left is as good.
        let _ = resource.leave(participant).await;
        app.resources.remove(&id);
    }
    Ok(StatusCode::OK)
}

/// Trickles ICE candidates or restarts ICE (RFC 9725 §4.3). Our side needs no candidates, so trickling is accepted and means nothing; new
/// credentials restart ICE.
///
/// # Errors
/// When there is no such resource, the fragment makes no sense, or `If-Match` does not hold.
#[utoipa::path(
    patch,
    path = "/whip/{conference}/{session}",
    tag = "media",
    params(
        ("conference" = ConferenceId, Path),
        ("session" = String, Path, description = "from `location`"),
        ("if-match" = Option<String>, Header, description = "the ETag to trickle, `*` to restart ICE"),
    ),
    request_body(
        content = String,
        content_type = "application/trickle-ice-sdpfrag",
        description = "A part of an SDP (RFC 8840)"
    ),
    responses(
        (status = OK, body = String, content_type = "application/trickle-ice-sdpfrag",
            description = "The new ICE credentials", headers(("etag" = String))),
        (status = NO_CONTENT, description = "The candidates are taken note of."),
        (status = CONFLICT, body = ErrorBody, description = "There is no peer any more."),
        (status = PRECONDITION_FAILED, body = ErrorBody, description = "The ETag is that of a former ICE session."),
        (status = PRECONDITION_REQUIRED, body = ErrorBody, description = "A restart without `if-match`."),
    )
)]
pub async fn patch(
    State(app): State<App>,
    grant: Grant,
    Path((conference, id)): Path<(ConferenceId, ResourceId)>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ApiError> {
    let (resource, etag) = app.resources.find(&grant, &conference, &id)?;
    check_type(&headers, FRAGMENT)?;
    let fragment = std::str::from_utf8(&body)
        .ok()
        .and_then(fragment::Fragment::parse)
        .ok_or_else(|| ApiError::bad_request("the fragment is not a part of an SDP"))?;
    // RFC 9725 §4.3.3: a restart is asked for with `*`, trickling with the session's own tag. Common
    // WHEP clients trickle without a word.
    match IfMatch::read(&headers) {
        IfMatch::Any => restart(&app, &resource, &id, &fragment),
        IfMatch::Tags(tags) if tags.contains(&etag) => Ok(StatusCode::NO_CONTENT.into_response()),
        IfMatch::Tags(_) => Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            ErrorCode::BadMessage,
            "this ICE session is over: its ETag is another one now",
        )),
        IfMatch::Absent if fragment.is_of(&resource.ufrags) => {
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        IfMatch::Absent => Err(ApiError::new(
            StatusCode::PRECONDITION_REQUIRED,
            ErrorCode::BadMessage,
            "an ICE restart needs `If-Match: *`; trickling takes the ETag or nothing",
        )),
    }
}

/// Reads all that a `PATCH` says, whatever it is.
pub(crate) fn read_patch(headers: &HeaderMap, body: &[u8]) {
    let fragment = std::str::from_utf8(body)
        .ok()
        .and_then(fragment::Fragment::parse);
    if let Some(fragment) = fragment {
        let ice = fragment.credentials().unwrap_or_else(|| IceCredentials {
            ufrag: String::new(),
            pwd: String::new(),
        });
        let _ = fragment.answer(&ice, "");
    }
    let _ = IfMatch::read(headers);
}

fn restart(
    app: &App,
    resource: &Resource,
    id: &ResourceId,
    fragment: &fragment::Fragment,
) -> Result<Response, ApiError> {
    let theirs = fragment.credentials().ok_or_else(|| {
        ApiError::bad_request("an ICE restart needs `a=ice-ufrag` and `a=ice-pwd` of its own")
    })?;
    let ufrag = theirs.ufrag.clone();
    let ice = app
        .media
        .media()
        .renew_ice(resource.peer, theirs)
        .map_err(|error| ApiError::from(negotiation::refusal(&error)))?;
    let etag = etag(&ice);
    app.resources.renew(id, etag.clone(), ufrag);
    let headers = [(CONTENT_TYPE, FRAGMENT.to_owned()), (ETAG, etag)];
    Ok((
        StatusCode::OK,
        headers,
        fragment.answer(&ice, &resource.candidates),
    )
        .into_response())
}

/// Says what may be done and sent where somebody asks (`OPTIONS`, also before a request from another
/// origin) or has sent something else (RFC 9725 §4.2).
pub async fn announce(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map(MatchedPath::as_str).unwrap_or_default();
    let announced = if !path.starts_with("/whip/") && !path.starts_with("/whep/") {
        None
    } else if path.contains("{session}") {
        Some(("DELETE, PATCH, OPTIONS", ACCEPT_PATCH, FRAGMENT))
    } else {
        Some(("POST, OPTIONS", ACCEPT_POST, SDP))
    };
    let asks = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    let is_wrong = response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE;
    if let Some((methods, name, kind)) = announced.filter(|_| asks || is_wrong) {
        let headers = response.headers_mut();
        headers.insert(name, HeaderValue::from_static(kind));
        if asks {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
    }
    response
}

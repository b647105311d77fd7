//! The one way in which an HTTP request is refused: a status and `{code, message}`.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::TokenError;
use crate::conference_task::AskError;
use crate::refusal::{ErrorCode, Refusal};
use crate::retry;
use crate::store::StoreError;

/// Why an HTTP request was refused. Causes of our own go to the log, not to the client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    retry_after_seconds: Option<u32>,
}

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// Stable, for programs.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

/// Why a response refuses, for the access log.
#[derive(Clone, Debug)]
pub struct Refused {
    /// As in the body.
    pub code: ErrorCode,
    /// As in the body.
    pub why: String,
}

impl ApiError {
    /// Why.
    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    /// A refusal whose status does not follow from its code.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after_seconds: None,
        }
    }

    /// The request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadMessage, message)
    }

    /// There is no token in the request.
    pub fn no_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            ErrorCode::TokenInvalid,
            "this needs a token or a login: send `Authorization: Bearer …`, or log in",
        )
    }

    /// The token does not allow this.
    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ErrorCode::NotPermitted, message)
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        Self {
            retry_after_seconds: refusal.retry_after_seconds,
            ..Self::new(status(refusal.code), refusal.code, refusal.message)
        }
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error.code(), error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(cause: StoreError) -> Self {
        crate::directory::internal(&cause).into()
    }
}

/// The status that stands for a code.
const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadMessage
        | ErrorCode::JoinFirst
        | ErrorCode::UnsupportedProtocol
        | ErrorCode::BadOffer
        | ErrorCode::PasswordWeak => StatusCode::BAD_REQUEST,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::TokenInvalid
        | ErrorCode::TokenExpired
        | ErrorCode::TokenRevoked
        | ErrorCode::NotInvited
        | ErrorCode::TokenNotYetValid
        | ErrorCode::LoginWrong
        | ErrorCode::LoginEnded => StatusCode::UNAUTHORIZED,
        ErrorCode::NotPermitted | ErrorCode::Removed => StatusCode::FORBIDDEN,
        ErrorCode::SessionUnknown
        | ErrorCode::TakenOver
        | ErrorCode::ConferenceUnknown
        | ErrorCode::NotFound
        | ErrorCode::ParticipantUnknown => StatusCode::NOT_FOUND,
        ErrorCode::ConferenceNotRunning
        | ErrorCode::ConferenceExists
        | ErrorCode::TooManyConferences
        | ErrorCode::ConferenceBegun
        | ErrorCode::ConferenceNotOpen
        | ErrorCode::ConferenceCancelled
        | ErrorCode::BookingStale
        | ErrorCode::BookingClosed
        | ErrorCode::SiteInUse
        | ErrorCode::PreviewStale
        | ErrorCode::LoginTaken
        | ErrorCode::LastAdministrator
        | ErrorCode::LimitReached
        | ErrorCode::WrongState
        | ErrorCode::NoMedia
        | ErrorCode::StandBy
        | ErrorCode::FloorNotRequested
        | ErrorCode::FloorNotHeld
        | ErrorCode::FloorAlreadyRequested => StatusCode::CONFLICT,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::ConferenceFull | ErrorCode::ServerFull | ErrorCode::Overloaded => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorCode::Internal | ErrorCode::OutcomeUnknown | ErrorCode::RecordDamaged => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self {
            status,
            code,
            message,
            retry_after_seconds,
        } = self;
        let refused = Refused {
            code,
            why: message.clone(),
        };
        let mut response = (status, Json(ErrorBody { code, message })).into_response();
        response.extensions_mut().insert(refused);
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(
            status,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
        ) {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry::spread_retry()));
        }
        if let Some(seconds) = retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

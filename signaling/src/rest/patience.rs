//! How long a request may take, and what is answered when it takes longer.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::time::timeout;

use super::ApiError;
use crate::refusal::{ErrorCode, Refusal};

/// How long may take what a whole country is gone through for, or comes in by a weak line: a list of 16 MiB
/// needs two minutes at 1 Mbit/s. Higher: who sends it slowly keeps a connection for longer.
const LONG: Duration = Duration::from_secs(600);

/// What may take so long.
static LONG_ONES: [(Method, &str); 17] = [
    (Method::GET, "/api/v1/bookings/export"),
    (Method::GET, "/api/v1/bookings/{booking}/audience"),
    (Method::GET, "/api/v1/bookings/{booking}/readiness"),
    (Method::GET, "/api/v1/bookings/{booking}/sheets/{province}"),
    (Method::GET, "/api/v1/sites/export"),
    (Method::PATCH, "/api/v1/bookings/{booking}"),
    (Method::POST, "/api/v1/bookings"),
    (Method::POST, "/api/v1/bookings/import"),
    (Method::POST, "/api/v1/bookings/import/preview"),
    (Method::POST, "/api/v1/bookings/{booking}/cancel"),
    (Method::POST, "/api/v1/bookings/{booking}/copy"),
    (Method::POST, "/api/v1/bookings/{booking}/invitations/send"),
    (Method::POST, "/api/v1/bookings/{booking}/publish"),
    (Method::POST, "/api/v1/conferences/{conference}/tokens"),
    (Method::POST, "/api/v1/sites/import"),
    (Method::POST, "/api/v1/sites/import/preview"),
    (Method::PUT, "/api/v1/conferences/{conference}/roster"),
];

/// Has a request answered in time: `usually` is how long one may take that is none of the long ones.
pub(crate) async fn in_time(
    State(usually): State<Duration>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let is_long = path.is_some_and(|path| is_long(request.method(), path.as_str()));
    let most = if is_long { usually.max(LONG) } else { usually };
    let answered = timeout(most, next.run(request)).await;
    answered.unwrap_or_else(|_| late(most).into_response())
}

fn is_long(method: &Method, path: &str) -> bool {
    LONG_ONES.iter().any(|(of, at)| of == method && *at == path)
}

/// No 408: browsers send again by themselves what was answered so, whatever it does.
fn late(most: Duration) -> ApiError {
    let seconds = most.as_secs();
    let message = format!(
        "this has taken more than {seconds} s, and may happen nevertheless: look whether it has before you \
         ask for it again"
    );
    Refusal::new(ErrorCode::TimedOut, message).into()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::any;
    use tokio::time::{Instant, sleep};
    use tower::ServiceExt as _;

    use super::*;

    /// What is answered to a request that takes so long, and after how long.
    async fn asked(method: Method, path: &str, takes: Duration) -> (StatusCode, String, Duration) {
        let slow = move || async move {
            sleep(takes).await;
            "done"
        };
        let usually = Duration::from_secs(30);
        let router = Router::new()
            .route("/api/v1/sites/import", any(slow))
            .route("/api/v1/bookings/{booking}/publish", any(slow))
            .route("/api/v1/sites", any(slow))
            .layer(from_fn_with_state(usually, in_time));
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let began = Instant::now();
        let answer = router.oneshot(request).await.unwrap();
        let (status, took) = (answer.status(), began.elapsed());
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        (status, String::from_utf8(body.into()).unwrap(), took)
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_refused_in_a_sentence_and_never_so_that_it_is_sent_again() {
        let hour = Duration::from_secs(3_600);
        for (path, most) in [("/api/v1/sites", 30), ("/api/v1/sites/import", 600)] {
            let (status, body, took) = asked(Method::POST, path, hour).await;
            assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "{path}");
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["code"], "timed_out", "{body}");
            let says = body["message"].as_str().unwrap();
            assert!(says.contains(&format!("more than {most} s")), "{says}");
            assert_eq!(took.as_secs(), most, "{path}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_country_is_gone_through_for_is_waited_for() {
        let minutes = Duration::from_secs(300);
        for path in ["/api/v1/sites/import", "/api/v1/bookings/01JD/publish"] {
            let (status, body, _) = asked(Method::POST, path, minutes).await;
            assert_eq!((status, body.as_str()), (StatusCode::OK, "done"), "{path}");
        }
        let (status, ..) = asked(Method::GET, "/api/v1/sites/import", minutes).await;
        assert_eq!(status, StatusCode::GATEWAY_TIMEOUT, "by another method");
    }

    /// What is called otherwise by now would be cut off.
    #[test]
    fn the_long_ones_are_there() {
        let description = serde_json::to_value(super::super::description()).unwrap();
        for (method, path) in &LONG_ONES {
            let method = method.as_str().to_lowercase();
            assert!(
                description["paths"][path][&method].is_object(),
                "{method} {path}"
            );
        }
    }
}

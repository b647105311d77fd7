//! Places at the media plane: refused when there are none, and there again for the next conference.

use axum::body::Body;
use axum::http::StatusCode;
use jiff::SignedDuration;
use signaling::auth::{Narrowing, NewToken, Role};
use signaling::conference::{Actor, PhaseCommand};

use crate::house::{Answer, House, id_of};

const OFFER: &str = include_str!("../../../sfu/tests/golden/chromium-watch-offer.sdp");
const PLACES: u32 = 3;

impl House {
    /// A viewer asks by WHEP, and does nothing further.
    async fn watch(&self, conference: &str, viewer: u32) -> Answer {
        let new = NewToken {
            subject: Some(format!("viewer {viewer}")),
            conference: Some(id_of(conference)),
            site: Some(format!("{viewer:05}").parse().expect("a code")),
            role: Role::Site,
            name: None,
            valid_for: SignedDuration::from_hours(1),
            narrowing: Narrowing::default(),
        };
        let app = self.server.app();
        let id = signaling::fresh::token_id();
        let issued = app.keys.issue(new, id, app.clock.now().wall);
        let token = issued.expect("the claims make sense").token;
        let path = format!("/whep/{conference}");
        let offer = Body::from(OFFER);
        self.ask_as("POST", &path, Some(&token), "application/sdp", offer)
            .await
    }

    /// What `/metrics` and the limit count.
    fn peers(&self) -> usize {
        let app = self.server.app();
        let media = app.media.media();
        assert_eq!(media.stats().peers, media.peers() as u64);
        media.peers()
    }
}

#[tokio::test]
async fn three_conferences_that_have_ended_leave_no_place_taken() {
    let house = House::with_media(PLACES).await;
    for name in ["first", "second", "third", "fourth"] {
        let conference = house.begin(name).await;
        for viewer in 0..PLACES {
            let answer = house.watch(name, viewer).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{name}: {answer:?}");
        }
        let refused = house.watch(name, PLACES).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.code(), "server_full");
        assert_eq!(house.peers(), PLACES as usize);
        let ended = conference.change(Actor::SYSTEM, PhaseCommand::End).await;
        ended.expect("it runs");
        assert_eq!(house.peers(), 0, "after the one called {name}");
    }
}

#[tokio::test]
async fn an_offer_that_cannot_be_answered_takes_no_place() {
    let house = House::with_media(PLACES).await;
    let token = house.token(Role::Site);
    for _ in 0..=PLACES {
        let path = "/whep/weekly";
        let answer = house
            .ask_as(
                "POST",
                path,
                Some(&token),
                "application/sdp",
                Body::from("v=0"),
            )
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
    }
    assert_eq!(house.peers(), 0);
}

//! A whole server in this process, or as one of its own, over real sockets, with a media plane
//! that writes down what it is told.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as loudly as the tests"
)]

mod acme;
mod authority;
mod bookings;
mod calendar;
mod checks;
mod client;
mod clock;
mod condition;
mod corrections;
mod dashboards;
mod database;
mod demand;
mod exchange;
mod fake_media;
mod floor;
mod follow;
mod health;
mod invitations;
mod kept;
mod letters;
mod lines;
mod links;
mod lists;
mod mail;
mod mail_secured;
mod mail_sink;
mod oidc;
mod outage;
mod programme;
mod proxied;
mod readiness;
mod reload;
mod rest;
mod restart;
mod room;
mod seats;
mod secured;
mod session;
mod sheets;
mod telemetry;
mod webhooks;
mod whip;
mod world;

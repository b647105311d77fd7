//! What is amiss at the server itself, for whoever checks: a site does not see it, and it keeps people out.

use crate::app::App;
use crate::check::{Cause, Colour};
use crate::descriptors;
use crate::doctor::{judge, measure};

/// All of it. Touches the disk no more than a question of `/readyz` does.
pub(crate) async fn amiss(app: &App) -> Vec<Cause> {
    let not_after = app.tls.as_ref().and_then(|tls| tls.not_after());
    let has_ended = not_after.is_some_and(|until| until <= app.clock.now().wall);
    let config = app.config();
    let limit = descriptors::limit();
    let machine = [
        Some(measure::space(&config.data_dir)),
        limit.map(|limit| judge::descriptors(limit, descriptors::wanted(&config))),
    ];
    let red = machine
        .into_iter()
        .flatten()
        .filter_map(|found| found.cause);
    // What gets bad one day is the operator's concern, not that of somebody in a commune.
    let mut all: Vec<_> = red.filter(|cause| cause.colour() == Colour::Red).collect();
    if has_ended {
        all.push(Cause::CertificateExpired);
    }
    if !all.contains(&Cause::DiskFull) && !app.store_check.is_storing(&app.store).await {
        all.push(Cause::DiskUnwritable);
    }
    all
}

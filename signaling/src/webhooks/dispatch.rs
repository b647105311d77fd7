//! Who is told next: each webhook one thing at a time, in order, and none waits for another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;
use tracing::{error, warn};

use super::attempt::judge;
use super::batch;
use super::courier::{Courier, Message};
use crate::app::App;
use crate::ids::WebhookId;
use crate::store::{Delivery, StoreError, Webhook};

/// How long what happens is gathered before somebody is told. Higher: fewer requests. Lower: sooner.
const GATHER: Duration = Duration::from_millis(250);

/// Longest that nobody looks, if nobody says that there is something.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How long the store is left alone that has failed.
const PAUSE: Duration = Duration::from_secs(2);

/// What comes of telling one webhook.
type Told = BoxFuture<'static, (WebhookId, Result<(), StoreError>)>;

/// Tells webhooks until the server drains. Whoever is told meanwhile is told again at the next start.
pub(crate) async fn run(app: App) {
    let courier = match Courier::open(&app.config().webhooks) {
        Ok(courier) => Arc::new(courier),
        Err(cause) => return error!(cause = %format!("{cause:#}"), "no webhook is told anything"),
    };
    let mut growth = app.store.journal_growth();
    let mut changes = app.webhooks.subscribe();
    let mut dispatch = Dispatch {
        app: Arc::clone(&app),
        courier,
        under_way: FuturesUnordered::new(),
        busy: BTreeSet::new(),
        has_failed: false,
    };
    loop {
        growth.mark_unchanged();
        changes.mark_unchanged();
        let look_after = dispatch.look().await;
        tokio::select! {
            () = app.draining.cancelled() => return,
            Some((webhook, outcome)) = dispatch.under_way.next() => {
                dispatch.busy.remove(&webhook);
                dispatch.note(outcome);
            }
            _ = growth.changed() => sleep(GATHER).await,
            _ = changes.changed() => {}
            () = sleep(look_after) => {}
        }
    }
}

struct Dispatch {
    app: App,
    courier: Arc<Courier>,
    under_way: FuturesUnordered<Told>,
    /// Those who are being told something.
    busy: BTreeSet<WebhookId>,
    has_failed: bool,
}

impl Dispatch {
    /// Tells all that wait, and says when to look again.
    async fn look(&mut self) -> Duration {
        match self.look_at_all().await {
            Ok(next) => {
                self.has_failed = false;
                next
            }
            Err(cause) => {
                self.note(Err(cause));
                PAUSE
            }
        }
    }

    fn note(&mut self, outcome: Result<(), StoreError>) {
        if let Err(cause) = outcome
            && !std::mem::replace(&mut self.has_failed, true)
        {
            warn!(%cause, "cannot see what webhooks are to be told, or store that they were");
        }
    }

    async fn look_at_all(&mut self) -> Result<Duration, StoreError> {
        let mut look_after = LOOK_EVERY;
        for webhook in self.app.store.webhooks().await? {
            if !webhook.is_on || self.busy.contains(&webhook.id) {
                continue;
            }
            let Some(delivery) = next_for(&self.app, &webhook).await? else {
                continue;
            };
            let now = self.app.clock.now().wall;
            let wait = Duration::try_from(delivery.due_at.duration_since(now)).unwrap_or_default();
            if wait.is_zero() {
                self.busy.insert(webhook.id);
                let (app, courier) = (Arc::clone(&self.app), Arc::clone(&self.courier));
                self.under_way
                    .push(Box::pin(tell(app, courier, webhook, delivery)));
            } else {
                look_after = look_after.min(wait);
            }
        }
        Ok(look_after)
    }
}

/// What a webhook is to be told next: what waits, or what has happened since.
async fn next_for(app: &App, webhook: &Webhook) -> Result<Option<Delivery>, StoreError> {
    let store = &app.store;
    let mut seen = webhook.seen;
    loop {
        if let Some(waiting) = store.waiting_delivery(webhook.id).await? {
            return Ok(Some(waiting));
        }
        let page = store.journal_after(seen, batch::LOOKED_AT).await?;
        let Some(new) = batch::next(&webhook.filter, seen, &page) else {
            return Ok(None);
        };
        let now = app.clock.now().wall;
        store.add_delivery(webhook.id, new, now).await?;
        if new.events == 0 && !page.is_full {
            return Ok(None);
        }
        seen = new.last;
    }
}

async fn tell(
    app: App,
    courier: Arc<Courier>,
    webhook: Webhook,
    delivery: Delivery,
) -> (WebhookId, Result<(), StoreError>) {
    let id = webhook.id;
    let told = try_tell(&app, &courier, &webhook, &delivery).await;
    if told.is_err() {
        // It is tried again at once otherwise.
        sleep(PAUSE).await;
    }
    (id, told)
}

async fn try_tell(
    app: &App,
    courier: &Courier,
    webhook: &Webhook,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    let stretch = delivery.last_number.saturating_sub(delivery.after_number);
    let limit = u32::try_from(stretch).unwrap_or(u32::MAX);
    let page = app
        .store
        .journal_after(delivery.after_number, limit)
        .await?;
    let within = page.entries.iter();
    let within = within.take_while(|entry| entry.number <= delivery.last_number);
    let entries: Vec<_> = within.cloned().collect();
    let message = Message {
        webhook: webhook.id,
        sequence: delivery.sequence,
        body: batch::body(webhook.id, delivery.sequence, &webhook.filter, &entries),
    };
    let now = app.clock.now().wall;
    let answer = courier.tell(&webhook.url, &app.keys, message, now).await;
    let now = app.clock.now().wall;
    let attempted = judge(delivery, answer, now);
    app.store.note_attempt(webhook.id, attempted, now).await
}

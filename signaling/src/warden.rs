//! Makes what was taken back hold: also when another process took it back, also for those who are
//! in.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::app::{App, Inner};
use crate::auth::{CLOCK_LEEWAY, RevokedToken, Withdrawn};
use crate::ids::TokenId;
use crate::store::StoreError;

/// How often the store is asked what `dinh token revoke` beside the running server has taken back.
/// Higher: less to do. Lower: a link that got lost is good for less long.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How often what has expired is forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Looks until it is told to stop by being dropped.
pub(crate) async fn watch(app: App) {
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tidied_at: Option<Instant> = None;
    let mut is_failing = false;
    loop {
        let now = look.tick().await;
        let looked = app.heed_revocations().await;
        // One line when it begins, not one each time.
        if let Err(cause) = &looked
            && !is_failing
        {
            warn!(%cause, "cannot see which tokens were taken back");
        }
        is_failing = looked.is_err();
        if tidied_at.is_none_or(|at| now.saturating_duration_since(at) >= TIDY_EVERY) {
            tidied_at = Some(now);
            tidy(&app).await;
        }
    }
}

async fn tidy(app: &App) {
    let now = app.clock.now().wall;
    app.keys.revoked().forget_expired(now);
    forget_tokens(app, now).await;
    if let Err(cause) = tidy_accounts(app, now).await {
        warn!(%cause, "cannot forget logins, codes and acts whose time is over");
    }
    forget_mails(app, now).await;
}

async fn forget_tokens(app: &App, now: Timestamp) {
    match app.store.prune_tokens(now).await {
        Ok(0) => {}
        Ok(pruned) => info!(pruned, "forgot tokens whose time is over"),
        Err(cause) => warn!(%cause, "cannot forget tokens whose time is over"),
    }
}

async fn tidy_accounts(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let accounts = &app.config().accounts;
    app.store.prune_logins(now, accounts.login_times()).await?;
    app.store.prune_welcomes(now).await?;
    let kept_since = now.saturating_sub(accounts.acts_kept());
    app.store
        .prune_acts(kept_since.unwrap_or(Timestamp::MIN))
        .await?;
    Ok(())
}

async fn forget_mails(app: &App, now: Timestamp) {
    match app.store.prune_mails(now).await {
        Ok(0) => {}
        Ok(pruned) => info!(pruned, "forgot mails that were sent long ago"),
        Err(cause) => warn!(%cause, "cannot forget mails that were sent long ago"),
    }
}

impl Inner {
    /// Takes a token back: from now on nobody comes in with it, and whoever did has to go.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn revoke(self: &Arc<Self>, token: TokenId) -> Result<(), StoreError> {
        let expires_at = self
            .store
            .revoke_token(&token, self.clock.now().wall)
            .await?;
        self.keys.revoked().extend([RevokedToken {
            id: token,
            expires_at,
            why: Withdrawn::TakenBack,
        }]);
        self.directory.tokens_revoked().await;
        Ok(())
    }

    /// Learns what was taken back, by whichever process.
    pub(crate) async fn heed_revocations(&self) -> Result<(), StoreError> {
        let now = self.clock.now().wall;
        let still_good = now.checked_sub(CLOCK_LEEWAY).unwrap_or(now);
        let revoked = self.store.revoked_tokens(still_good).await?;
        if self.keys.revoked().extend(revoked) {
            self.directory.tokens_revoked().await;
        }
        Ok(())
    }
}

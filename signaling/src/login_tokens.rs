//! What ends with a login or an account: the tokens with which its person has entered conferences.

use std::sync::Arc;

use crate::app::Inner;
use crate::ids::{AccountId, LoginId, TokenId};
use crate::store::StoreError;

/// How it is written down that a token was made for whoever has this login.
pub(crate) fn issued_by(login: &TokenId) -> String {
    format!("login:{login}")
}

impl Inner {
    /// Ends a login, of this account only if one is named; whether there was one.
    pub(crate) async fn end_login(
        self: &Arc<Self>,
        id: LoginId,
        of: Option<AccountId>,
    ) -> Result<bool, StoreError> {
        let ended = self.store.end_login(id, of).await?;
        if ended {
            let by = issued_by(&TokenId::of_login(id));
            let now = self.clock.now().wall;
            self.revoke_all(self.store.tokens_issued_by(&by, now).await?)
                .await?;
        }
        Ok(ended)
    }

    /// Takes back every token that is for somebody.
    pub(crate) async fn revoke_all_of(self: &Arc<Self>, subject: &str) -> Result<(), StoreError> {
        let now = self.clock.now().wall;
        self.revoke_all(self.store.tokens_for(subject, now).await?)
            .await
    }

    async fn revoke_all(self: &Arc<Self>, tokens: Vec<TokenId>) -> Result<(), StoreError> {
        for token in tokens {
            self.revoke(token).await?;
        }
        Ok(())
    }
}

//! A provider as it describes itself: where it asks people, where codes are exchanged, and its keys.

use std::borrow::Cow;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClientAuthMethod, CoreJsonWebKeySet, CoreJwsSigningAlgorithm,
    CoreProviderMetadata, CoreResponseType,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken,
    IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, SignatureVerificationError, TokenResponse as _,
};
use tokio::time::Instant;

use super::address;
use super::attempts::Attempt;
use super::claims::Claims;
use super::client::{IdClaims, PersonClaims, ProviderClient, Tokens};
use super::fetch::Fetch;
use super::trouble::Trouble;
use crate::config::Oidc;
use crate::tls::source_of;

/// By how much the clocks of a provider and of this server may differ.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Longest name by which a provider knows a person (OpenID Connect Core §2).
const MAX_SUBJECT_BYTES: usize = 255;

/// With what a provider may sign: with a key of its own, whose other half it publishes.
pub(super) const SIGNED_WITH: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// See the module.
#[derive(Debug)]
pub(super) struct Provider {
    /// As it was configured when it described itself.
    pub(super) config: Oidc,
    /// When that was.
    pub(super) since: Instant,
    client: ProviderClient,
    issuer: IssuerUrl,
    keys: CoreJsonWebKeySet,
    fetch: Arc<Fetch>,
}

/// What is waited for. It holds what it needs: of the library's own futures the compiler cannot tell whether
/// they may move between threads while they borrow.
pub(super) type Asking<T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send>>;

/// What somebody takes along to a provider, and what is kept here meanwhile.
#[derive(Debug)]
pub(super) struct Departure {
    pub(super) url: String,
    pub(super) state: CsrfToken,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

impl Provider {
    /// Has it describe itself; fails when it does not, or not as it should.
    pub(super) fn discover(config: Oidc, now: Instant) -> Asking<Self> {
        Box::pin(async move {
            let fetch = opened(&config.authority).await;
            let fetch = fetch.map_err(|error| Trouble::Away(format!("`authority`: {error}")))?;
            let issuer = IssuerUrl::new(config.issuer.clone());
            let issuer = issuer.map_err(|error| Trouble::Nonsense(error.to_string()))?;
            let http = Fetch::shared(&fetch);
            let metadata = CoreProviderMetadata::discover_async(issuer.clone(), &http).await?;
            Self::described(config, now, fetch, metadata)
        })
    }

    /// One that has said this of itself.
    ///
    /// # Errors
    /// When nobody can be sent there.
    pub(super) fn described(
        config: Oidc,
        now: Instant,
        fetch: Arc<Fetch>,
        metadata: CoreProviderMetadata,
    ) -> Result<Self, Trouble> {
        let people = metadata.authorization_endpoint().url();
        if !address::may_be_asked(people) {
            let said = format!("it sends people to {people}: that is not https://");
            return Err(Trouble::Nonsense(said));
        }
        let (issuer, keys) = (metadata.issuer().clone(), metadata.jwks().clone());
        let auth_type = auth_type(&metadata);
        let client = ProviderClient::from_provider_metadata(
            metadata,
            ClientId::new(config.client_id.clone()),
            Some(ClientSecret::new(config.client_secret.expose().to_owned())),
        );
        Ok(Self {
            config,
            since: now,
            client: client.set_auth_type(auth_type),
            issuer,
            keys,
            fetch,
        })
    }

    /// Where somebody is sent who wants to log in, to come back to `redirect`.
    ///
    /// # Errors
    /// When that is no address.
    pub(super) fn depart(&self, redirect: &str) -> Result<Departure, Trouble> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let scopes = self.config.scopes.iter();
        let scopes = scopes.filter(|scope| *scope != "openid");
        let (url, state, nonce) = self
            .client
            .authorize_url::<_, CoreResponseType, _>(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scopes(scopes.cloned().map(Scope::new))
            .set_pkce_challenge(challenge)
            .set_redirect_uri(Cow::Owned(address_of(redirect)?))
            .url();
        Ok(Departure {
            url: url.into(),
            state,
            nonce,
            verifier,
        })
    }

    /// Exchanges the code with which somebody has come back; fails when the provider gives nothing for it.
    pub(super) fn exchange(self: &Arc<Self>, code: String, attempt: &Attempt) -> Asking<Tokens> {
        let provider = Arc::clone(self);
        let verifier = PkceCodeVerifier::new(attempt.verifier.secret().clone());
        let redirect = address_of(&attempt.redirect);
        Box::pin(async move {
            let http = Fetch::shared(&provider.fetch);
            let request = provider.client.exchange_code(AuthorizationCode::new(code));
            let request = request.map_err(|error| Trouble::Nonsense(error.to_string()))?;
            let asked = request
                .set_pkce_verifier(verifier)
                .set_redirect_uri(Cow::Owned(redirect?))
                .request_async(&http)
                .await;
            Ok(asked?)
        })
    }

    /// What the ID token says, if it is signed with a key that is known: `None` asks for newer ones.
    ///
    /// # Errors
    /// When it is not for this server, this attempt and this time.
    pub(super) fn read<'t>(
        &self,
        tokens: &'t Tokens,
        nonce: &Nonce,
        now: Timestamp,
    ) -> Result<Option<&'t IdClaims>, Trouble> {
        let nonsense = |said: String| Trouble::Nonsense(format!("its ID token: {said}"));
        let token = tokens.id_token();
        let token = token.ok_or_else(|| nonsense("there is none".to_owned()))?;
        let earliest = SystemTime::from(now.saturating_sub(LEEWAY).unwrap_or(Timestamp::MIN));
        let latest = now.saturating_add(LEEWAY).unwrap_or(Timestamp::MAX);
        let verifier = IdTokenVerifier::new_public_client(
            ClientId::new(self.config.client_id.clone()),
            self.issuer.clone(),
            self.keys.clone(),
        )
        .set_allowed_algs(SIGNED_WITH)
        .set_time_fn(move || earliest.into())
        .set_issue_time_verifier_fn(move |at| {
            if at.timestamp() <= latest.as_second() {
                return Ok(());
            }
            Err("it is of the future: compare the clocks".to_owned())
        });
        match token.claims(&verifier, nonce) {
            Ok(claims) if claims.subject().len() > MAX_SUBJECT_BYTES => {
                Err(nonsense("its subject is too long".to_owned()))
            }
            Ok(claims) => Ok(Some(claims)),
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => Ok(None),
            Err(error) => Err(nonsense(source_of(&error))),
        }
    }

    /// Who has come: as the ID token says, and as the provider says when it is asked for the rest; fails when
    /// it is asked and does not answer as it should.
    pub(super) fn person(self: &Arc<Self>, tokens: &Tokens, token: &IdClaims) -> Asking<Claims> {
        let provider = Arc::clone(self);
        let claims = Claims::of_token(token, &self.config.groups_claim);
        let (access, subject) = (tokens.access_token().clone(), token.subject().clone());
        Box::pin(async move {
            if !claims.lacks() {
                return Ok(claims);
            }
            let Ok(request) = provider.client.user_info(access, Some(subject)) else {
                // There is nobody to ask.
                return Ok(claims);
            };
            let http = Fetch::shared(&provider.fetch);
            let said: PersonClaims = request.request_async(&http).await?;
            Ok(claims.or(Claims::of_person(&said, &provider.config.groups_claim)))
        })
    }
}

/// How a provider is asked whose certificate this authority has made, or one that this machine trusts; fails
/// when the authority cannot be read.
pub(super) async fn opened(authority: &Path) -> Result<Arc<Fetch>, String> {
    let authority = authority.to_owned();
    // It reads whom this machine trusts.
    let fetch = tokio::task::spawn_blocking(move || Fetch::open(&authority)).await;
    let fetch = fetch.map_err(|error| error.to_string())?;
    fetch.map(Arc::new).map_err(|error| format!("{error:#}"))
}

fn address_of(redirect: &str) -> Result<RedirectUrl, Trouble> {
    RedirectUrl::new(redirect.to_owned())
        .map_err(|error| Trouble::Nonsense(format!("`http.public_url`: {error}")))
}

/// How the secret is shown: as the provider wants it, in a header where it does not say.
fn auth_type(metadata: &CoreProviderMetadata) -> AuthType {
    let wanted = metadata.token_endpoint_auth_methods_supported();
    let wants = |method: &CoreClientAuthMethod| wanted.is_some_and(|all| all.contains(method));
    let in_body = wants(&CoreClientAuthMethod::ClientSecretPost)
        && !wants(&CoreClientAuthMethod::ClientSecretBasic);
    if in_body {
        AuthType::RequestBody
    } else {
        AuthType::BasicAuth
    }
}

//! Looking at a provider while nobody logs in: would it let anybody in here?

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::{Request, StatusCode};
use openidconnect::core::CoreProviderMetadata;
use openidconnect::{DiscoveryError, HttpRequest, IssuerUrl};
use tokio::time::Instant;

use super::attempts::Attempt;
use super::fetch::{Fetch, FetchError};
use super::provider::{Departure, Provider, SIGNED_WITH, opened};
use super::trouble::Trouble;
use crate::config::Oidc;
use crate::fresh;
use crate::tls::source_of;

/// With what a code is asked for that nobody was given.
const NO_CODE: &str = "dinh-doctor";

/// Why a provider lets nobody in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// Its authority cannot be read.
    Authority(String),
    /// Nothing answers at this address, or nothing that is trusted.
    Away { at: String, said: String },
    /// What answers at this address cannot be used.
    Unusable { at: String, said: String },
    /// It calls itself otherwise.
    OtherIssuer(String),
    /// It publishes no key.
    NoKeys { at: String },
    /// It signs with nothing that is believed here.
    Algorithms(String),
    /// It lets nobody log in who is to come back here.
    WayBack(StatusCode),
    /// It does not know this server by its name and secret.
    Client(String),
}

/// How many keys a provider publishes that would let people in and send them back to `redirect`.
///
/// # Errors
/// With the first thing that is amiss.
pub(crate) async fn look(config: &Oidc, redirect: &str) -> Result<usize, Fault> {
    let fetch = opened(&config.authority).await.map_err(Fault::Authority)?;
    let metadata = described(config, &fetch).await?;
    let keys = metadata.jwks().keys().len();
    if keys == 0 {
        let at = metadata.jwks_uri().to_string();
        return Err(Fault::NoKeys { at });
    }
    let algorithms = metadata.id_token_signing_alg_values_supported();
    if !algorithms.iter().any(|one| SIGNED_WITH.contains(one)) {
        let names = algorithms.iter().filter_map(|one| {
            let name = serde_json::to_value(one).ok()?;
            Some(name.as_str()?.to_owned())
        });
        return Err(Fault::Algorithms(names.collect::<Vec<_>>().join(", ")));
    }
    let unusable = |trouble: &Trouble| Fault::Unusable {
        at: config.issuer.clone(),
        said: trouble.said(),
    };
    let shared = Arc::clone(&fetch);
    let provider = Provider::described(config.clone(), Instant::now(), shared, metadata);
    let provider = Arc::new(provider.map_err(|trouble| unusable(&trouble))?);
    let departure = provider.depart(redirect);
    let departure = departure.map_err(|trouble| unusable(&trouble))?;
    may_come_back(&fetch, &departure).await?;
    is_known(&provider, departure, redirect).await?;
    Ok(keys)
}

/// What it says of itself, with its keys.
async fn described(config: &Oidc, fetch: &Arc<Fetch>) -> Result<CoreProviderMetadata, Fault> {
    // What was asked last is what has failed.
    let asked = Mutex::new(config.issuer.clone());
    let ask = Fetch::shared(fetch);
    let http = |request: HttpRequest| {
        *asked.lock().unwrap_or_else(PoisonError::into_inner) = request.uri().to_string();
        ask(request)
    };
    let issuer = IssuerUrl::new(config.issuer.clone());
    let issuer = issuer.map_err(|error| Fault::Unusable {
        at: config.issuer.clone(),
        said: error.to_string(),
    })?;
    let described = CoreProviderMetadata::discover_async(issuer, &http).await;
    let at = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    described.map_err(|error| match error {
        DiscoveryError::Request(FetchError::Away(said)) => Fault::Away { at, said },
        DiscoveryError::Request(FetchError::Nonsense(said)) => Fault::Unusable { at, said },
        DiscoveryError::Validation(said) => Fault::OtherIssuer(said),
        error => Fault::Unusable {
            at,
            said: Trouble::Nonsense(source_of(&error)).said(),
        },
    })
}

/// Somebody comes to its door without being known there: it must ask who that is.
async fn may_come_back(fetch: &Arc<Fetch>, departure: &Departure) -> Result<(), Fault> {
    let request = Request::get(&departure.url).body(Vec::new());
    let request = request.map_err(|error| Fault::Unusable {
        at: departure.url.clone(),
        said: error.to_string(),
    })?;
    // What stands behind it is said to nobody.
    let at = departure.url.split('?').next().unwrap_or_default();
    let at = at.to_owned();
    match Fetch::shared(fetch)(request).await {
        Ok(answer) if answer.status().is_client_error() => Err(Fault::WayBack(answer.status())),
        // A page that is longer than what programs are told is one that people read.
        Ok(_) | Err(FetchError::Nonsense(_)) => Ok(()),
        Err(FetchError::Away(said)) => Err(Fault::Away { at, said }),
    }
}

/// It is asked what a code is for that it has not given: it must refuse the code, and not who asks.
async fn is_known(
    provider: &Arc<Provider>,
    departure: Departure,
    redirect: &str,
) -> Result<(), Fault> {
    let attempt = Attempt {
        provider: String::new(),
        nonce: departure.nonce,
        verifier: departure.verifier,
        redirect: redirect.to_owned(),
        then: String::new(),
        browser: fresh::secret().hash(),
    };
    match provider.exchange(NO_CODE.to_owned(), &attempt).await {
        Err(trouble @ Trouble::Nonsense(_)) => {
            let said = trouble.said();
            let is_unknown = ["invalid_client", "unauthorized_client"];
            if is_unknown.iter().any(|word| said.contains(word)) {
                return Err(Fault::Client(said));
            }
            Ok(())
        }
        Err(Trouble::Away(said)) => Err(Fault::Away {
            at: provider.config.issuer.clone(),
            said,
        }),
        Ok(_) | Err(_) => Ok(()),
    }
}

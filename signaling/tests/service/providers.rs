//! `dinh doctor` and the providers by which people log in: it names what keeps everybody out.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use axum::{Json, Router};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

use crate::process::{Service, printed};

/// What is wrong with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Wrong {
    Nothing,
    Issuer,
    Keys,
    NoKeys,
    Signs,
    WayBack,
    Secret,
}

/// As it describes itself, and what is wrong.
type Own = (String, Wrong);

/// A provider on a runtime of its own, which is gone with it.
struct Provider {
    issuer: String,
    /// The authority of its certificate.
    authority: PathBuf,
    _runtime: Runtime,
}

/// TLS connections, and no others.
struct Secured(TcpListener, TlsAcceptor);

impl Listener for Secured {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.0.accept().await.unwrap();
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Provider {
    /// With a certificate for this name, by an authority whose own certificate is left at `authority`.
    fn secured(name: &str, authority: PathBuf, wrong: Wrong) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(&authority, issuer.pem()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let signed = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![signed.der().clone()], key);
        let acceptor = TlsAcceptor::from(Arc::new(config.unwrap()));
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = format!("https://localhost:{port}");
        let router = router((own.clone(), wrong));
        runtime.spawn(async move { axum::serve(Secured(listener, acceptor), router).await });
        Self {
            issuer: own,
            authority,
            _runtime: runtime,
        }
    }
}

fn router(own: Own) -> Router {
    Router::new()
        .route("/.well-known/openid-configuration", get(describe))
        .route("/keys", get(keys))
        .route("/auth", get(door))
        .route("/token", post(token))
        .with_state(own)
}

async fn describe(State((own, wrong)): State<Own>) -> Json<Value> {
    let signs = if wrong == Wrong::Signs {
        "HS256"
    } else {
        "RS256"
    };
    let slash = if wrong == Wrong::Issuer { "/" } else { "" };
    Json(json!({
        "issuer": format!("{own}{slash}"),
        "authorization_endpoint": format!("{own}/auth"),
        "token_endpoint": format!("{own}/token"),
        "jwks_uri": format!("{own}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [signs],
    }))
}

async fn keys(State((_, wrong)): State<Own>) -> Response {
    let key = json!({ "kty": "RSA", "use": "sig", "kid": "one", "n": "AQAB", "e": "AQAB" });
    match wrong {
        Wrong::Keys => StatusCode::FORBIDDEN.into_response(),
        Wrong::NoKeys => Json(json!({ "keys": [] })).into_response(),
        _ => Json(json!({ "keys": [key] })).into_response(),
    }
}

#[derive(serde::Deserialize)]
struct Door {
    redirect_uri: String,
}

async fn door(
    State((_, wrong)): State<Own>,
    Query(Door { redirect_uri }): Query<Door>,
) -> Response {
    let is_known = redirect_uri == "https://hop.example.vn/api/v1/login/oidc/bo/callback";
    if wrong == Wrong::WayBack || !is_known {
        return (StatusCode::BAD_REQUEST, "Invalid parameter: redirect_uri").into_response();
    }
    "<form>Who are you?</form>".into_response()
}

async fn token(State((_, wrong)): State<Own>) -> Response {
    let (status, error) = match wrong {
        Wrong::Secret => (StatusCode::UNAUTHORIZED, "invalid_client"),
        _ => (StatusCode::BAD_REQUEST, "invalid_grant"),
    };
    (status, Json(json!({ "error": error }))).into_response()
}

/// What the doctor finds of the provider: code, what was measured and what to do.
fn examine(service: &Service, issuer: &str, authority: Option<&PathBuf>) -> Vec<[String; 3]> {
    let authority = authority.map(|file| format!("authority = \"{}\"\n", file.display()));
    service.configure(&format!(
        "http.public_url = \"https://hop.example.vn\"\n[accounts.oidc.bo]\nname = \"Bộ Nội vụ\"\n\
         issuer = \"{issuer}\"\nclient_id = \"dinh\"\nclient_secret = \"secret\"\n{}\
         roles = {{ \"dieu-hanh\" = \"national\" }}\n",
        authority.unwrap_or_default()
    ));
    let output = service.command(&["doctor", "--json"]).output().unwrap();
    let said = printed(&output);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    let findings = report["findings"].as_array().unwrap().iter();
    let findings = findings.filter(|finding| finding["step"] == "provider");
    let parts = findings.map(|finding| {
        assert_ne!(finding["verdict"], "bad", "passwords work: {finding}");
        ["cause", "measured", "advice"]
            .map(|key| finding[key].as_str().unwrap_or_default().to_owned())
    });
    parts.collect()
}

#[test]
fn a_provider_with_an_authority_of_its_own_that_would_let_people_in_is_well() {
    let service = Service::new();
    let provider = Provider::secured("localhost", service.path("ca.pem"), Wrong::Nothing);
    let found = examine(&service, &provider.issuer, Some(&provider.authority));
    let causes: Vec<_> = found.iter().map(|[cause, ..]| cause.as_str()).collect();
    assert_eq!(causes, ["", ""], "{found:#?}");
    assert!(
        found[1][1].contains("keys that it publishes: 1"),
        "{found:#?}"
    );
}

#[test]
fn whom_nobody_trusts_and_who_has_another_name_are_told_from_who_is_away() {
    let service = Service::new();
    let provider = Provider::secured("localhost", service.path("ca.pem"), Wrong::Nothing);
    let other = Provider::secured("id.example.vn", service.path("other.pem"), Wrong::Nothing);
    let nothing = service.path("nothing.pem");
    std::fs::write(&nothing, "no certificate\n").unwrap();
    let gone = "https://localhost:1".to_owned();
    for (issuer, authority, cause, advice) in [
        (&provider.issuer, None, "providerNotTrusted", "bo.authority"),
        (
            &provider.issuer,
            Some(&other.authority),
            "providerNotTrusted",
            "was not made by",
        ),
        (
            &provider.issuer,
            Some(&nothing),
            "providerNotTrusted",
            "must name a file",
        ),
        (
            &other.issuer,
            Some(&other.authority),
            "providerNotTrusted",
            "another name",
        ),
        (&gone, Some(&other.authority), "providerAway", "firewall"),
    ] {
        let found = examine(&service, issuer, authority);
        assert_eq!(found[1][0], cause, "{found:#?}");
        assert!(found[1][2].contains(advice), "{found:#?}");
    }
}

#[test]
fn each_thing_that_keeps_everybody_out_is_named() {
    let service = Service::new();
    for (wrong, advice) in [
        (Wrong::Issuer, "letter by letter"),
        (Wrong::Keys, "is accounts.oidc.bo.issuer whole"),
        (Wrong::NoKeys, "must publish the keys"),
        (Wrong::Signs, "RS256"),
        (
            Wrong::WayBack,
            "https://hop.example.vn/api/v1/login/oidc/bo/callback",
        ),
        (Wrong::Secret, "accounts.oidc.bo.client_secret"),
    ] {
        let provider = Provider::secured("localhost", service.path("ca.pem"), wrong);
        let found = examine(&service, &provider.issuer, Some(&provider.authority));
        assert_eq!(found[1][0], "providerUnusable", "{wrong:?}: {found:#?}");
        assert!(found[1][2].contains(advice), "{wrong:?}: {found:#?}");
    }
}

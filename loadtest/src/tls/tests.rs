//! Tests against a TLS server of their own.

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::scenario::WebEndpoint;

/// A server with a certificate that nobody has signed, for `localhost`; its port, and the
/// certificate as PEM. It answers each connection with the given text, then closes it.
async fn server(answer: &'static str) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that does not trust us goes away in the middle of the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (port, pem)
}

/// A file that lives as long as the test.
fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

async fn handshake(tls: &Tls, name: &str, port: u16) -> Result<(), TlsError> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tls.connect(name, stream).await.map(drop)
}

#[tokio::test]
async fn only_who_is_trusted_gets_a_connection() {
    let (port, pem) = server("").await;
    let authority = file(&pem);
    let system = Tls::new(&Trust::System).unwrap();
    let refused = handshake(&system, "localhost", port).await.unwrap_err();
    assert!(refused.to_string().contains("--ca-file"), "{refused}");
    let by_file = Tls::new(&Trust::File(authority.path().to_owned())).unwrap();
    handshake(&by_file, "localhost", port).await.unwrap();
    let other = handshake(&by_file, "dinh.example", port).await;
    assert!(
        matches!(other, Err(TlsError::Handshake(_))),
        "the name counts"
    );
    let anybody = Tls::new(&Trust::Anybody).unwrap();
    handshake(&anybody, "dinh.example", port).await.unwrap();
}

#[test]
fn a_file_without_certificates_is_refused() {
    for (text, expected) in [
        ("", "it has none in PEM"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "cannot read",
        ),
    ] {
        let file = file(text);
        let error = Tls::new(&Trust::File(file.path().to_owned())).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let missing = Tls::new(&Trust::File("/nonexistent.pem".into())).unwrap_err();
    assert!(
        missing.to_string().contains("/nonexistent.pem"),
        "{missing}"
    );
}

#[tokio::test]
async fn whip_and_whep_speak_https() {
    let answer = "HTTP/1.1 201 Created\r\nlocation: /made/1\r\ncontent-length: 3\r\n\r\nsdp";
    let (port, pem) = server(answer).await;
    let authority = file(&pem);
    let endpoint = WebEndpoint {
        url: format!("https://localhost:{port}/whep"),
        token: None,
    };
    let post = async |trust: Trust| {
        let client = Tls::new(&trust).unwrap().client().unwrap();
        crate::web::post(&client, &endpoint, "offer".to_owned()).await
    };
    let (body, _) = post(Trust::File(authority.path().to_owned()))
        .await
        .unwrap();
    assert_eq!(body, "sdp");
    assert!(post(Trust::System).await.is_err(), "nobody vouches for it");
}

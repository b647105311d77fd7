//! How a connection comes in: the header of the PROXY protocol, what it speaks, and TLS.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use proxy_header::ParseConfig;
use proxy_header::io::ProxiedStream;
use sfu::{Handover, Speaks};
use tokio::io::AsyncRead;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::begun::Begun;
use super::handover;
use super::opening::Opening;
use super::proxies::Proxies;
use crate::metrics::Metrics;
use crate::tls::ACME_TLS;

/// A connection in the clear.
pub(super) type Clear = Begun<ProxiedStream<TcpStream>>;

/// What is inside a TLS connection.
pub(super) type Secured = Begun<TlsStream<Clear>>;

/// A connection of which it is known what it speaks.
pub(super) enum Opened {
    /// HTTP in the clear.
    Http(Clear),
    /// HTTP inside TLS.
    Https(Box<Secured>),
    /// It is the media plane's.
    Media(Box<Handover>),
}

/// What the connections of one port come in by.
pub(super) struct Entry {
    pub(super) proxies: Proxies,
    /// Whether connections of the media plane come here.
    pub(super) takes_media: bool,
    /// `None` if it speaks no TLS.
    pub(super) tls: Option<TlsAcceptor>,
    /// Longest that each step may take.
    pub(super) patience: Duration,
    pub(super) metrics: Arc<Metrics>,
}

impl Entry {
    /// What a connection speaks, and whose it is. `None` if it came to nothing, which is counted.
    pub(super) async fn open(&self, stream: TcpStream, peer: IpAddr) -> Option<(Opened, IpAddr)> {
        let (stream, peer) = self.proxied(stream, peer).await?;
        let (opening, stream) = self.begin(stream).await?;
        let opened = match (opening, &self.tls) {
            (Opening::Tls, Some(tls)) => self.secure(tls, stream).await?,
            // Without TLS of its own the reader of HTTP refuses it.
            (Opening::Tls, None) | (Opening::Http, _) => Opened::Http(stream),
            (Opening::IceTcp, _) => self.media(handover::in_the_clear(stream, Speaks::IceTcp))?,
            (Opening::Turn, _) => self.media(handover::in_the_clear(stream, Speaks::Turn))?,
        };
        Some((opened, peer))
    }

    /// Reads the header of the PROXY protocol, where there is one: whose connection it is. `None` if
    /// there should have been one.
    async fn proxied(
        &self,
        stream: TcpStream,
        peer: IpAddr,
    ) -> Option<(ProxiedStream<TcpStream>, IpAddr)> {
        if !self.proxies.speaks_proxy_protocol(peer) {
            return Some((ProxiedStream::unproxied(stream), peer));
        }
        let reading = ProxiedStream::create_from_tokio(stream, ParseConfig::default());
        let Ok(Ok(stream)) = tokio::time::timeout(self.patience, reading).await else {
            self.metrics.connection_cut("proxy_protocol");
            return None;
        };
        // Without an address it is the proxy's own question, whether we live.
        let client = stream.proxy_header().proxied_address();
        let peer = client.map_or(peer, |client| client.source.ip());
        Some((stream, peer))
    }

    async fn begin<S: AsyncRead + Unpin>(&self, stream: S) -> Option<(Opening, Begun<S>)> {
        let beginning = tokio::time::timeout(self.patience, Begun::read(stream)).await;
        if beginning.is_err() {
            self.metrics.connection_cut("silent");
        }
        // Whoever goes away by itself has not been cut.
        beginning.ok()?.ok()
    }

    /// A connection for the media plane, where this port is one that clients are told for it.
    fn media(&self, handover: io::Result<Handover>) -> Option<Opened> {
        let handover = handover.ok().filter(|_| self.takes_media);
        if handover.is_none() {
            self.metrics.connection_cut("media");
        }
        handover.map(|handover| Opened::Media(Box::new(handover)))
    }

    /// Shakes hands, and looks at what is spoken inside.
    async fn secure(&self, tls: &TlsAcceptor, stream: Clear) -> Option<Opened> {
        // Boxed: its state is large, and is there for a moment only.
        let shaking = Box::pin(tls.accept(stream));
        let failure = match tokio::time::timeout(self.patience, shaking).await {
            // The ACME server has seen what it wanted.
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(ACME_TLS) => return None,
            Ok(Ok(stream)) => {
                let (opening, inside) = self.begin(stream).await?;
                return match opening {
                    Opening::Turn => self.media(handover::inside_tls(inside)),
                    // Nobody puts these into TLS; the reader of HTTP refuses them.
                    Opening::Tls | Opening::Http | Opening::IceTcp => {
                        Some(Opened::Https(Box::new(inside)))
                    }
                };
            }
            Ok(Err(cause)) => cause.to_string(),
            Err(late) => late.to_string(),
        };
        debug!(failure, "no TLS handshake");
        self.metrics.connection_cut("tls");
        None
    }
}

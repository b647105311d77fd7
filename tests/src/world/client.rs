//! What the world asks of a client.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Instant;

/// A peer connection without sockets: datagrams and time go in, datagrams come out.
pub trait Client {
    /// A complete offer; `address` is where its datagrams will come from.
    fn offer(&mut self, now: Instant, address: SocketAddr) -> String;

    /// Takes the answer and begins to connect.
    fn answer(&mut self, now: Instant, answer: &str);

    /// A further offer with new ICE credentials.
    fn restart_ice(&mut self, now: Instant) -> String;

    /// Takes one datagram.
    fn handle_datagram(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, datagram: &[u8]);

    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    fn poll_timeout(&mut self) -> Option<Instant>;

    /// The next datagram for the server.
    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>>;

    /// For finding out what it is.
    fn as_any(&mut self) -> &mut dyn Any;
}

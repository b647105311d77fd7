//! A connection that somebody else has accepted, for the media thread whose it is.

/// What a connection speaks on which media is to come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Speaks {
    /// ICE-TCP (RFC 6544).
    IceTcp,
    /// TURN over TCP (RFC 8656).
    Turn,
}

/// A connection that came on another port than the media plane's own.
#[derive(Debug)]
pub struct Handover {
    /// The connection.
    pub stream: std::net::TcpStream,
    /// What it speaks.
    pub speaks: Speaks,
    /// From where, which behind a proxy is not the other end of it.
    pub remote: std::net::SocketAddr,
    /// The TLS around it, whose handshake is over.
    pub tls: Option<Box<rustls::ServerConnection>>,
    /// What was read of it, inside of the TLS.
    pub read: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use crate::command::{IceCredentials, PeerPolicy};
    use crate::config::Config;
    use crate::id::{ConferenceId, ShardId};
    use crate::media::Media as _;
    use crate::peer::ice::client::{Answer, Check, Role, check_answer};
    use crate::{Sfu, testing};

    const OFFER: &str = include_str!("../../tests/golden/chromium-watch-offer.sdp");

    /// A connectivity check in its frame, and its transaction.
    fn check(server: &IceCredentials) -> (Vec<u8>, [u8; 12]) {
        let transaction = [7; 12];
        let check = Check {
            server,
            ufrag: "their",
            role: Role::Controlling,
            tie_breaker: 1,
            priority: 1,
            use_candidate: true,
            transaction,
        };
        let mut message = Vec::new();
        check.encode(&mut message).unwrap();
        let length = u16::try_from(message.len()).unwrap().to_be_bytes();
        ([&length, message.as_slice()].concat(), transaction)
    }

    fn read_frame(stream: &mut TcpStream) -> Vec<u8> {
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut frame = vec![0; u16::from_be_bytes(length).into()];
        stream.read_exact(&mut frame).unwrap();
        frame
    }

    #[test]
    fn a_connection_of_another_port_finds_its_peer_on_whichever_thread_it_is() {
        let config = Config {
            shards: Some(2),
            ..testing::config()
        };
        let (sfu, _events) = Sfu::start(&config).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let public = port.local_addr().unwrap();
        for shard in [ShardId(0), ShardId(1)] {
            let policy = PeerPolicy::default();
            let joined = sfu.join(ConferenceId(1), OFFER, &policy).unwrap();
            assert_eq!(joined.peer.shard(), shard);
            let (check, transaction) = check(&joined.ice);
            let mut client = TcpStream::connect(public).unwrap();
            client
                .set_read_timeout(Some(Duration::from_secs(20)))
                .unwrap();
            // A part was read by whoever told what it is.
            client.write_all(check.get(..9).unwrap()).unwrap();
            let (mut stream, remote): (TcpStream, SocketAddr) = port.accept().unwrap();
            let mut read = vec![0; 9];
            stream.read_exact(&mut read).unwrap();
            let handover = Handover {
                stream,
                speaks: Speaks::IceTcp,
                remote,
                tls: None,
                read,
            };
            sfu.hand_over(handover).unwrap();
            client.write_all(check.get(9..).unwrap()).unwrap();
            let answer = check_answer(&read_frame(&mut client), &transaction, &joined.ice);
            let own = client.local_addr().unwrap();
            assert_eq!(answer, Ok(Answer::Success(Some(own))));
        }
        sfu.shutdown();
    }
}

//! Offer in, [`PeerSpec`](crate::command::PeerSpec) and answer out. The only file that names rtc-sdp.

use crate::command::{Fingerprint, HostCandidate, IceCredentials, PeerPolicy, PeerSpec};
use crate::id::{ConferenceId, Ssrc};

/// Why an offer cannot be answered. The text goes to the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// Not SDP at all.
    #[error("the offer is not SDP: {0}")]
    Malformed(String),
}

/// Our side of the negotiation: everything in the answer that does not follow from the offer.
#[derive(Clone, Copy, Debug)]
pub struct LocalDescription<'a> {
    /// The conference the peer joins.
    pub conference: ConferenceId,
    /// Our ICE credentials.
    pub ice: &'a IceCredentials,
    /// SHA-256 of our certificate.
    pub fingerprint: Fingerprint,
    /// Where we can be reached.
    pub candidates: &'a [HostCandidate],
    /// SSRC of the first slot; each slot takes two from here on, so 128 must be free.
    pub first_ssrc: Ssrc,
    /// Session id of the `o=` line.
    pub session_id: u64,
    /// Version of the `o=` line; rises with each answer to the same peer.
    pub version: u64,
}

/// What came of an offer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// For the shard.
    pub spec: PeerSpec,
    /// For the client.
    pub answer: String,
}

/// Answers an offer. The same arguments give the same answer.
///
/// # Errors
/// When the offer cannot be answered; the text says what to change in it.
pub fn negotiate(
    _offer: &str,
    _local: &LocalDescription<'_>,
    _policy: &PeerPolicy,
) -> Result<Negotiated, OfferError> {
    Err(OfferError::Malformed("not yet".to_owned()))
}

//! Offer in, [`PeerSpec`](crate::command::PeerSpec) and answer out. The only file that names rtc-sdp.

/// Why an offer cannot be answered. The text goes to the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OfferError {
    /// Not SDP at all.
    #[error("the offer is not SDP: {0}")]
    Malformed(String),
}

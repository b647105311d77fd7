//! Asks again when an ACME server does not take the number used once of a request (RFC 8555 §6.5).
//!
//! `instant-acme` does so twice within a request. A server behind several doors that do not know each
//! other's numbers refuses more than that: an order has a dozen requests, and none of them may end it.

use instant_acme::Error;

use super::is_problem;

/// What the server says then.
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// How often the same is asked before the server has failed.
pub(super) const ATTEMPTS: u32 = 10;

/// Awaits `$ask` anew as often as that is why it fails. No function: what is asked borrows the order anew each
/// time, and no bound of a closure says that its futures may be sent to another thread.
macro_rules! with_good_number {
    ($ask:expr) => {{
        let mut attempts = 1..$crate::tls::acme::numbers::ATTEMPTS;
        loop {
            match $ask.await {
                Err(error)
                    if $crate::tls::acme::numbers::is_bad(&error) && attempts.next().is_some() => {}
                answered => break answered,
            }
        }
    }};
}
pub(super) use with_good_number;

/// Whether the number was why.
pub(super) fn is_bad(error: &Error) -> bool {
    is_problem(error, BAD_NONCE)
}

#[cfg(test)]
mod tests {
    use instant_acme::Problem;

    use super::*;

    fn refused(kind: &str) -> Error {
        let problem = serde_json::json!({ "type": kind, "status": 400 });
        Error::Api(serde_json::from_value::<Problem>(problem).unwrap())
    }

    /// What becomes of a request that is refused so often for this reason, and how often it is made.
    async fn asked(refusals: u32, kind: &str) -> (bool, u32) {
        let mut asked = 0;
        let mut ask = async || {
            asked += 1;
            if asked > refusals {
                Ok(())
            } else {
                Err(refused(kind))
            }
        };
        let is_answered = with_good_number!(ask()).is_ok();
        (is_answered, asked)
    }

    #[tokio::test]
    async fn only_what_is_refused_for_its_number_is_asked_again_and_not_for_ever() {
        assert_eq!(asked(0, BAD_NONCE).await, (true, 1));
        assert_eq!(asked(ATTEMPTS - 1, BAD_NONCE).await, (true, ATTEMPTS));
        assert_eq!(asked(ATTEMPTS, BAD_NONCE).await, (false, ATTEMPTS));
        let limited = "urn:ietf:params:acme:error:rateLimited";
        assert_eq!(asked(1, limited).await, (false, 1));
    }
}

//! The one crypto back-end that the webrtc-rs crates are handed.

use std::sync::{Arc, LazyLock};

use rtc_crypto::{RTCCrypto, RTCCryptoProvider};

static PROVIDER: LazyLock<Arc<dyn RTCCryptoProvider>> = LazyLock::new(|| {
    rtc_crypto::default_provider().expect("rtc-crypto is built with its ring back-end")
});

/// The provider, shared by everything in the process.
pub(super) fn provider() -> &'static Arc<dyn RTCCryptoProvider> {
    &PROVIDER
}

/// Its algorithms.
pub(super) fn algorithms() -> &'static dyn RTCCrypto {
    PROVIDER.crypto()
}

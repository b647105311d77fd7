//! The one crypto back-end that the webrtc-rs crates are handed: ring, and signatures on the one curve
//! that ring does not know and encoders use (FFmpeg with GnuTLS makes its certificate on P-224).

use std::sync::{Arc, LazyLock};

use p224::ecdsa::signature::hazmat::PrehashVerifier;
use p224::ecdsa::{DerSignature, VerifyingKey};
use ring::digest;
use rtc_crypto::{
    ActiveKeyExchange, AeadAlgorithm, AeadCipher, BlockCipherAlgorithm, CbcAlgorithm, CbcCipher,
    CryptoAlgorithm, CryptoError, HashAlgorithm, HmacAlgorithm, KeyExchangeAlgorithm, Mac,
    PublicKey, RTCCrypto, RTCCryptoProvider, RTCRandom, SignatureScheme, SigningKey, StreamCipher,
    StreamCipherAlgorithm,
};

/// Bytes of an uncompressed point of P-224.
const P224_POINT: usize = 57;

static PROVIDER: LazyLock<Arc<dyn RTCCryptoProvider>> = LazyLock::new(|| {
    let ring = rtc_crypto::default_provider().expect("rtc-crypto is built with its ring back-end");
    Arc::new(Backend(ring))
});

/// The provider, shared by everything in the process.
pub(super) fn provider() -> &'static Arc<dyn RTCCryptoProvider> {
    &PROVIDER
}

/// Its algorithms.
pub(crate) fn algorithms() -> &'static dyn RTCCrypto {
    PROVIDER.crypto()
}

/// Everything but verifying on P-224 is the inner one's.
struct Backend(Arc<dyn RTCCryptoProvider>);

impl RTCCryptoProvider for Backend {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self
    }

    fn random(&self) -> &dyn RTCRandom {
        self.0.random()
    }
}

impl RTCCrypto for Backend {
    fn supports(&self, algorithm: CryptoAlgorithm) -> bool {
        self.0.crypto().supports(algorithm)
    }

    fn hash(&self, algorithm: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.crypto().hash(algorithm, data)
    }

    fn block_encrypt(
        &self,
        algorithm: BlockCipherAlgorithm,
        key: &[u8],
        block: &mut [u8],
    ) -> Result<(), CryptoError> {
        self.0.crypto().block_encrypt(algorithm, key, block)
    }

    fn new_hmac(&self, algorithm: HmacAlgorithm, key: &[u8]) -> Result<Box<dyn Mac>, CryptoError> {
        self.0.crypto().new_hmac(algorithm, key)
    }

    fn new_stream_cipher(
        &self,
        algorithm: StreamCipherAlgorithm,
        key: &[u8],
    ) -> Result<Box<dyn StreamCipher>, CryptoError> {
        self.0.crypto().new_stream_cipher(algorithm, key)
    }

    fn new_aead(
        &self,
        algorithm: AeadAlgorithm,
        key: &[u8],
    ) -> Result<Box<dyn AeadCipher>, CryptoError> {
        self.0.crypto().new_aead(algorithm, key)
    }

    fn new_cbc(
        &self,
        algorithm: CbcAlgorithm,
        key: &[u8],
    ) -> Result<Box<dyn CbcCipher>, CryptoError> {
        self.0.crypto().new_cbc(algorithm, key)
    }

    fn start_key_exchange(
        &self,
        algorithm: KeyExchangeAlgorithm,
    ) -> Result<Box<dyn ActiveKeyExchange>, CryptoError> {
        self.0.crypto().start_key_exchange(algorithm)
    }

    fn generate_signing_key(
        &self,
        scheme: SignatureScheme,
    ) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.0.crypto().generate_signing_key(scheme)
    }

    fn import_signing_key(
        &self,
        scheme: SignatureScheme,
        pkcs8_der: &[u8],
    ) -> Result<Arc<dyn SigningKey>, CryptoError> {
        self.0.crypto().import_signing_key(scheme, pkcs8_der)
    }

    fn verify_signature(
        &self,
        scheme: SignatureScheme,
        public_key: PublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        // rtc-dtls names the scheme by its hash alone, and guesses the curve.
        let hash = match scheme {
            SignatureScheme::EcdsaP256Sha256 | SignatureScheme::EcdsaP384Sha256 => &digest::SHA256,
            SignatureScheme::EcdsaP384Sha384 => &digest::SHA384,
            _ => return self.verify_by_ring(scheme, public_key, message, signature),
        };
        if public_key.bytes.len() != P224_POINT {
            return self.verify_by_ring(scheme, public_key, message, signature);
        }
        let invalid = |_| CryptoError::InvalidSignature;
        let key = VerifyingKey::from_sec1_bytes(public_key.bytes).map_err(invalid)?;
        let signature = DerSignature::try_from(signature).map_err(invalid)?;
        let hashed = digest::digest(hash, message);
        key.verify_prehash(hashed.as_ref(), &signature)
            .map_err(invalid)
    }
}

impl Backend {
    fn verify_by_ring(
        &self,
        scheme: SignatureScheme,
        public_key: PublicKey<'_>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let ring = self.0.crypto();
        ring.verify_signature(scheme, public_key, message, signature)
    }
}

#[cfg(test)]
mod tests {
    use p224::ecdsa::SigningKey;
    use p224::ecdsa::signature::hazmat::PrehashSigner;
    use rtc_crypto::PublicKeyEncoding;

    use super::*;

    #[test]
    fn signatures_on_p224_are_told_from_forged_ones() {
        let key = SigningKey::from_slice(&[7; 28]).unwrap();
        let point = key.verifying_key().to_encoded_point(false);
        let public_key = PublicKey {
            encoding: PublicKeyEncoding::EcUncompressedPoint,
            bytes: point.as_bytes(),
        };
        for (scheme, hash) in [
            (SignatureScheme::EcdsaP256Sha256, &digest::SHA256),
            (SignatureScheme::EcdsaP384Sha384, &digest::SHA384),
        ] {
            let hashed = digest::digest(hash, b"a handshake");
            let signature: DerSignature = key.sign_prehash(hashed.as_ref()).unwrap();
            let verify = |message: &[u8]| {
                algorithms().verify_signature(scheme, public_key, message, signature.as_bytes())
            };
            assert!(verify(b"a handshake").is_ok());
            assert_eq!(verify(b"another"), Err(CryptoError::InvalidSignature));
        }
    }
}

//! The certificate of this process and the handshake configurations made from it.

use std::sync::Arc;

use rtc_crypto::HashAlgorithm;
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;

use crate::command::Fingerprint;
use crate::peer::crypto;
use crate::peer::srtp::Profile;

/// Why no certificate could be made: the process cannot serve.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("cannot make a DTLS certificate: {0}")]
pub struct IdentityError(String);

/// One self-signed certificate, made at start and shared by every peer of the process.
///
/// Peers are told its fingerprint in SDP over an authenticated channel, so nothing is gained by one
/// certificate per peer, and a join costs 40 µs less.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    fingerprint: Fingerprint,
    gcm: Arc<HandshakeConfig>,
    cm: Arc<HandshakeConfig>,
    /// For peers that want to be the server.
    client: ClientConfig,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// What a client of ours offers, the cheapest first.
const EVERY_PROFILE: &[Profile] = &[Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80];

/// What a client offers, shared by all its sessions.
#[derive(Clone)]
pub struct ClientConfig(pub(super) Arc<HandshakeConfig>);

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientConfig(…)")
    }
}

impl Identity {
    /// A new P-256 key and certificate. Takes randomness from the system.
    ///
    /// # Errors
    /// When the system has no randomness or the crypto back-end fails.
    pub fn generate() -> Result<Self, IdentityError> {
        let certificate =
            Certificate::generate_self_signed(vec!["dinh".to_owned()], crypto::algorithms())
                .map_err(|error| IdentityError(error.to_string()))?;
        Self::of(certificate)
    }

    /// With a certificate that exists.
    pub(super) fn of(certificate: Certificate) -> Result<Self, IdentityError> {
        let der = certificate
            .certificate
            .first()
            .ok_or_else(|| IdentityError("the certificate is empty".to_owned()))?;
        let fingerprint = fingerprint_of(der)
            .ok_or_else(|| IdentityError("the hash is not SHA-256".to_owned()))?;
        Ok(Self {
            fingerprint,
            gcm: build(&certificate, &[Profile::AeadAes128Gcm], false)?,
            cm: build(&certificate, &[Profile::Aes128CmSha1_80], false)?,
            client: build(&certificate, EVERY_PROFILE, true).map(ClientConfig)?,
            certificate,
        })
    }

    /// SHA-256 of the certificate, as it goes into SDP.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// A client that offers `profiles` in this order.
    ///
    /// # Errors
    /// When the crypto back-end cannot do it.
    pub fn client(&self, profiles: &[Profile]) -> Result<ClientConfig, IdentityError> {
        build(&self.certificate, profiles, true).map(ClientConfig)
    }

    /// A server that knows only AEAD_AES_128_GCM.
    ///
    /// rtc-dtls takes the first profile of the *client's* list that the server also has, and most
    /// browsers list the expensive one first; so each configuration has exactly one.
    pub(super) fn gcm(&self) -> Arc<HandshakeConfig> {
        Arc::clone(&self.gcm)
    }

    /// A client that takes whatever profile the server has.
    pub(super) const fn every_profile(&self) -> &ClientConfig {
        &self.client
    }

    /// A server that knows only AES128_CM_HMAC_SHA1_80.
    pub(super) fn cm(&self) -> Arc<HandshakeConfig> {
        Arc::clone(&self.cm)
    }
}

/// SHA-256 of a certificate in DER.
pub(super) fn fingerprint_of(der: &[u8]) -> Option<Fingerprint> {
    let hash = crypto::algorithms().hash(HashAlgorithm::Sha256, der).ok()?;
    hash.as_slice().try_into().ok().map(Fingerprint)
}

/// Kinds of keys whose signatures are verified, each as it stands in a certificate: the object
/// identifiers of P-256, P-384, P-224, Ed25519 and RSA.
const VERIFIABLE: [&[u8]; 5] = [
    &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    &[6, 5, 0x2b, 0x81, 4, 0, 34],
    &[6, 5, 0x2b, 0x81, 4, 0, 33],
    &[6, 3, 0x2b, 0x65, 0x70],
    &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1],
];

/// Whether a certificate's signatures can be verified at all.
pub(super) fn is_verifiable(der: &[u8]) -> bool {
    let has = |kind: &&[u8]| der.windows(kind.len()).any(|part| part == *kind);
    VERIFIABLE.iter().any(has)
}

fn build(
    certificate: &Certificate,
    profiles: &[Profile],
    is_client: bool,
) -> Result<Arc<HandshakeConfig>, IdentityError> {
    let profiles = profiles
        .iter()
        .map(|profile| match profile {
            Profile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            Profile::Aes128CmSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        })
        .collect();
    let mut suites = vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256];
    if is_client {
        // The certificate is the server's, and it may be RSA.
        suites.push(CipherSuiteId::Tls_Ecdhe_Rsa_With_Aes_128_Gcm_Sha256);
    }
    ConfigBuilder::default()
        .with_crypto_provider(Arc::clone(crypto::provider()))
        .with_certificates(vec![certificate.clone()])
        .with_cipher_suites(suites)
        .with_srtp_protection_profiles(profiles)
        // The certificate is compared with the fingerprint from SDP after the handshake and before
        // any key is used; a chain of authorities means nothing here.
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_insecure_skip_verify(true)
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
        .with_server_name("dinh".to_owned())
        .build(is_client, None)
        .map(Arc::new)
        .map_err(|error| IdentityError(error.to_string()))
}

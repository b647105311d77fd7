//! Signing and verifying tokens: JWTs (RFC 7519) whose key, and with it the algorithm, is chosen by
//! `kid` and never by what the token claims about itself.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::auth::code_key::CodeKey;
use crate::auth::grant::{Grant, made_up_subject};
use crate::auth::keyfile::SigningKey;
use crate::auth::limits::KeyLimits;
use crate::auth::narrowing::Narrowing;
use crate::auth::revoked::{Revoked, Withdrawn};
use crate::auth::rights::Verb;
use crate::auth::role::Role;
use crate::auth::strength::MIN_SECRET_BYTES;
use crate::auth::verbs::{self, Verbs};
use crate::clock::Moment;
use crate::ids::{ConferenceId, KeyId, SiteCode, TokenId};
use crate::refusal::ErrorCode;
use crate::text;

/// Whom every token must be for.
pub const AUDIENCE: &str = "dinh";

/// Issuer of the tokens that the server's own key signs.
pub const OWN_ISSUER: &str = "dinh";

/// Longest token that is looked at, in bytes. Ours have about 500.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// Longest time for which a token may be made: a year. A token that was taken back has to be
/// remembered no longer than that. Higher: a lost link is good for longer.
pub const MAX_VALIDITY: SignedDuration = SignedDuration::from_hours(366 * 24);

/// How far the clock of whoever signs may differ from ours.
///
/// Higher: a token can be used for that much too early and too late. Lower: a portal whose clock is
/// fast makes tokens that are refused at first.
pub const CLOCK_LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// Most characters of a complaint about claims, which repeats what it did not know.
const MAX_COMPLAINT_CHARS: usize = 200;

/// Most characters of a subject or name.
const MAX_TEXT_CHARS: usize = 100;

/// A shared secret with which another program makes tokens (HS256).
#[derive(Clone, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    /// The `kid` of its tokens, and their issuer.
    pub id: KeyId,
    /// At least [`MIN_SECRET_BYTES`] long, and not to be guessed.
    pub secret: String,
    /// What it may sign.
    #[serde(default)]
    pub limits: KeyLimits,
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

/// Keys that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// A secret that could be guessed.
    #[error("the secret of API key {0} is too short: use at least {MIN_SECRET_BYTES} random bytes")]
    ShortSecret(KeyId),
    /// Two keys with one id.
    #[error("there are two API keys {0}: give each its own id")]
    Duplicate(KeyId),
}

/// Why a token is refused, or not made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// Too long to be looked at.
    #[error("the token has over {MAX_TOKEN_BYTES} bytes")]
    TooLarge,
    /// Not a JWT.
    #[error("the token is malformed")]
    Malformed,
    /// Signed by one of us, with a claim that is missing or cannot be read; the text names it.
    #[error("the token's claims cannot be read: {0}")]
    UnreadableClaims(String),
    /// Signed with a key that nobody here has.
    #[error("the token names no key of this server in its `kid`")]
    UnknownKey,
    /// Not signed with the key, or the algorithm, that its `kid` stands for.
    #[error("the token's signature is wrong")]
    BadSignature,
    /// Made for another service.
    #[error("the token is not for this service: its `aud` must be \"{AUDIENCE}\"")]
    WrongAudience,
    /// Signed by one and said to be of another.
    #[error("the token's `iss` is not the owner of the key that signed it")]
    WrongIssuer,
    /// Signed with a key that is for other tokens; the text names the claim.
    #[error("the token's `{1}` is beyond what the key {0} may sign")]
    BeyondKey(KeyId, &'static str),
    /// A scope that names what its role may not.
    #[error(
        "a token of the role {role} may not {}: leave `{}` out of its scope", verb.name(), verb.as_str()
    )]
    BeyondRole {
        /// The role.
        role: Role,
        /// What it may not.
        verb: Verb,
    },
    /// A claim that makes no sense; the text names it.
    #[error("the token's claims make no sense: {0}")]
    BadClaims(&'static str),
    /// Its time is over.
    #[error("the token has expired: ask for a new link")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet, or this server's clock is behind: try again later")]
    NotYetValid,
    /// It was taken back.
    #[error("the token was revoked: ask for a new link")]
    Revoked,
    /// It was a site's that is not invited any more.
    #[error("this site is not invited any more: ask those who have invited it")]
    NotInvited,
}

impl From<Withdrawn> for TokenError {
    fn from(why: Withdrawn) -> Self {
        match why {
            Withdrawn::TakenBack => Self::Revoked,
            Withdrawn::NotInvited => Self::NotInvited,
        }
    }
}

impl TokenError {
    /// The code that clients are told.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Expired => ErrorCode::TokenExpired,
            Self::Revoked => ErrorCode::TokenRevoked,
            Self::NotInvited => ErrorCode::NotInvited,
            Self::NotYetValid => ErrorCode::TokenNotYetValid,
            _ => ErrorCode::TokenInvalid,
        }
    }
}

/// The payload of a token.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    jti: TokenId,
    iat: i64,
    nbf: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    conf: Option<ConferenceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<SiteCode>,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "verbs::text")]
    scope: Option<Verbs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    province: Option<SiteCode>,
}

/// One audience or several (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged, expecting = "a string or a list of strings")]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    /// Whether we are among them.
    fn is_ours(&self) -> bool {
        match self {
            Self::One(one) => one == AUDIENCE,
            Self::Several(several) => several.iter().any(|one| one == AUDIENCE),
        }
    }
}

/// A token to be made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewToken {
    /// Whom it is for: 1 to 100 characters. The site, if nobody is named; without a site somebody of
    /// its own.
    pub subject: Option<String>,
    /// The conference; none for an administrator.
    pub conference: Option<ConferenceId>,
    /// The site; none for an administrator. A site's token has one.
    pub site: Option<SiteCode>,
    /// The role.
    pub role: Role,
    /// The name to show, instead of the site's.
    pub name: Option<String>,
    /// How long it is good for.
    pub valid_for: SignedDuration,
    /// To what it is narrowed.
    pub narrowing: Narrowing,
}

/// A token that was made.
#[derive(Clone, Eq, PartialEq)]
pub struct Issued {
    /// The JWT. A secret.
    pub token: String,
    /// Its `jti`, with which it can be revoked.
    pub id: TokenId,
    /// Whom it is for.
    pub subject: String,
    /// When it ceases to be valid.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issued({}, until {})", self.id, self.expires_at)
    }
}

/// One key with the only algorithm that it is for.
struct Key {
    issuer: String,
    algorithm: Algorithm,
    sign: EncodingKey,
    verify: DecodingKey,
    limits: KeyLimits,
}

/// Keys by their ids.
type KeyRing = BTreeMap<KeyId, Arc<Key>>;

/// Every key that this server trusts, and the tokens that were taken back.
pub struct Keys {
    own: KeyId,
    /// With which anybody can check what the server's own key has signed.
    own_public: Vec<u8>,
    ring: RwLock<KeyRing>,
    revoked: Revoked,
    codes: CodeKey,
}

/// Keys that can be put in force.
pub struct NewKeys(KeyRing);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.read().keys()).finish()
    }
}

impl std::fmt::Debug for NewKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Keys {
    /// The server's own key and those of other programs.
    ///
    /// # Errors
    /// When a secret is too short or two keys share an id.
    pub fn new(own: &SigningKey, api: &[ApiKey]) -> Result<Self, KeyError> {
        let id = own.id();
        let own_key = Key {
            issuer: OWN_ISSUER.to_owned(),
            algorithm: Algorithm::EdDSA,
            sign: EncodingKey::from_ed_der(own.pkcs8()),
            verify: DecodingKey::from_ed_der(own.public()),
            limits: KeyLimits::default(),
        };
        let ring = KeyRing::from([(id.clone(), Arc::new(own_key))]);
        Ok(Self {
            own_public: own.public().to_vec(),
            own: id,
            ring: RwLock::new(with_api_keys(ring, api)?),
            revoked: Revoked::default(),
            codes: CodeKey::of(own),
        })
    }

    /// The server's own key with these of other programs, to be put in force.
    ///
    /// # Errors
    /// When a secret is too short or two keys share an id.
    pub fn prepare(&self, api: &[ApiKey]) -> Result<NewKeys, KeyError> {
        let own = self.read().get(&self.own).cloned();
        let own = own.map(|key| (self.own.clone(), key));
        Ok(NewKeys(with_api_keys(own.into_iter().collect(), api)?))
    }

    /// From now on these are trusted, and no others. Whoever came in with a token of another stays in.
    pub fn put_in_force(&self, new: NewKeys) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = new.0;
    }

    fn read(&self) -> RwLockReadGuard<'_, KeyRing> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, id: &KeyId) -> Result<Arc<Key>, TokenError> {
        self.read().get(id).cloned().ok_or(TokenError::UnknownKey)
    }

    /// What a token allows at this moment.
    ///
    /// # Errors
    /// When it is not a token of this server, not for it, not of this time, or was revoked.
    pub fn verify(&self, token: &str, now: impl Into<Moment>) -> Result<Grant, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLarge);
        }
        let claims = self.open(token)?;
        let expires_at = check_time(&claims, now.into())?;
        check_claims(&claims)?;
        if let Some(why) = self.revoked.why(&claims.jti) {
            return Err(why.into());
        }
        Ok(Grant {
            token: claims.jti,
            subject: claims.sub,
            conference: claims.conf,
            site: claims.site,
            role: claims.role,
            name: claims.name,
            expires_at,
            account: None,
            scope: claims.scope,
            province: claims.province,
        })
    }

    /// The site for which one of us has signed a token, also one that is not good any more, or not
    /// yet: whoever holds it may know whom to call. It lets nobody in.
    pub fn signed_site(&self, token: &str) -> Option<SiteCode> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        self.open(token).ok()?.site
    }

    /// Checks who signed it, and for whom.
    fn open(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Malformed)?;
        // RFC 7515 §4.1.11: whoever does not understand a critical extension must refuse.
        if header.crit.is_some() {
            return Err(TokenError::Malformed);
        }
        let kid: KeyId = header
            .kid
            .and_then(|kid| kid.parse().ok())
            .ok_or(TokenError::UnknownKey)?;
        let key = self.key(&kid)?;
        let mut validation = Validation::new(key.algorithm);
        // Time, audience and issuer are checked below, against arguments instead of a clock.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let verified = jsonwebtoken::decode::<IgnoredAny>(token, &key.verify, &validation);
        if let Err(error) = verified {
            refused(error.kind())?;
        }
        let claims = read_claims(token)?;
        if !claims.aud.is_ours() {
            return Err(TokenError::WrongAudience);
        }
        if claims.iss != key.issuer {
            return Err(TokenError::WrongIssuer);
        }
        if let Some(claim) = key.limits.refusal(claims.role, claims.conf.as_ref()) {
            return Err(TokenError::BeyondKey(kid, claim));
        }
        Ok(claims)
    }

    /// Makes a token with the server's own key.
    ///
    /// # Errors
    /// When the claims make no sense together.
    pub fn issue(&self, new: NewToken, id: TokenId, now: Timestamp) -> Result<Issued, TokenError> {
        self.issue_with(&self.own, new, id, now)
    }

    /// Makes a token with a named key.
    ///
    /// # Errors
    /// When there is no such key or the claims make no sense together.
    pub fn issue_with(
        &self,
        kid: &KeyId,
        new: NewToken,
        id: TokenId,
        now: Timestamp,
    ) -> Result<Issued, TokenError> {
        let key = self.key(kid)?;
        let expires_at = now
            .checked_add(new.valid_for)
            .map_err(|_| TokenError::BadClaims("exp is too far"))?;
        let subject = new
            .subject
            .or_else(|| new.site.as_ref().map(ToString::to_string))
            .unwrap_or_else(|| made_up_subject(new.role, &id));
        let claims = Claims {
            iss: key.issuer.clone(),
            sub: subject.clone(),
            aud: Audience::One(AUDIENCE.to_owned()),
            jti: id.clone(),
            iat: now.as_second(),
            nbf: now.as_second(),
            exp: expires_at.as_second(),
            conf: new.conference,
            site: new.site,
            role: new.role,
            name: new.name,
            scope: new.narrowing.scope,
            province: new.narrowing.province,
        };
        // A role that loses a right takes it from tokens that were made before and name it: those go on.
        let named = claims.scope.into_iter().flat_map(Verbs::iter);
        if let Some(verb) = named.into_iter().find(|verb| !claims.role.may(*verb)) {
            return Err(TokenError::BeyondRole {
                role: claims.role,
                verb,
            });
        }
        let expires_at = check_time(&claims, now.into())?;
        check_claims(&claims)?;
        let header = Header {
            kid: Some(kid.to_string()),
            ..Header::new(key.algorithm)
        };
        let token = jsonwebtoken::encode(&header, &claims, &key.sign)
            .map_err(|_| TokenError::BadClaims("they cannot be signed"))?;
        Ok(Issued {
            token,
            id,
            subject,
            expires_at,
        })
    }

    /// Signs something that is no token, and can be taken for none: it has an audience of its own.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn sign_for(
        &self,
        audience: &str,
        claims: &serde_json::Value,
    ) -> Result<String, TokenError> {
        let unsigned = || TokenError::BadClaims("they cannot be signed");
        let mut claims = claims.as_object().cloned().ok_or_else(unsigned)?;
        if audience == AUDIENCE {
            return Err(TokenError::WrongAudience);
        }
        claims.insert("iss".to_owned(), OWN_ISSUER.into());
        claims.insert("aud".to_owned(), audience.into());
        let key = self.key(&self.own)?;
        let header = Header {
            kid: Some(self.own.to_string()),
            ..Header::new(key.algorithm)
        };
        jsonwebtoken::encode(&header, &claims, &key.sign).map_err(|_| unsigned())
    }

    /// The server's own key as others read it: its id, and the public half (Ed25519).
    pub fn own_public(&self) -> (&KeyId, &[u8]) {
        (&self.own, &self.own_public)
    }

    /// From which the codes of invitations follow.
    pub const fn invitation_codes(&self) -> &CodeKey {
        &self.codes
    }

    /// The tokens that were taken back.
    pub const fn revoked(&self) -> &Revoked {
        &self.revoked
    }
}

/// Adds the keys of other programs.
fn with_api_keys(mut keys: KeyRing, api: &[ApiKey]) -> Result<KeyRing, KeyError> {
    for key in api {
        let secret = key.secret.as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret(key.id.clone()));
        }
        let api_key = Key {
            issuer: key.id.to_string(),
            algorithm: Algorithm::HS256,
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            limits: key.limits.clone(),
        };
        if keys.insert(key.id.clone(), Arc::new(api_key)).is_some() {
            return Err(KeyError::Duplicate(key.id.clone()));
        }
    }
    Ok(keys)
}

/// Why a token is refused that did not pass. The signature is checked before the claims: whoever
/// wrote a claim that is no JSON of the right kind has the key, and is told which below.
fn refused(kind: &jsonwebtoken::errors::ErrorKind) -> Result<(), TokenError> {
    use jsonwebtoken::errors::ErrorKind;
    match kind {
        ErrorKind::Json(_) => Ok(()),
        ErrorKind::InvalidSignature | ErrorKind::InvalidAlgorithm => Err(TokenError::BadSignature),
        _ => Err(TokenError::Malformed),
    }
}

/// Reads the claims of a token that is signed as it should be, and names the one that is wrong.
fn read_claims(token: &str) -> Result<Claims, TokenError> {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let payload = URL_SAFE_NO_PAD
        .decode(payload)
        .map_err(|_| TokenError::Malformed)?;
    let mut reader = serde_json::Deserializer::from_slice(&payload);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let text = match error.path().to_string().as_str() {
            "." => error.inner().to_string(),
            claim => format!("`{claim}`: {}", error.inner()),
        };
        TokenError::UnreadableClaims(text.chars().take(MAX_COMPLAINT_CHARS).collect())
    })
}

/// A token is good a little before its time and after it. What was made before our own clock was set
/// back is not of the future.
fn check_time(claims: &Claims, at: Moment) -> Result<Timestamp, TokenError> {
    let time = |seconds| {
        Timestamp::from_second(seconds).map_err(|_| TokenError::BadClaims("a time out of range"))
    };
    let (issued, begins, ends) = (time(claims.iat)?, time(claims.nbf)?, time(claims.exp)?);
    if ends <= begins {
        return Err(TokenError::BadClaims("exp is not after nbf"));
    }
    if ends.duration_since(begins) > MAX_VALIDITY {
        return Err(TokenError::BadClaims("exp is more than a year after nbf"));
    }
    if at.now.duration_since(ends) >= CLOCK_LEEWAY {
        return Err(TokenError::Expired);
    }
    if begins.max(issued).duration_since(at.latest) > CLOCK_LEEWAY {
        return Err(TokenError::NotYetValid);
    }
    Ok(ends)
}

fn check_claims(claims: &Claims) -> Result<(), TokenError> {
    if !claims.role.is_of_tokens() {
        return Err(TokenError::BadClaims(
            "national, provincial, auditor and technician are roles of accounts; a token is for an \
             operator, chair, hall, site, observer or admin",
        ));
    }
    let is_admin = claims.role.is_for_all();
    if is_admin && (claims.conf.is_some() || claims.site.is_some()) {
        return Err(TokenError::BadClaims("an admin has neither conf nor site"));
    }
    if !is_admin && claims.province.is_some() {
        return Err(TokenError::BadClaims(
            "only the token of an admin is narrowed to a province",
        ));
    }
    if claims.scope.is_some_and(Verbs::is_empty) {
        return Err(TokenError::BadClaims("scope names nothing"));
    }
    if !is_admin && claims.conf.is_none() {
        return Err(TokenError::BadClaims("this role needs a conf"));
    }
    if claims.role == Role::Site && claims.site.is_none() {
        return Err(TokenError::BadClaims("the role site needs a site"));
    }
    let is_line = |line: &str| {
        !line.trim().is_empty()
            && line.chars().count() <= MAX_TEXT_CHARS
            && !line.contains(text::misleads)
    };
    if !is_line(&claims.sub) {
        return Err(TokenError::BadClaims(
            "sub must be one line of 1 to 100 characters, without ones that turn the direction of writing",
        ));
    }
    if !claims.name.as_deref().is_none_or(is_line) {
        return Err(TokenError::BadClaims(
            "name must be one line of 1 to 100 characters, without ones that turn the direction of writing",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

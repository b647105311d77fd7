//! Links into a conference: a code that the page exchanges for its token.
//!
//! Browsers keep every address that was opened, copy it to other devices of the same person, and show
//! it to whoever sits down next. So a link holds no token. Its code is good in as many browsers as it
//! was made for (one, unless said otherwise), those that exchange it first: each gets a secret in a
//! cookie that no page can read, without which the code is worth nothing from then on.

use jiff::Timestamp;

use crate::auth::{CodeError, Issued, Keys, LinkCode, NewToken, Role, SessionSecret, TokenError};
use crate::fresh;
use crate::ids::{SiteCode, TokenId};
use crate::store::{LinkRow, Opened, Store, StoreError};

/// Most browsers in which one link may be opened. Higher: a link may be everybody's.
pub const MAX_DEVICES: u32 = 100;

/// A link to be made, for a token that was made and written down here.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The token's id.
    pub token: TokenId,
    /// Its role: which page it leads to.
    pub role: Role,
    /// The name that it gives, if any.
    pub name: Option<String>,
    /// When it ceases to be valid, and the link with it.
    pub expires_at: Timestamp,
}

impl NewLink {
    /// For a token of this role and name.
    pub fn to(issued: &Issued, role: Role, name: Option<String>) -> Self {
        Self {
            token: issued.id.clone(),
            role,
            name,
            expires_at: issued.expires_at,
        }
    }
}

/// In how many browsers a link may be opened if nothing else is said: as many as a site may have
/// devices, so that a clerk whose computer breaks opens the same link on another one.
#[must_use]
pub const fn usual_devices() -> u32 {
    2
}

/// In how many browsers a link is to be good.
///
/// # Errors
/// When it is none, or too many.
pub fn check_devices(devices: u32) -> Result<u32, LinkError> {
    if (1..=MAX_DEVICES).contains(&devices) {
        Ok(devices)
    } else {
        Err(LinkError::Devices(devices))
    }
}

/// Why a link is not made, or its code not exchanged for a token.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It would be for nobody, or for everybody.
    #[error("devices is {0}, must be 1 to {MAX_DEVICES}")]
    Devices(u32),
    /// It is no code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// There is no such link, or not any more.
    #[error("there is no such link: open it as it was sent, or ask for a new one")]
    Unknown,
    /// It belongs to other browsers.
    #[error("this link has been opened in another browser: ask for a link of your own")]
    Elsewhere,
    /// Its token was taken back, or its time is over.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes links, each good in `devices` browsers: all of them or none. Returns them in order.
///
/// # Errors
/// When the database fails.
pub async fn create(
    store: &Store,
    base_url: &str,
    links: impl IntoIterator<Item = NewLink>,
    devices: u32,
) -> Result<Vec<String>, StoreError> {
    let (mut rows, mut urls) = (Vec::new(), Vec::new());
    for link in links {
        let code = LinkCode::new(rand::random());
        urls.push(url(base_url, link.role, &code));
        let row = LinkRow {
            token: link.token,
            name: link.name,
            devices,
            expires_at: link.expires_at,
        };
        rows.push((code.hash(), row));
    }
    store.add_links(&rows, Timestamp::now()).await?;
    Ok(urls)
}

/// The page of a role with a code. The code stands in the fragment, which browsers send to no
/// server: no proxy and no log sees it.
fn url(base_url: &str, role: Role, code: &LinkCode) -> String {
    let page = match role {
        Role::Operator
        | Role::Chair
        | Role::Admin
        | Role::National
        | Role::Provincial
        | Role::Auditor
        | Role::Technician => "operator",
        Role::Hall => "hall",
        Role::Site => "site",
        Role::Observer => "observer",
    };
    format!("{base_url}/{page}#code={}", code.reveal())
}

/// The secret of a browser that has none yet.
#[must_use]
pub fn new_device() -> SessionSecret {
    fresh::secret()
}

/// The site whose link, or whose invitation, this is, also of one that is not good any more: whoever holds it may know whom
/// to call.
///
/// # Errors
/// When the database fails.
pub async fn site_of(store: &Store, code: &LinkCode) -> Result<Option<SiteCode>, StoreError> {
    let Some(link) = store.link(&code.hash()).await? else {
        let invited = store.invited_by(&code.hash()).await?;
        return Ok(invited.map(|invited| invited.site));
    };
    Ok(store.token(&link.token).await?.and_then(|token| token.site))
}

/// Exchanges a code for its token: the same one each time.
///
/// # Errors
/// When the code is not good, or not in this browser.
pub async fn exchange(
    store: &Store,
    keys: &Keys,
    code: &str,
    device: &SessionSecret,
) -> Result<Issued, LinkError> {
    let code: LinkCode = code.parse()?;
    let now = Timestamp::now();
    let link = match store.open_link(&code.hash(), device.hash(), now).await? {
        Opened::Good(link) => link,
        Opened::Expired => return Err(TokenError::Expired.into()),
        Opened::Elsewhere => return Err(LinkError::Elsewhere),
        Opened::Unknown => return Err(LinkError::Unknown),
    };
    let token = store.token(&link.token).await?.ok_or(LinkError::Unknown)?;
    if token.revoked_at.is_some() {
        return Err(TokenError::Revoked.into());
    }
    let narrowing = token.narrowing();
    let new = NewToken {
        subject: Some(token.subject),
        conference: token.conference,
        site: token.site,
        role: token.role,
        name: link.name,
        valid_for: token.expires_at.duration_since(token.issued_at),
        narrowing,
    };
    Ok(keys.issue(new, token.id, token.issued_at)?)
}

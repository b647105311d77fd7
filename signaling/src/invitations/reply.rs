//! What a site replies: that it comes, that it does not, or whom it sends.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text::{self, NO_CONTROLS};
use crate::whole;

/// Most characters of a reason.
const MAX_REASON_CHARS: usize = 500;

/// Most characters of who is sent.
const MAX_WHO_CHARS: usize = 200;

/// How many people may come.
const COUNT: std::ops::RangeInclusive<u32> = 1..=10_000;

/// What a site replies.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::Display,
    strum::EnumString,
    strum::VariantArray,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ReplyKind {
    /// It takes part.
    Coming,
    /// It does not.
    Excused,
    /// Somebody takes part in the place of whoever was asked.
    Sends,
}

/// A reply as it comes in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, ToSchema)]
#[schema(as = GiveReply)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GivenReply {
    /// What.
    pub is: ReplyKind,
    /// Why it does not take part; may have several lines.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: Option<String>,
    /// Who is sent.
    #[schema(min_length = 1, max_length = 200)]
    pub who: Option<String>,
    /// How many people come.
    #[serde(default, deserialize_with = "whole::or_nothing")]
    #[schema(minimum = 1, maximum = 10_000)]
    pub count: Option<u32>,
}

/// A reply.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[schema(as = InvitationReply)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// What.
    pub is: ReplyKind,
    /// Why it does not take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// How many people come, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// When it was given.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Why a reply is none; names what would be one.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReplyError {
    /// Something must be said, and is not, or is too long.
    #[error("`{is}` needs {field}: 1 to {most} characters, {NO_CONTROLS}")]
    Text {
        /// Of which reply.
        is: ReplyKind,
        /// What.
        field: &'static str,
        /// How long it may be.
        most: usize,
    },
    /// Something is said that belongs to another reply.
    #[error("{field} does not belong to `{is}`")]
    Stray {
        /// Of which reply.
        is: ReplyKind,
        /// What.
        field: &'static str,
    },
    /// So many do not come.
    #[error("count is {0}, must be {first} to {last}", first = COUNT.start(), last = COUNT.end())]
    Count(u32),
}

impl GivenReply {
    /// The reply, given at this time.
    ///
    /// # Errors
    /// When something of it is missing, too long, or of another reply.
    pub fn read(self, at: Timestamp) -> Result<Reply, ReplyError> {
        let Self {
            is,
            reason,
            who,
            count,
        } = self;
        let said = |field, text: Option<String>, belongs: bool, most: usize| match (belongs, text) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(ReplyError::Stray { is, field }),
            (true, text) => {
                let text = text.unwrap_or_default().trim().replace("\r\n", "\n");
                let is_good = !text.is_empty()
                    && text.chars().count() <= most
                    && !text.contains(|letter| letter != '\n' && text::misleads(letter));
                let wrong = ReplyError::Text { is, field, most };
                is_good.then_some(Some(text)).ok_or(wrong)
            }
        };
        let is_excuse = is == ReplyKind::Excused;
        let reason = said("reason", reason, is_excuse, MAX_REASON_CHARS)?;
        let who = said("who", who, is == ReplyKind::Sends, MAX_WHO_CHARS)?;
        if let Some(count) = count {
            if is_excuse {
                return Err(ReplyError::Stray { is, field: "count" });
            }
            if !COUNT.contains(&count) {
                return Err(ReplyError::Count(count));
            }
        }
        Ok(Reply {
            is,
            reason,
            who,
            count,
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(given: Value) -> Result<Reply, String> {
        let given: GivenReply = serde_json::from_value(given).map_err(|error| error.to_string())?;
        given
            .read(Timestamp::UNIX_EPOCH)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_reply_says_what_belongs_to_it() {
        let excused = read(json!({"is": "excused", "reason": " Bão số 9,\r\nđường ngập "}));
        let excused = excused.unwrap();
        assert_eq!(excused.reason.as_deref(), Some("Bão số 9,\nđường ngập"));
        let sends = read(json!({"is": "sends", "who": "Phó Chủ tịch", "count": 3})).unwrap();
        assert_eq!(
            (sends.who.as_deref(), sends.count),
            (Some("Phó Chủ tịch"), Some(3))
        );
        assert_eq!(read(json!({"is": "coming"})).unwrap().count, None);
    }

    #[test]
    fn what_is_missing_too_long_or_of_another_reply_is_refused_by_its_name() {
        for (given, named) in [
            (json!({"is": "excused"}), "reason"),
            (json!({"is": "excused", "reason": " \n "}), "reason"),
            (
                json!({"is": "excused", "reason": "x".repeat(501)}),
                "reason",
            ),
            (json!({"is": "excused", "reason": "\u{202e}x"}), "reason"),
            (json!({"is": "excused", "reason": "x", "count": 1}), "count"),
            (json!({"is": "sends"}), "who"),
            (json!({"is": "coming", "who": "x"}), "who"),
            (json!({"is": "coming", "reason": "x"}), "reason"),
            (json!({"is": "coming", "count": 0}), "count"),
            (json!({"is": "coming", "count": 10_001}), "count"),
            (json!({"is": "perhaps"}), "perhaps"),
            (json!({"is": "coming", "more": 1}), "more"),
        ] {
            let refused = read(given.clone()).unwrap_err();
            assert!(refused.contains(named), "{given}: {refused}");
        }
    }
}

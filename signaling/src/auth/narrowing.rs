//! What narrows a token below the rights of its role, and the rights that are left.

use super::rights::{Scope, Verb};
use super::role::Role;
use super::verbs::Verbs;
use crate::ids::SiteCode;
use crate::refusal::{ErrorCode, Refusal};

/// To what a token is narrowed; to nothing if neither is there.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Narrowing {
    /// The verbs that it is for.
    pub scope: Option<Verbs>,
    /// The province beyond which an administrator's token does not reach.
    pub province: Option<SiteCode>,
}

/// What somebody may do: what the role may, as far as the scope names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rights {
    /// The role.
    pub role: Role,
    /// The verbs that the token is for; all that are its role's if it names none.
    pub scope: Option<Verbs>,
}

impl From<Role> for Rights {
    fn from(role: Role) -> Self {
        Self { role, scope: None }
    }
}

impl Rights {
    /// Whether that is among them at all.
    pub fn may(self, verb: Verb) -> bool {
        self.role.may(verb) && self.scope.is_none_or(|scope| scope.contains(verb))
    }

    /// Passes whoever may do that, and says how far it reaches.
    ///
    /// # Errors
    /// When it may not: says who may, or what the scope lacks.
    pub fn permit(self, verb: Verb) -> Result<Scope, Refusal> {
        let reach = self.role.permit(verb)?;
        if self.scope.is_none_or(|scope| scope.contains(verb)) {
            return Ok(reach);
        }
        let message = format!(
            "a token whose scope does not name `{}` may not {}",
            verb.as_str(),
            verb.name()
        );
        Err(Refusal::new(ErrorCode::NotPermitted, message))
    }
}

/// How far a right of a token reaches that is narrowed to one province: no farther than that of somebody
/// who acts within one.
///
/// # Errors
/// When nobody may do that for one province alone.
pub(super) fn in_a_province(verb: Verb) -> Result<Scope, Refusal> {
    if Role::Provincial.reach(verb) == Some(Scope::Province) {
        return Ok(Scope::Province);
    }
    let message = format!(
        "a token for one province may not {}: that is not of one province (`{}`)",
        verb.name(),
        verb.as_str()
    );
    Err(Refusal::new(ErrorCode::NotPermitted, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_leaves_of_the_rights_of_a_role_those_that_it_names() {
        for role in Role::ALL {
            for named in Verb::ALL {
                let scope = Some(Verbs::from_iter([*named]));
                let rights = Rights { role, scope };
                for verb in Verb::ALL {
                    let left = (verb == named).then(|| role.reach(*verb)).flatten();
                    assert_eq!(rights.permit(*verb).ok(), left, "{role} {named:?} {verb:?}");
                    assert_eq!(rights.may(*verb), left.is_some());
                }
            }
        }
    }

    #[test]
    fn what_a_scope_lacks_is_named() {
        let scope = Some(Verbs::from_iter([Verb::ReadBookings]));
        let rights = Rights {
            role: Role::Admin,
            scope,
        };
        assert_eq!(
            rights.permit(Verb::Invite).unwrap_err().message,
            "a token whose scope does not name `invite` may not send invitations"
        );
        // What the role may not is said of the role: no scope would help.
        assert_eq!(
            rights.permit(Verb::RequestFloor).unwrap_err().message,
            "an administrator may not ask for the floor: only a site may"
        );
    }

    #[test]
    fn for_one_province_there_is_what_somebody_may_who_acts_within_one() {
        for verb in Verb::ALL {
            let may = Role::Provincial.reach(*verb) == Some(Scope::Province);
            assert_eq!(in_a_province(*verb).is_ok(), may, "{verb:?}");
        }
    }
}

//! The one table that says what each role may do, and how far that reaches. The sentence of a
//! refusal is made from it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::role::Role;
use crate::refusal::{ErrorCode, Refusal};

/// Something that needs a right: one row of the table.
#[derive(
    Clone,
    Copy,
    Debug,
    Deserialize,
    Eq,
    Hash,
    Ord,
    PartialEq,
    PartialOrd,
    Serialize,
    strum::IntoStaticStr,
    strum::VariantArray,
    utoipa::ToSchema,
)]
#[serde(rename_all = "camelCase")]
#[strum(serialize_all = "camelCase")]
pub enum Verb {
    /// See everything of a conference.
    ReadConference,
    /// Make one.
    CreateConference,
    /// Correct its title or time.
    AmendConference,
    /// Take it back.
    DeleteConference,
    /// Begin it.
    StartConference,
    /// End it for good.
    EndConference,
    /// Say who is expected.
    SetRoster,
    /// Be in it and watch it.
    Join,
    /// Go.
    Leave,
    /// Send somebody away.
    Remove,
    /// Let somebody in again.
    Readmit,
    /// Do what is another's own to do, with a token.
    ActFor,
    /// Send microphone, camera and screen.
    Publish,
    /// Refuse somebody's media.
    Mute,
    /// Look at any one participant's picture.
    Watch,
    /// Ask for the floor.
    RequestFloor,
    /// Ask no more.
    WithdrawFloor,
    /// Have it.
    HoldFloor,
    /// Give one's own back.
    YieldFloor,
    /// Be the device that speaks for its site.
    SpeakHere,
    /// Give it to somebody.
    GrantFloor,
    /// Take it from somebody.
    RevokeFloor,
    /// Be put on the stage.
    BeOnStage,
    /// Put somebody there.
    SetStage,
    /// Know which sites there are.
    ReadSites,
    /// Bring a list of them.
    ImportSites,
    /// Correct what is known of one.
    AmendSite,
    /// Take one off the list.
    RemoveSites,
    /// Know what came of checks.
    ReadChecks,
    /// Know who was in a conference from when until when.
    ReadAttendance,
    /// Know what is booked.
    ReadBookings,
    /// Plan a conference, and change the plan.
    Book,
    /// Have a plan take place, or not.
    PublishBooking,
    /// Make, list and take back tokens.
    ManageTokens,
    /// Make, change and remove accounts.
    ManageAccounts,
    /// Know who is logged in, and end that.
    EndLogins,
    /// Know who has changed what.
    ReadActs,
    /// Go into a conference with an account.
    EnterConference,
    /// Know which mail waits, and what became of it.
    ReadMail,
    /// Know who was invited, who has seen it and what was replied.
    ReadInvitations,
    /// Invite sites, and have mail sent.
    Invite,
    /// Know what letters to sites say.
    ReadLetters,
    /// Say it otherwise.
    EditLetters,
    /// Know what happens in all conferences.
    ReadEvents,
    /// Say which programs are told of it.
    ManageWebhooks,
}

/// How far a right reaches, the nearest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Scope {
    /// What is one's own.
    Itself,
    /// Whoever speaks for a site of the bearer's own province, in its conference.
    Province,
    /// The conference that the token is for.
    Conference,
    /// Every conference, and what belongs to none.
    Server,
}

/// What a verb is called after "may", and how far each role's right to it reaches, in the order of
/// [`Role::ALL`].
struct Row(&'static str, [Option<Scope>; 10]);

/// No right.
const N: Option<Scope> = None;
const I: Option<Scope> = Some(Scope::Itself);
const P: Option<Scope> = Some(Scope::Province);
const C: Option<Scope> = Some(Scope::Conference);
const S: Option<Scope> = Some(Scope::Server);

impl Verb {
    /// All of them, in the order of the table.
    pub const ALL: &[Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The table: operator, chair, hall, site, observer, admin; and of accounts alone national,
    /// provincial, auditor, technician.
    #[expect(clippy::too_many_lines, reason = "a table, of one row for each verb")]
    const fn row(self) -> Row {
        match self {
            Self::ReadConference => Row(
                "see everything of a conference",
                [C, C, N, N, N, S, S, N, S, S],
            ),
            Self::CreateConference => Row("create a conference", [N, N, N, N, N, S, S, N, N, N]),
            Self::AmendConference => Row("correct a conference", [C, C, N, N, N, S, S, N, N, N]),
            Self::DeleteConference => Row("delete a conference", [N, N, N, N, N, S, S, N, N, N]),
            Self::StartConference => Row("start a conference", [C, C, N, N, N, S, S, N, N, N]),
            Self::EndConference => Row("end a conference", [C, C, N, N, N, S, S, N, N, N]),
            Self::SetRoster => Row("say who is expected", [C, C, N, N, N, S, S, N, N, N]),
            Self::Join => Row("join a conference", [C, C, C, C, C, N, N, N, N, N]),
            Self::Leave => Row("leave a conference", [I, I, I, I, I, N, N, N, N, N]),
            Self::Remove => Row("send a participant away", [C, C, N, N, N, S, S, N, N, N]),
            Self::Readmit => Row("let a participant in again", [C, C, N, N, N, S, S, N, N, N]),
            Self::ActFor => Row(
                "act on behalf of a participant",
                [C, C, N, N, N, S, S, N, N, N],
            ),
            Self::Publish => Row("publish", [N, I, I, I, N, N, N, N, N, N]),
            Self::Mute => Row("mute a participant", [C, C, N, N, N, S, S, N, N, N]),
            Self::Watch => Row(
                "watch a participant of its choice",
                [C, C, N, N, N, N, N, N, N, N],
            ),
            Self::RequestFloor => Row("ask for the floor", [N, N, N, I, N, N, N, N, N, N]),
            Self::WithdrawFloor => Row("ask for the floor no more", [I, I, I, I, I, N, N, N, N, N]),
            Self::HoldFloor => Row("have the floor", [N, I, I, I, N, N, N, N, N, N]),
            Self::YieldFloor => Row("give the floor back", [I, I, I, I, I, N, N, N, N, N]),
            Self::SpeakHere => Row("speak for its site", [I, I, I, I, I, N, N, N, N, N]),
            Self::GrantFloor => Row("grant the floor", [C, C, N, N, N, S, S, N, N, N]),
            Self::RevokeFloor => Row("revoke the floor", [C, C, N, N, N, S, S, N, N, N]),
            Self::BeOnStage => Row("be on the stage", [N, I, I, I, N, N, N, N, N, N]),
            Self::SetStage => Row("set the stage", [C, C, N, N, N, S, S, N, N, N]),
            Self::ReadSites => Row("read the list of sites", [S, S, N, N, N, S, S, P, S, S]),
            Self::ImportSites => Row("import sites", [N, N, N, N, N, S, S, N, N, N]),
            Self::AmendSite => Row("correct a site", [N, N, N, N, N, S, S, P, N, N]),
            Self::RemoveSites => Row("remove sites", [N, N, N, N, N, S, S, N, N, N]),
            Self::ReadChecks => Row("read what came of checks", [S, S, N, N, N, S, S, P, S, S]),
            Self::ReadAttendance => Row("read who was here", [C, C, N, N, N, S, S, P, S, N]),
            Self::ReadBookings => Row("read bookings", [N, N, N, N, N, S, S, P, S, S]),
            Self::Book => Row("book a conference", [N, N, N, N, N, S, S, N, N, N]),
            Self::PublishBooking => Row(
                "publish or cancel a booking",
                [N, N, N, N, N, S, S, N, N, N],
            ),
            Self::ManageTokens => Row(
                "make, list and take back tokens",
                [N, N, N, N, N, S, N, N, N, N],
            ),
            Self::ManageAccounts => Row(
                "make, change and remove accounts",
                [N, N, N, N, N, S, N, N, N, N],
            ),
            Self::EndLogins => Row(
                "see who is logged in, and end that",
                [N, I, N, N, N, S, I, I, I, I],
            ),
            Self::ReadActs => Row("read who has changed what", [N, N, N, N, N, S, N, N, S, N]),
            Self::EnterConference => Row(
                "go into a conference with an account",
                [N, C, N, N, N, S, S, S, S, S],
            ),
            Self::ReadMail => Row("know which mail waits", [N, N, N, N, N, S, S, N, N, S]),
            Self::ReadInvitations => Row(
                "know who was invited and who comes",
                [N, N, N, N, N, S, S, P, S, N],
            ),
            Self::Invite => Row("send invitations", [N, N, N, N, N, S, S, N, N, N]),
            Self::ReadLetters => Row("read what letters say", [N, N, N, N, N, S, S, N, S, S]),
            Self::EditLetters => Row("change what letters say", [N, N, N, N, N, S, S, N, N, N]),
            Self::ReadEvents => Row(
                "read the events of all conferences",
                [N, N, N, N, N, S, S, N, S, N],
            ),
            Self::ManageWebhooks => Row("manage webhooks", [N, N, N, N, N, S, N, N, N, N]),
        }
    }

    /// Its name in scopes.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What it is called after "may".
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Those who may.
    fn roles(self) -> Vec<Role> {
        let mut roles = Role::ALL.to_vec();
        roles.retain(|role| role.may(self));
        roles
    }
}

impl Role {
    /// How far this role's right to do that reaches; `None` if it has none. This is the only place
    /// that decides it.
    pub const fn reach(self, verb: Verb) -> Option<Scope> {
        let [
            operator,
            chair,
            hall,
            site,
            observer,
            admin,
            national,
            provincial,
            auditor,
            technician,
        ] = verb.row().1;
        match self {
            Self::Operator => operator,
            Self::Chair => chair,
            Self::Hall => hall,
            Self::Site => site,
            Self::Observer => observer,
            Self::Admin => admin,
            Self::National => national,
            Self::Provincial => provincial,
            Self::Auditor => auditor,
            Self::Technician => technician,
        }
    }

    /// Whether this role may do that at all.
    pub const fn may(self, verb: Verb) -> bool {
        self.reach(verb).is_some()
    }

    /// Whether it is for every conference, and not for one.
    pub const fn is_for_all(self) -> bool {
        matches!(self.reach(Verb::ReadConference), Some(Scope::Server))
    }

    /// Passes a role that may do that. Outside this module whoever acts is asked, whose rights may be narrowed.
    ///
    /// # Errors
    /// When it may not: says who may.
    pub(super) fn permit(self, verb: Verb) -> Result<Scope, Refusal> {
        self.reach(verb).ok_or_else(|| {
            let message = format!(
                "{} may not {}: only {} may",
                Called(self),
                verb.name(),
                Listed(&verb.roles())
            );
            Refusal::new(ErrorCode::NotPermitted, message)
        })
    }

    /// Why its right to do that does not help it here.
    pub(crate) fn out_of_reach(self, verb: Verb) -> Refusal {
        let message = format!(
            "{} may not {} beyond its own province",
            Called(self),
            verb.name()
        );
        Refusal::new(ErrorCode::NotPermitted, message)
    }
}

/// A role as one says it of somebody.
struct Called(Role);

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Role::Operator => "an operator",
            Role::Chair => "a chair",
            Role::Hall => "a hall",
            Role::Site => "a site",
            Role::Observer => "an observer",
            Role::Admin => "an administrator",
            Role::National => "a national operator",
            Role::Provincial => "a provincial operator",
            Role::Auditor => "an auditor",
            Role::Technician => "a technician",
        })
    }
}

/// One, or one of several.
struct Listed<'a>(&'a [Role]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, role) in self.0.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}{}", Called(*role))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_who_may() {
        let refused = |role: Role, verb| role.permit(verb).unwrap_err().message;
        assert_eq!(
            refused(Role::Site, Verb::GrantFloor),
            "a site may not grant the floor: only an operator, a chair, an administrator or a \
             national operator may"
        );
        assert_eq!(
            refused(Role::Chair, Verb::CreateConference),
            "a chair may not create a conference: only an administrator or a national operator may"
        );
        assert_eq!(
            refused(Role::Operator, Verb::RequestFloor),
            "an operator may not ask for the floor: only a site may"
        );
    }

    #[test]
    fn every_verb_is_somebodys_and_nobody_has_all() {
        for verb in Verb::ALL {
            assert!(!verb.roles().is_empty(), "{verb:?}");
        }
        for role in Role::ALL {
            assert!(Verb::ALL.iter().any(|verb| !role.may(*verb)), "{role}");
        }
    }

    #[test]
    fn only_who_is_for_every_conference_reaches_what_belongs_to_none() {
        for role in Role::ALL {
            // Who may make tokens may make one for an administrator.
            assert_eq!(role.may(Verb::ManageTokens), role == Role::Admin, "{role}");
            assert!(
                role.is_for_all() || !role.may(Verb::CreateConference),
                "{role}"
            );
        }
    }

    #[test]
    fn whoever_acts_within_a_province_reaches_nothing_beyond_it() {
        for verb in Verb::ALL {
            let reach = Role::Provincial.reach(*verb);
            // It watches with everybody.
            let watches = *verb == Verb::EnterConference;
            assert!(
                watches || reach.is_none_or(|reach| reach <= Scope::Province),
                "{verb:?}"
            );
        }
    }

    #[test]
    fn who_reads_records_or_looks_after_lines_changes_nothing() {
        let reading = [
            Verb::ReadConference,
            Verb::ReadSites,
            Verb::ReadChecks,
            Verb::ReadAttendance,
            Verb::ReadBookings,
            Verb::ReadActs,
            Verb::EndLogins,
            Verb::EnterConference,
            Verb::ReadMail,
            Verb::ReadInvitations,
            Verb::ReadLetters,
            Verb::ReadEvents,
        ];
        for role in [Role::Auditor, Role::Technician] {
            for verb in Verb::ALL.iter().filter(|verb| role.may(**verb)) {
                assert!(reading.contains(verb), "{role} {verb:?}");
            }
        }
    }
}

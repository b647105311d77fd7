//! Whether an actor may do what it asks: its role's row of the table, how far that reaches, and
//! whose own to do it is.

use crate::auth::{Grant, Scope, Verb};
use crate::conference::actor::{Actor, Who};
use crate::conference::event::{Bearer, By};
use crate::conference::state::State;
use crate::ids::{ParticipantId, SiteCode};
use crate::refusal::Refusal;

/// What a command needs to be carried out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Needs {
    /// A right over the conference as a whole.
    Right(Verb),
    /// A right over somebody.
    RightOver(Verb, ParticipantId),
    /// Something that is one's own to do.
    Own(Verb),
    /// The server itself.
    Server,
}

impl State {
    /// Passes whoever may do what needs this, and says who that is for the log.
    pub(super) fn permit(&self, actor: &Actor, needs: Needs) -> Result<By, Refusal> {
        match needs {
            Needs::Right(verb) => self.permit_over(actor, verb, None),
            Needs::RightOver(verb, whom) => self.permit_over(actor, verb, Some(whom)),
            Needs::Own(verb) => self.permit_own(actor, verb),
            Needs::Server => match actor.who() {
                Who::System => Ok(By::System),
                Who::Participant(_) | Who::Bearer(_) => {
                    Err(Refusal::not_permitted("only the server itself may do this"))
                }
            },
        }
    }

    fn permit_over(
        &self,
        actor: &Actor,
        verb: Verb,
        whom: Option<ParticipantId>,
    ) -> Result<By, Refusal> {
        let (role, scope, site, by) = match actor.who() {
            Who::System => return Ok(By::System),
            Who::Participant(id) => {
                let person = self.person(*id)?;
                let scope = person.rights().permit(verb)?;
                let by = By::Participant(*id);
                (person.role, scope, person.site.as_ref(), by)
            }
            Who::Bearer(grant) => {
                let by = bearer(grant, None);
                (grant.role(), grant.permit(verb)?, grant.site(), by)
            }
        };
        if self.is_within(scope, site, whom) {
            Ok(by)
        } else {
            Err(role.out_of_reach(verb))
        }
    }

    /// What is a participant's own to do it does itself; or somebody does so on its behalf, with a
    /// token.
    fn permit_own(&self, actor: &Actor, verb: Verb) -> Result<By, Refusal> {
        let whose = actor.whose()?;
        let by = match actor.who() {
            Who::System => By::System,
            Who::Participant(id) if *id == whose => By::Participant(*id),
            Who::Participant(_) => {
                return Err(Refusal::not_permitted(
                    "a participant may do this for itself only",
                ));
            }
            Who::Bearer(grant) => {
                let scope = grant.permit(Verb::ActFor)?;
                if !self.is_within(scope, grant.site(), Some(whose)) {
                    return Err(grant.role().out_of_reach(Verb::ActFor));
                }
                bearer(grant, Some(whose))
            }
        };
        self.person(whose)?.rights().permit(verb)?;
        Ok(by)
    }

    /// Whether a right of this scope reaches somebody, or the conference as a whole. That a token
    /// is for this conference is known before.
    pub(super) fn is_within(
        &self,
        scope: Scope,
        site: Option<&SiteCode>,
        whom: Option<ParticipantId>,
    ) -> bool {
        match scope {
            Scope::Itself => false,
            Scope::Province => {
                let own = site.and_then(|code| self.roster().site(code)?.province.as_ref());
                let other = whom.and_then(|id| self.province_of(self.people.get(id)?));
                own.is_some() && own == other
            }
            Scope::Conference | Scope::Server => true,
        }
    }

    /// Whether somebody may look at the picture of a participant, or look at nobody any more.
    ///
    /// # Errors
    /// When it may not.
    pub fn permit_watch(
        &self,
        who: ParticipantId,
        whom: Option<ParticipantId>,
    ) -> Result<(), Refusal> {
        let actor = Actor::participant(who);
        self.permit_over(&actor, Verb::Watch, whom).map(|_| ())
    }
}

/// How the log names the bearer of a token.
fn bearer(grant: &Grant, on_behalf_of: Option<ParticipantId>) -> By {
    By::Bearer(Bearer {
        subject: grant.subject().to_owned(),
        // A token says whom it is for by its subject.
        name: grant
            .account()
            .and_then(|_| grant.name())
            .map(str::to_owned),
        token: grant.token().clone(),
        on_behalf_of,
    })
}

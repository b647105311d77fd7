//! What is told of the floor.

use jiff::Timestamp;

use crate::conference::{Held, State};
use crate::ids::ParticipantId;
use crate::protocol::ServerMessage;
use crate::protocol::server::{Claim, Floor, Standing};

impl State {
    /// The message `floor` for those who look at the queue.
    pub fn floor_message(&self) -> ServerMessage {
        ServerMessage::Floor(self.floor_value(Floor::SHOWN))
    }

    /// The message `floor` for everybody else: who speaks, and how many wait. Where the receiver
    /// itself stands is in `self`.
    pub fn short_floor_message(&self) -> ServerMessage {
        let floor = self.floor_value(0);
        ServerMessage::Floor(Floor {
            version: self.versions().floor,
            holder: floor.holder.map(|holder| Claim {
                began: None,
                ..holder
            }),
            ..floor
        })
    }

    /// Everybody in the floor's queue with its position, from 1. Counted once for all.
    pub fn positions(&self) -> impl Iterator<Item = (ParticipantId, u32)> {
        self.floor().queue().zip(1..)
    }

    pub(super) fn standing(&self, id: ParticipantId) -> Standing {
        if self.floor().holder() == Some(id) {
            Standing::Holding
        } else if self.floor().is_waiting(id) {
            Standing::Waiting
        } else {
            Standing::None
        }
    }

    pub(super) fn floor_value(&self, shown: usize) -> Floor {
        let waiting = self.floor().waiting();
        Floor {
            version: self.versions().floor.max(self.versions().began),
            holder: self.floor().held().and_then(|held| self.holding(&held)),
            waiting: u32::try_from(waiting.len()).unwrap_or(u32::MAX),
            queue: waiting
                .take(shown)
                .filter_map(|waiting| self.claim(waiting))
                .collect(),
        }
    }

    fn holding(&self, held: &Held) -> Option<Claim> {
        Some(Claim {
            began: held.began,
            ..self.claim((held.participant, held.since))?
        })
    }

    fn claim(&self, (participant, since): (ParticipantId, Timestamp)) -> Option<Claim> {
        let person = self.participant(participant)?;
        let (site, name) = (person.site.clone(), person.name.clone());
        Some(Claim {
            participant,
            site,
            name,
            province_name: self.province_name_of(person).map(str::to_owned),
            since,
            began: None,
        })
    }
}

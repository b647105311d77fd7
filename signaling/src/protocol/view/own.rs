//! What a participant is told of where it stands itself.

use crate::conference::State;
use crate::ids::ParticipantId;
use crate::protocol::ServerMessage;
use crate::protocol::server::Own;

impl State {
    /// The message `self` for a participant; `None` when it is gone.
    pub fn self_message(&self, id: ParticipantId) -> Option<ServerMessage> {
        self.own_message(id, self.floor().position(id))
    }

    fn own_message(&self, id: ParticipantId, position: Option<u32>) -> Option<ServerMessage> {
        let person = self.participant(id)?;
        let (muted, cut) = (self.is_unheard(id, person), person.muting.is_cut());
        let seat = self.seat(id)?;
        let (floor, on_stage) = (self.standing(id), self.is_staged(id));
        Some(ServerMessage::Own(Own {
            version: self.version(),
            muted,
            cut,
            floor,
            position,
            on_stage,
            device: seat.device,
            stands_by: seat.stands_by,
            arriving: person.arriving(),
            last_turn: person.last_turn,
        }))
    }

    /// The message `self` for somebody whose position in the queue is known.
    pub fn waiting_message(&self, id: ParticipantId, position: u32) -> Option<ServerMessage> {
        self.own_message(id, Some(position))
    }
}

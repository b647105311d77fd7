//! The trace of somebody who comes in, where somebody wants it: by a WebSocket, or by WHIP or WHEP.

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Join, Step, Telemetry};
use crate::auth::Role;
use crate::ids::{ConferenceId, ParticipantId};
use crate::refusal::ErrorCode;

/// See the module.
pub(crate) struct Trace<'t>(Option<(&'t Telemetry, Join)>);

impl<'t> Trace<'t> {
    /// Somebody has said its first word: `join`, `resume`, `whip` or `whep`.
    pub(crate) fn begin(
        telemetry: Option<&'t Telemetry>,
        now: Instant,
        wall: impl FnOnce() -> Timestamp,
        kind: &'static str,
    ) -> Self {
        Self(telemetry.map(|telemetry| (telemetry, Telemetry::begin(now, wall(), kind))))
    }

    /// A step begins that does not follow the one before at once.
    pub(crate) fn begins(&mut self, step: Step) {
        if let Some((_, join)) = &mut self.0 {
            join.begin(step, Instant::now());
        }
    }

    /// A step is done.
    pub(crate) fn ends(&mut self, step: Step) {
        if let Some((_, join)) = &mut self.0 {
            join.end(step, Instant::now());
        }
    }

    /// It is in; what follows is told by its media.
    pub(crate) fn entered(self, conference: ConferenceId, participant: ParticipantId, role: Role) {
        if let Some((telemetry, mut join)) = self.0 {
            join.identify(conference, participant, role);
            telemetry.entered(Instant::now(), participant, join);
        }
    }

    /// It was refused.
    pub(crate) fn refused(self, code: ErrorCode) {
        if let Some((telemetry, mut join)) = self.0 {
            join.fail(code, Instant::now());
            telemetry.refused(join);
        }
    }
}

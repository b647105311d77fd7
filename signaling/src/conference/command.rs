//! What can be asked of a conference: the commands of its subjects.

use crate::conference::clock::ClockCommand;
use crate::conference::floor::FloorCommand;
use crate::conference::people::PeopleCommand;
use crate::conference::phase::PhaseCommand;
use crate::conference::rights::Needs;
use crate::conference::roster::RosterCommand;
use crate::conference::sources::SourcesCommand;
use crate::conference::stage::StageCommand;

/// Makes the commands of all subjects one.
macro_rules! subjects {
    ($($(#[$about:meta])* $subject:ident($command:ty),)*) => {
        /// What is asked, by subject.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum Command {
            $($(#[$about])* $subject($command),)*
        }

        impl Command {
            /// What it needs to be carried out.
            pub(super) const fn needs(&self) -> Needs {
                match self {
                    $(Self::$subject(command) => command.needs(),)*
                }
            }

            /// Whether a participant may do this only so often: others are told of it. Whoever
            /// comes in or leaves is limited elsewhere.
            pub const fn is_budgeted(&self) -> bool {
                match self {
                    $(Self::$subject(command) => command.is_budgeted(),)*
                }
            }
        }

        $(impl From<$command> for Command {
            fn from(command: $command) -> Self {
                Self::$subject(command)
            }
        })*
    };
}

subjects! {
    /// The conference as a whole.
    Phase(PhaseCommand),
    /// Who is expected.
    Roster(RosterCommand),
    /// Who is here.
    People(PeopleCommand),
    /// A participant's media.
    Sources(SourcesCommand),
    /// The floor.
    Floor(FloorCommand),
    /// The stage.
    Stage(StageCommand),
    /// Time.
    Clock(ClockCommand),
}

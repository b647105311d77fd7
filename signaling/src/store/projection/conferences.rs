//! Which event changes which column of the list of conferences.

use jiff::Timestamp;

use crate::conference::{Event, PhaseEvent, Record};

/// How a conference is called, and when it should begin.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::store) struct Listed {
    pub(in crate::store) title: String,
    pub(in crate::store) starts_at: Option<Timestamp>,
}

/// What some events of one conference change in its row. The last change of a state or a title is the
/// one that counts, each time is kept.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::store) struct Changes {
    /// The first event makes the conference.
    pub(in crate::store) created: Option<Listed>,
    pub(in crate::store) amended: Option<Listed>,
    pub(in crate::store) state: Option<&'static str>,
    pub(in crate::store) started_at: Option<Timestamp>,
    pub(in crate::store) ended_at: Option<Timestamp>,
    pub(in crate::store) deleted_at: Option<Timestamp>,
}

impl Changes {
    pub(in crate::store) fn of(records: &[Record]) -> Self {
        let created = match records.first().map(|record| &record.event) {
            Some(Event::Phase(PhaseEvent::Created {
                title, starts_at, ..
            })) => Some(Listed {
                title: title.clone(),
                starts_at: *starts_at,
            }),
            _ => None,
        };
        let mut changes = Self {
            created,
            ..Self::default()
        };
        for record in records {
            changes.note(record);
        }
        changes
    }

    /// Whether the conference is over with them.
    pub(in crate::store) fn is_end(&self) -> bool {
        self.state == Some("ended")
    }

    fn note(&mut self, record: &Record) {
        match &record.event {
            Event::Phase(event) => self.note_phase(record.at, event),
            Event::Roster(_)
            | Event::People(_)
            | Event::Sources(_)
            | Event::Floor(_)
            | Event::Stage(_)
            | Event::Clock(_) => {}
        }
    }

    fn note_phase(&mut self, at: Timestamp, event: &PhaseEvent) {
        match event {
            PhaseEvent::Created { .. } => {}
            PhaseEvent::Started { .. } => {
                self.state = Some("running");
                self.started_at = Some(at);
            }
            PhaseEvent::Ended { .. } => {
                self.state = Some("ended");
                self.ended_at = Some(at);
            }
            PhaseEvent::Amended {
                title, starts_at, ..
            } => {
                self.amended = Some(Listed {
                    title: title.clone(),
                    starts_at: *starts_at,
                });
            }
            PhaseEvent::Deleted { .. } => {
                self.state = Some("ended");
                self.deleted_at = Some(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::By;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn log(events: Vec<Event>) -> Vec<Record> {
        let numbered = events.into_iter().zip(1..);
        numbered
            .map(|(event, seq)| Record {
                seq,
                at: at(seq.cast_signed()),
                event,
            })
            .collect()
    }

    fn amended(title: &str, starts_at: Option<Timestamp>) -> Event {
        Event::Phase(PhaseEvent::Amended {
            title: title.to_owned(),
            starts_at,
            by: By::System,
        })
    }

    #[test]
    fn the_last_title_and_state_count_and_each_time_is_kept() {
        let by = By::System;
        let records = log(vec![
            amended("Weekly", Some(at(100))),
            amended("Monthly", None),
            Event::Phase(PhaseEvent::Started { by: by.clone() }),
            Event::Phase(PhaseEvent::Ended { by }),
        ]);
        let monthly = Listed {
            title: "Monthly".to_owned(),
            starts_at: None,
        };
        let changes = Changes::of(&records);
        assert!(changes.is_end());
        let expected = Changes {
            amended: Some(monthly),
            state: Some("ended"),
            started_at: Some(at(3)),
            ended_at: Some(at(4)),
            ..Changes::default()
        };
        assert_eq!(changes, expected);
    }

    #[test]
    fn only_a_first_event_makes_a_conference() {
        let created = Event::Phase(PhaseEvent::Created {
            title: "Weekly".to_owned(),
            starts_at: None,
            by: By::System,
        });
        let started = Event::Phase(PhaseEvent::Started { by: By::System });
        let made = Changes::of(&log(vec![created.clone(), started.clone()]));
        assert_eq!(made.created.unwrap().title, "Weekly");
        assert_eq!(Changes::of(&log(vec![started, created])).created, None);
    }
}

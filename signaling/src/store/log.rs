//! The log of a conference, wherever it is kept: how it goes on, and whether what is read of it is whole.

use super::chain::{ChainFault, Fault, Hash, Head};
use super::error::StoreError;
use super::projection::conferences::Changes;
use super::rows::{Entry, Found};
use crate::conference::Record;
use crate::ids::ConferenceId;

/// Some events of one conference, as they are to be written, but for the hashes: these depend on what
/// is already there, which only the writer knows, for whom everybody waits.
#[derive(Debug)]
pub(super) struct Addition {
    pub(super) conference: ConferenceId,
    pub(super) entries: Vec<Entry>,
    pub(super) changes: Changes,
}

/// An entry in its place.
#[derive(Debug)]
pub(super) struct Linked<'e> {
    pub(super) entry: &'e Entry,
    pub(super) prev: Hash,
    pub(super) hash: Hash,
}

impl Addition {
    pub(super) fn new(conference: &ConferenceId, records: &[Record]) -> Result<Self, StoreError> {
        Ok(Self {
            conference: conference.clone(),
            entries: records.iter().map(Entry::new).collect::<Result<_, _>>()?,
            changes: Changes::of(records),
        })
    }

    /// The entries behind `head`, and where the log ends with them.
    pub(super) fn link(&self, mut head: Head) -> Result<(Vec<Linked<'_>>, Head), StoreError> {
        let mut linked = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            if entry.seq != head.seq + 1 {
                return Err(self.conflict(head.seq, entry.seq));
            }
            let (prev, hash) = (head.hash, entry.hash_after(head.hash, &self.conference));
            linked.push(Linked { entry, prev, hash });
            head = Head {
                seq: entry.seq,
                hash,
            };
        }
        Ok((linked, head))
    }

    /// The log ends at `head`, which `seq` does not follow.
    pub(super) fn conflict(&self, head: u64, seq: u64) -> StoreError {
        StoreError::Conflict {
            conference: self.conference.clone(),
            head,
            seq,
        }
    }
}

/// A log that is being read, from one event to the next.
#[derive(Debug)]
pub(super) struct Reading<'c> {
    pub(super) conference: &'c ConferenceId,
    /// The event that was read last.
    pub(super) at: Head,
    /// Where it ended when it was signed last.
    pub(super) signed: Option<Head>,
    /// Where the list of conferences says that it ends.
    pub(super) acknowledged: Option<Head>,
}

impl Reading<'_> {
    /// Reads the next row.
    pub(super) fn follow(&mut self, row: &Found<'_>) -> Result<Record, StoreError> {
        let (record, next) = row.follow(self.conference, self.at)?;
        self.at = next;
        self.check_signed()?;
        Ok(record)
    }

    /// The event that was signed must be the one that was signed. If it is not, the chain up to it was
    /// made anew, and none of its events can be trusted.
    fn check_signed(&self) -> Result<(), ChainFault> {
        match self.signed {
            Some(signed) if signed.seq == self.at.seq && signed.hash != self.at.hash => {
                Err(self.fault(1, Fault::NotSigned))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// There are no more rows: the last event must be the one that was acknowledged last, and nothing
    /// may be missing that was signed.
    pub(super) fn end(&self) -> Result<Head, ChainFault> {
        self.check_acknowledged()?;
        match self.signed {
            Some(signed) if self.at.seq < signed.seq => {
                Err(self.fault(self.at.seq + 1, Fault::Missing))
            }
            Some(_) | None => Ok(self.at),
        }
    }

    fn check_acknowledged(&self) -> Result<(), ChainFault> {
        let Some(end) = self.acknowledged else {
            return Ok(());
        };
        let at = self.at;
        let (seq, fault) = match at.seq.cmp(&end.seq) {
            std::cmp::Ordering::Less => (at.seq + 1, Fault::Missing),
            std::cmp::Ordering::Greater => (end.seq + 1, Fault::Unacknowledged),
            std::cmp::Ordering::Equal if at.hash != end.hash => (at.seq, Fault::Altered),
            std::cmp::Ordering::Equal => return Ok(()),
        };
        Err(self.fault(seq, fault))
    }

    /// The next event cannot be read.
    pub(super) fn unreadable(&self) -> ChainFault {
        self.fault(self.at.seq + 1, Fault::Unreadable)
    }

    fn fault(&self, seq: u64, fault: Fault) -> ChainFault {
        ChainFault {
            conference: self.conference.clone(),
            seq,
            fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conference::{By, Event, PhaseEvent};

    fn records(len: u64) -> Vec<Record> {
        let created = |seq| match seq {
            1 => Event::Phase(PhaseEvent::Created {
                title: "Weekly".to_owned(),
                starts_at: None,
                by: By::System,
            }),
            _ => Event::Phase(PhaseEvent::Started { by: By::System }),
        };
        (1..=len)
            .map(|seq| Record {
                seq,
                at: "2026-11-22T02:00:00Z".parse().unwrap(),
                event: created(seq),
            })
            .collect()
    }

    /// Reads what was linked as it would be found.
    fn read(linked: &[Linked<'_>], reading: &mut Reading<'_>) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for Linked { entry, prev, hash } in linked {
            let (prev, hash) = (prev.to_string(), hash.to_string());
            records.push(reading.follow(&Found {
                seq: entry.seq.cast_signed(),
                at: &entry.at,
                kind: entry.kind,
                body: &entry.body,
                prev: &prev,
                hash: &hash,
            })?);
        }
        Ok(records)
    }

    #[test]
    fn what_is_linked_is_read_back_without_a_database() {
        let conference = "weekly".parse().unwrap();
        let records = records(3);
        let addition = Addition::new(&conference, &records).unwrap();
        let (linked, head) = addition.link(Head::EMPTY).unwrap();
        let mut reading = Reading {
            conference: &conference,
            at: Head::EMPTY,
            signed: Some(head),
            acknowledged: Some(head),
        };
        assert_eq!(read(&linked, &mut reading).unwrap(), records);
        assert_eq!(reading.end(), Ok(head));
    }

    #[test]
    fn what_does_not_follow_is_not_linked() {
        let conference = "weekly".parse().unwrap();
        let records = records(3);
        let addition = Addition::new(&conference, &records[1..]).unwrap();
        let refused = addition.link(Head::EMPTY).unwrap_err();
        assert!(
            matches!(
                refused,
                StoreError::Conflict {
                    head: 0,
                    seq: 2,
                    ..
                }
            ),
            "{refused}"
        );
    }
}

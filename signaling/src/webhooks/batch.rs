//! What of the journal a webhook is told at one time.

use crate::ids::WebhookId;
use crate::store::{JournalEntry, JournalPage, NewDelivery, WebhookFilter};

/// Most events of one delivery. Higher: fewer requests in a rush. Lower: smaller ones.
const MOST_EVENTS: usize = 100;

/// Largest body, but for one event that alone is larger.
const MOST_BYTES: usize = 256 * 1024;

/// Entries of the journal that are looked at in one go.
pub(super) const LOOKED_AT: u32 = 500;

impl WebhookFilter {
    fn wants(&self, entry: &JournalEntry) -> bool {
        let kinds = self.kinds.as_ref();
        let conferences = self.conferences.as_ref();
        kinds.is_none_or(|kinds| kinds.iter().any(|kind| kind == entry.kind()))
            && conferences.is_none_or(|these| {
                let conference = entry.conference.as_ref();
                conference.is_some_and(|id| these.iter().any(|these| these.contain(id)))
            })
    }
}

/// How much of a page that begins after `after` makes one delivery. `None` if there is nothing at all.
pub(super) fn next(filter: &WebhookFilter, after: u64, page: &JournalPage) -> Option<NewDelivery> {
    let (mut events, mut bytes, mut last) = (0, 0, page.last);
    for entry in page.entries.iter().filter(|entry| filter.wants(entry)) {
        bytes += entry.event.to_string().len();
        if events == MOST_EVENTS || events > 0 && bytes > MOST_BYTES {
            break;
        }
        events += 1;
        last = entry.number;
    }
    // All of the page was looked at: what follows its last event is of no interest.
    if events < MOST_EVENTS && bytes <= MOST_BYTES {
        last = page.last;
    }
    (last > after).then_some(NewDelivery {
        after,
        last,
        events: u32::try_from(events).unwrap_or(u32::MAX),
    })
}

/// What is sent: the same each time.
pub(super) fn body(
    webhook: WebhookId,
    sequence: u64,
    filter: &WebhookFilter,
    entries: &[JournalEntry],
) -> Vec<u8> {
    let events: Vec<_> = entries.iter().filter(|entry| filter.wants(entry)).collect();
    let body = serde_json::json!({
        "webhook": webhook,
        "sequence": sequence,
        "events": events,
    });
    body.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(number: u64, conference: &str, kind: &str) -> JournalEntry {
        JournalEntry {
            number,
            at: "2026-11-22T02:00:00Z".parse().unwrap(),
            conference: conference.parse().ok(),
            seq: Some(number),
            event: json!({ "kind": kind }),
        }
    }

    fn page(entries: Vec<JournalEntry>, last: u64) -> JournalPage {
        JournalPage {
            entries,
            last,
            is_full: false,
        }
    }

    fn new(after: u64, last: u64, events: u32) -> NewDelivery {
        NewDelivery {
            after,
            last,
            events,
        }
    }

    #[test]
    fn it_is_told_of_what_it_wants_and_what_it_does_not_is_passed_over() {
        let all = WebhookFilter::default();
        let some = WebhookFilter {
            kinds: Some(vec!["started".to_owned(), "ended".to_owned()]),
            conferences: Some(vec!["course-*".parse().unwrap()]),
        };
        let entries = vec![
            entry(5, "weekly", "started"),
            entry(6, "course-1", "started"),
            entry(7, "course-1", "joined"),
        ];
        let page = page(entries, 9);
        assert_eq!(next(&all, 4, &page), Some(new(4, 9, 3)));
        assert_eq!(next(&some, 4, &page), Some(new(4, 9, 1)));
        let body = body(WebhookId::new(1, 1), 3, &some, &page.entries);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["sequence"], 3);
        assert_eq!(body["events"].as_array().unwrap().len(), 1);
        assert_eq!(body["events"][0]["number"], 6);
    }

    #[test]
    fn nothing_new_makes_nothing() {
        let all = WebhookFilter::default();
        assert_eq!(next(&all, 9, &page(Vec::new(), 9)), None);
        assert_eq!(next(&all, 4, &page(Vec::new(), 9)), Some(new(4, 9, 0)));
    }

    #[test]
    fn a_delivery_is_never_large() {
        let all = WebhookFilter::default();
        let many = (1..=250).map(|number| entry(number, "a", "joined"));
        assert_eq!(
            next(&all, 0, &page(many.collect(), 250)),
            Some(new(0, 100, 100))
        );
        let exactly = (1..=100).map(|number| entry(number, "a", "joined"));
        assert_eq!(
            next(&all, 0, &page(exactly.collect(), 100)),
            Some(new(0, 100, 100))
        );
        let large = (1..=9).map(|number| entry(number, "a", &"x".repeat(100_000)));
        assert_eq!(next(&all, 0, &page(large.collect(), 9)), Some(new(0, 2, 2)));
        let huge = vec![entry(1, "a", &"x".repeat(300_000)), entry(2, "a", "b")];
        assert_eq!(next(&all, 0, &page(huge, 2)), Some(new(0, 1, 1)));
    }
}

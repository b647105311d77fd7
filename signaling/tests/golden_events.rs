//! Events as they are stored. Logs are kept for years: what is read here must be readable for ever,
//! so lines may be added to the file and never changed.

use std::collections::BTreeSet;

use serde_json::Value;
use signaling::conference::Event;

fn stored() -> Vec<Value> {
    serde_json::from_str(include_str!("golden/events.json")).expect("the file is JSON")
}

#[test]
fn stored_events_are_read_and_written_back_unchanged() {
    for json in stored() {
        let event: Event =
            serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{error}: {json}"));
        assert_eq!(event.kind(), json["kind"]);
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
    }
}

#[test]
fn every_kind_of_event_has_been_stored() {
    let kinds: BTreeSet<_> = Event::kinds().map(str::to_owned).collect();
    assert_eq!(
        kinds.len(),
        Event::kinds().count(),
        "no kind is of two subjects"
    );
    let stored = stored()
        .iter()
        .map(|json| json["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, stored);
}

/// Programs read the log by what the interface's description says of each kind. The hash of a
/// session's secret is told to nobody.
#[test]
fn every_field_of_a_stored_event_is_described_by_its_name() {
    let description: Value = serde_json::from_str(include_str!("golden/openapi.json")).unwrap();
    let schemas = &description["components"]["schemas"];
    let of_kind = &schemas["Event"]["discriminator"]["mapping"];
    for event in stored() {
        let kind = event["kind"].as_str().unwrap();
        let name = of_kind[kind].as_str().unwrap().rsplit('/').next().unwrap();
        let fields = event.as_object().unwrap().keys();
        for field in fields.filter(|field| *field != "secret") {
            let described = &schemas[name]["properties"][field];
            assert!(described.is_object(), "`{field}` of `{kind}`");
        }
    }
}

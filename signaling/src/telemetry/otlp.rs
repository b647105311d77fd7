//! Traces as the OpenTelemetry protocol writes them in JSON (OTLP 1.x, "JSON Protobuf encoding": numbers
//! of 64 bits are texts, ids are in hexadecimal digits, enumerations are numbers).

use std::time::Duration;

use serde_json::{Value, json};

use super::join::{Join, Who};

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_SERVER`.
const INTERNAL: u8 = 1;
const SERVER: u8 = 2;

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// One request for all of these.
pub(super) fn request(joins: &[Join]) -> Value {
    let spans: Vec<_> = joins.iter().flat_map(spans).collect();
    json!({
        "resourceSpans": [{
            "resource": { "attributes": [
                attribute("service.name", "dinh"),
                attribute("service.version", env!("CARGO_PKG_VERSION")),
            ]},
            "scopeSpans": [{ "scope": { "name": "dinh" }, "spans": spans }],
        }],
    })
}

/// The whole, and its steps within.
fn spans(join: &Join) -> Vec<Value> {
    let trace = format!("{:032x}", join.ids.trace);
    let id = |number: u64| format!("{:016x}", join.ids.root.wrapping_add(number));
    let nanos = |after: Duration| {
        let began = join.began.as_nanosecond();
        let after = i128::try_from(after.as_nanos()).unwrap_or_default();
        (began + after).to_string()
    };
    let root = json!({
        "traceId": trace,
        "spanId": id(0),
        "name": join.kind,
        "kind": SERVER,
        "startTimeUnixNano": nanos(Duration::ZERO),
        "endTimeUnixNano": nanos(join.length()),
        "attributes": join.who.as_ref().map(attributes).unwrap_or_default(),
        "status": match join.failed {
            None => json!({}),
            Some(failed) => json!({ "code": ERROR, "message": failed.0.as_str() }),
        },
    });
    let steps = (1_u64..).zip(&join.spans).map(|(number, span)| {
        json!({
            "traceId": trace,
            "spanId": id(number),
            "parentSpanId": id(0),
            "name": span.step.name(),
            "kind": INTERNAL,
            "startTimeUnixNano": nanos(span.begin),
            "endTimeUnixNano": nanos(span.end),
        })
    });
    std::iter::once(root).chain(steps).collect()
}

/// Neither names nor addresses: a collector may be somebody else's.
fn attributes(who: &Who) -> Vec<Value> {
    vec![
        attribute("dinh.conference", who.conference.as_str()),
        attribute("dinh.participant", &who.participant.to_string()),
        attribute("dinh.role", who.role.as_str()),
    ]
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use tokio::time::Instant;

    use super::super::join::{Ids, Step};
    use super::*;
    use crate::auth::Role;
    use crate::fresh;
    use crate::refusal::ErrorCode;

    #[test]
    fn a_join_is_one_trace_whose_steps_lie_within_it() {
        let now = Instant::now();
        let began = Timestamp::from_second(1_700_000_000).unwrap();
        let ids = Ids {
            trace: 0xab,
            root: 0xcd,
        };
        let mut join = Join::new(now, began, "join", ids);
        join.end(Step::Token, now + Duration::from_millis(3));
        join.identify("weekly".parse().unwrap(), fresh::participant(), Role::Site);
        join.fail(ErrorCode::ConferenceFull, now + Duration::from_millis(5));
        let request = request(&[join]);
        let spans = &request["resourceSpans"][0]["scopeSpans"][0]["spans"];
        let (root, token, admission) = (&spans[0], &spans[1], &spans[2]);
        assert_eq!(root["startTimeUnixNano"], "1700000000000000000");
        assert_eq!(root["endTimeUnixNano"], "1700000000005000000");
        assert_eq!(root["status"]["message"], "conference_full");
        assert_eq!(root["attributes"][0]["value"]["stringValue"], "weekly");
        assert_eq!(root["traceId"].as_str().map(str::len), Some(32));
        assert_eq!(root["spanId"].as_str().map(str::len), Some(16));
        for (span, name) in [(token, "token"), (admission, "admission")] {
            assert_eq!(span["name"], name);
            assert_eq!(span["traceId"], root["traceId"]);
            assert_eq!(span["parentSpanId"], root["spanId"]);
            assert_ne!(span["spanId"], root["spanId"]);
        }
        assert_eq!(admission["startTimeUnixNano"], token["endTimeUnixNano"]);
    }
}

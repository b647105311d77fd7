//! What a site says of its own devices and line stands in the operators' list.

use serde_json::{Value, json};
use signaling::auth::Role;

use crate::client::Client;
use crate::world::World;

/// What the operator reads of the site next.
async fn condition(operator: &mut Client, site: &str) -> Value {
    loop {
        let told = operator.wait_for("participants").await;
        let mut changes = told["changes"].as_array().unwrap().iter();
        if let Some(entry) = changes.find(|entry| entry["participant"] == site) {
            return entry["condition"].clone();
        }
    }
}

#[tokio::test]
async fn operators_are_told_what_a_site_says_of_its_microphone_and_its_line() {
    let world = World::new().await;
    let mut site = world.connect().await;
    site.join(&world.token(Role::Site, Some("00004"))).await;
    let mut operator = world.connect().await;
    operator.join(&world.token(Role::Operator, None)).await;
    let who = site.participant().to_owned();
    assert_eq!(condition(&mut operator, &who).await, Value::Null);
    let said = json!({"microphone": "silent", "camera": null, "mediaBlocked": true});
    let mut message = said.clone();
    message["type"] = json!("condition");
    let answer = site.ask(message).await;
    assert_eq!(answer["type"], "ok", "{answer}");
    assert_eq!(condition(&mut operator, &who).await, said);
    // Gone with its WebSocket: nobody knows how it stands now.
    drop(site);
    assert_eq!(condition(&mut operator, &who).await, Value::Null);
}

//! Which sites a choice comes to.

use super::*;

fn site(code: &str, level: Level, parent: Option<&str>) -> Site {
    let parent = parent.map(|code| code.parse().unwrap());
    Site::new(code.parse().unwrap(), code.to_owned(), level, parent)
}

/// A centre with two provinces; a school below a commune of the first.
fn country() -> Vec<Site> {
    let mut sites = vec![
        site("01", Level::Province, Some("VN")),
        site("011", Level::Commune, Some("01")),
        site("012", Level::Commune, Some("01")),
        site("012S", Level::School, Some("012")),
        site("02", Level::Province, Some("VN")),
        site("021", Level::Commune, Some("02")),
        site("VN", Level::Central, None),
    ];
    sites[1].groups.insert("Coast".to_owned());
    sites[5].groups.insert("Coast".to_owned());
    sites
}

fn chosen(selection: serde_json::Value) -> Result<String, BookingError> {
    let selection: Selection = serde_json::from_value(selection).unwrap();
    let last = sites(&["021", "099"]);
    let same = selection.same_as.as_ref().map(|_| &last);
    let audience = selection.resolve(&country(), same)?;
    let codes: Vec<_> = audience.codes().iter().map(ToString::to_string).collect();
    Ok(codes.join(" "))
}

#[test]
fn a_choice_comes_to_the_sites_that_it_says() {
    for (selection, expected) in [
        (serde_json::json!({}), ""),
        (
            serde_json::json!({"all": true}),
            "01 011 012 012S 02 021 VN",
        ),
        (serde_json::json!({"levels": ["province"]}), "01 02"),
        (serde_json::json!({"parents": ["01"]}), "01 011 012 012S"),
        (
            serde_json::json!({"parents": ["012", "02"]}),
            "012 012S 02 021",
        ),
        (
            serde_json::json!({"parents": ["01"], "levels": ["commune"]}),
            "011 012",
        ),
        (serde_json::json!({"lists": ["Coast"]}), "011 021"),
        (
            serde_json::json!({"lists": ["Coast"], "codes": ["VN"]}),
            "011 021 VN",
        ),
        (
            serde_json::json!({"levels": ["province"], "codes": ["012S"]}),
            "01 012S 02",
        ),
        (
            serde_json::json!({"all": true, "except": ["01"]}),
            "02 021 VN",
        ),
        (
            serde_json::json!({"codes": ["01", "02"], "except": ["02", "gone"]}),
            "01",
        ),
        // Of those who were invited last time, whoever is still there.
        (serde_json::json!({"sameAs": "LAST"}), "021"),
        (
            serde_json::json!({"sameAs": "LAST", "parents": ["012"]}),
            "012 012S 021",
        ),
    ] {
        let shown = selection.to_string();
        assert_eq!(chosen(selection).unwrap(), expected, "{shown}");
    }
}

#[test]
fn a_choice_that_names_what_is_not_known_is_refused() {
    for (selection, expected) in [
        (serde_json::json!({"codes": ["099"]}), "the site 099"),
        (serde_json::json!({"parents": ["98"]}), "the site 98"),
        (
            serde_json::json!({"lists": ["Hills"]}),
            "the list \"Hills\"",
        ),
    ] {
        let refused = chosen(selection).unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}

#[test]
fn the_same_sites_are_one_audience_and_read_back_as_they_were() {
    let (one, other) = (sites(&["b", "a"]), sites(&["a", "b", "a"]));
    assert_eq!(one, other);
    assert_eq!((one.count(), one.text().as_str()), (2, "a\nb\n"));
    assert_eq!(Audience::read(&one.text()).unwrap(), one);
    assert_ne!(one.hash(), sites(&["ab"]).hash());
    assert_eq!(one.hash().as_str().parse(), Ok(one.hash().clone()));
    assert!("xyz".parse::<AudienceHash>().is_err());
}

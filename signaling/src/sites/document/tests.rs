//! What is read of a document, and what is said of one that is not.

use crate::sites::document::DocumentError;
use crate::sites::{Directory, ImportError, Plan, Wish};

const HEAD: &str = r#""format":"dinh.sites","version":1"#;

fn plan(document: &str, known: &Directory) -> Result<Plan, ImportError> {
    Plan::new(document.as_bytes(), &Wish::default(), known)
}

fn refusal(document: &str) -> String {
    plan(document, &Directory::default())
        .unwrap_err()
        .to_string()
}

fn first() -> Plan {
    let document = format!(
        r#"{{{HEAD},"sites":[{{"code":"VN","name":"Hội trường","level":"central"}},
        {{"code":"01","name":"Hà Nội","level":"province","parentCode":"VN","contactPhone":"0241","seats":40,
        "groups":["núi","đảo"],"somethingElse":{{"a":[1]}}}}]}}"#
    );
    plan(&document, &Directory::default()).unwrap()
}

#[test]
fn a_document_says_the_same_as_a_table() {
    let table = "code,name,level,parent_code,contact_phone,seats,groups\nVN,Hội trường,central,,,,\n\
                 01,Hà Nội,province,VN,0241,40,núi; đảo\n";
    let table = plan(table, &Directory::default()).unwrap();
    assert_eq!(first().added, table.added);
}

#[test]
fn what_is_left_out_stays_and_null_takes_it_away() {
    let known = Directory {
        known: first().added,
        ..Directory::default()
    };
    let change = |said: &str| {
        let document = format!(r#"{{{HEAD},"sites":[{{"code":"01",{said}}}]}}"#);
        plan(&document, &known).unwrap().changed
    };
    assert!(change(r#""name":"Hà Nội""#).is_empty());
    let changed = change(r#""contactPhone":null"#);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].after.contact_phone, None);
    assert_eq!(changed[0].after.seats, Some(40));
}

#[test]
fn a_document_of_something_else_is_named() {
    let other = r#"{"format":"other","version":1,"sites":[]}"#;
    assert!(refusal(other).contains("its format is \"other\""));
    let later = r#"{"format":"dinh.sites","version":2,"sites":[{"code":"01"}]}"#;
    assert!(refusal(later).contains("of version 2: version 1 is read"));
    for (document, says) in [
        ("{", "EOF"),
        (
            r#"{"format":"dinh.sites","version":1}"#,
            "missing field `sites`",
        ),
        (
            r#"{"format":"dinh.sites","version":1,"sites":[{"code":["a",1]}]}"#,
            "\"code\" is neither",
        ),
        (
            r#"{"format":"dinh.sites","version":1,"sites":[{"code":"1","code":"2"}]}"#,
            "said twice",
        ),
        (
            r#"{"format":"dinh.sites","version":1,"sites":[]} x"#,
            "trailing",
        ),
        (
            r#"{"format":"dinh.sites","version":1,"sites":[7]}"#,
            "a site: an object",
        ),
    ] {
        let said = refusal(document);
        assert!(said.contains(says), "{document}: {said}");
    }
    let empty = r#"{"format":"dinh.sites","version":1,"sites":[]}"#;
    assert_eq!(
        plan(empty, &Directory::default()).unwrap_err(),
        ImportError::Empty
    );
}

#[test]
fn a_site_without_a_code_is_named_by_its_place() {
    let document = format!(r#"{{{HEAD},"sites":[{{"name":"Hà Nội"}}]}}"#);
    let plan = plan(&document, &Directory::default()).unwrap();
    let said = plan.check(true).unwrap_err().to_string();
    assert!(said.contains("line 1"), "{said}");
}

#[test]
fn a_deep_document_is_refused_and_costs_no_stack() {
    let deep = format!("{{{HEAD},\"sites\":[{{\"x\":{}", "[".repeat(1_000_000));
    let refused = plan(&deep, &Directory::default()).unwrap_err();
    assert!(matches!(
        refused,
        ImportError::Document(DocumentError::Unreadable(_))
    ));
}

//! What the documentation says is so: its commands are commands, its settings are settings, its links lead
//! somewhere, and the buttons that it names stand on the pages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use serde_json::Value;
use signaling::check::Cause;
use signaling::cli::Cli;
use signaling::config;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page, and the README: their paths and texts.
fn pages() -> Vec<(PathBuf, String)> {
    let mut found = vec![root().join("README.md")];
    let mut waiting = vec![root().join("docs/src")];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 10, "{found:?}");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    found.into_iter().map(read).collect()
}

/// What stands in fences of this kind.
fn fenced<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    let parts = text.split(fence.as_str()).skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

#[test]
fn every_command_of_the_documentation_is_one() {
    let mut tried = 0;
    for (path, text) in pages() {
        for line in fenced(&text, "sh").into_iter().flat_map(str::lines) {
            let line = line.split(['#', '|', '>']).next().unwrap_or_default();
            let words: Vec<_> = line.split_whitespace().collect();
            if words.first() != Some(&"dinh") {
                continue;
            }
            let parsed = Cli::try_parse_from(&words);
            let problem = parsed.err().map(|error| error.to_string());
            assert_eq!(problem, None, "{}: {line}", path.display());
            tried += 1;
        }
    }
    assert!(tried > 20, "only {tried} commands were found");
}

#[test]
fn every_configuration_of_the_documentation_can_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dinh.toml");
    let packaged = std::fs::read_to_string(root().join("packaging/dinh.toml")).unwrap();
    let mut all = vec![(PathBuf::from("packaging/dinh.toml"), packaged)];
    for (path, text) in pages() {
        let examples = fenced(&text, "toml").into_iter().map(str::to_owned);
        all.extend(examples.map(|example| (path.clone(), example)));
    }
    assert!(all.len() > 5);
    for (path, example) in all {
        std::fs::write(&file, &example).unwrap();
        let problem = config::load(Some(&file))
            .err()
            .map(|error| error.to_string());
        assert_eq!(problem, None, "{}:\n{example}", path.display());
    }
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    for (path, text) in pages() {
        for target in text.split("](").skip(1) {
            let target = target.split([')', '#']).next().unwrap_or_default();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let there = path.parent().unwrap().join(target);
            assert!(there.exists(), "{}: {target}", path.display());
        }
    }
}

/// Every text of a page's language.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn what_the_documentation_says_to_press_stands_on_the_pages() {
    for (page, locale) in [("clerk-vi", "vi"), ("clerk-en", "en"), ("operator", "en")] {
        let locale = root().join(format!("web-client/src/locales/{locale}.json"));
        let locale = std::fs::read_to_string(locale).unwrap();
        let mut on_pages = BTreeSet::new();
        texts(&serde_json::from_str(&locale).unwrap(), &mut on_pages);
        let text = std::fs::read_to_string(root().join(format!("docs/src/{page}.md"))).unwrap();
        let bold = text.split("**").skip(1).step_by(2);
        // Those that end so begin a sentence; that of the browser is the browser's.
        let ours =
            bold.filter(|bold| !bold.ends_with(':') && !["Allow", "Cho phép"].contains(bold));
        let unknown: Vec<_> = ours.filter(|bold| !on_pages.contains(*bold)).collect();
        assert_eq!(unknown, [""; 0], "{page}");
    }
}

#[test]
fn every_code_of_a_check_is_in_the_troubleshooting_and_no_other() {
    let page = root().join("docs/src/engineer/troubleshooting.md");
    let text = std::fs::read_to_string(page).unwrap();
    let (_, table) = text.split_once("## Codes").unwrap();
    let cells = table
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let documented: Vec<_> = cells.filter(|cell| *cell != "code").collect();
    let known: Vec<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    assert_eq!(documented, known);
}

#[test]
fn every_cause_has_a_sentence_on_the_pages_and_nothing_else_has() {
    let known: BTreeSet<_> = Cause::ALL
        .iter()
        .map(|cause| serde_json::to_value(cause).unwrap())
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    for locale in ["en", "vi"] {
        let file = root().join(format!("web-client/src/locales/{locale}.json"));
        let texts: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let sentences = texts["cause"].as_object().unwrap();
        let said: BTreeSet<_> = sentences.keys().cloned().collect();
        assert_eq!(said, known, "{locale}");
    }
}

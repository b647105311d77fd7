//! What is exported is imported again without a change, and computes nothing.

use proptest::prelude::*;

use super::*;
use crate::sites::finding::Severity;
use crate::sites::{Directory, Level, Missing, Plan, Wish};

/// Texts with all that has a meaning in a file.
fn text() -> impl Strategy<Value = String> {
    let texts = "[a-z0-9 '=+@;,\"ĐàấÝ#|-]{1,12}".prop_map(|text| text.trim().to_owned());
    texts.prop_filter("nothing is no text", |text| !text.is_empty())
}

fn site(number: usize) -> impl Strategy<Value = Site> {
    let optional = || prop::option::of(text());
    let groups = prop::collection::btree_set("[a-z=+' ]{1,8}", 0..3);
    let seats = prop::option::of(0u32..1000);
    (
        text(),
        [optional(), optional(), optional(), optional()],
        groups,
        seats,
    )
        .prop_map(
            move |(
                name,
                [contact_name, contact_phone, line_profile, stand_by_device],
                groups,
                seats,
            )| {
                let parent = match number {
                    0 => None,
                    1 => Some("S0".to_owned()),
                    _ => Some(format!("S{}", number / 2)),
                };
                let level = match number {
                    0 => Level::Central,
                    1 => Level::Province,
                    _ => Level::School,
                };
                let groups = groups.iter().map(|name| name.trim().to_owned());
                Site {
                    contact_name,
                    contact_phone,
                    contact_email: seats.map(|seats| format!("+{seats}@example.vn")),
                    seats,
                    line_profile,
                    stand_by_device,
                    groups: groups.filter(|name| !name.is_empty()).collect(),
                    ..Site::new(
                        format!("S{number}").parse().unwrap(),
                        name,
                        level,
                        parent.map(|parent| parent.parse().unwrap()),
                    )
                }
            },
        )
}

fn sites() -> impl Strategy<Value = Vec<Site>> {
    (1usize..12).prop_flat_map(|count| (0..count).map(site).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_exported_is_imported_again_without_a_change(sites in sites()) {
        let wish = Wish { missing: Missing::Hide, ..Wish::default() };
        for format in [FileFormat::Csv, FileFormat::Xlsx, FileFormat::Json] {
            let file = export(&sites, format).unwrap();
            let directory = Directory { known: sites.clone(), ..Directory::default() };
            let plan = Plan::new(&file, &wish, &directory).unwrap();
            prop_assert_eq!(plan.findings.told(Severity::Error), "");
            prop_assert_eq!(&plan.changed, &[]);
            prop_assert_eq!(plan.unchanged as usize, sites.len());
            prop_assert_eq!(plan.writes().count(), 0);
        }
    }

    #[test]
    fn a_spreadsheet_computes_nothing_of_a_text(field in text()) {
        let written = guarded(&field);
        prop_assert!(!written.starts_with(COMPUTED));
        prop_assert_eq!(unguarded(&written), &field);
    }
}

#[test]
fn excel_is_told_that_a_text_is_utf_8() {
    let site = Site::new("VN".parse().unwrap(), "=1+1".into(), Level::Central, None);
    let file = export(&[site], FileFormat::Csv).unwrap();
    let text = String::from_utf8(file).unwrap();
    assert!(
        text.starts_with("\u{feff}code,name,level,parent_code,"),
        "{text}"
    );
    assert!(text.contains("\r\nVN,'=1+1,central,,"), "{text}");
}

//! Workbooks as offices save them, and as nobody should.

use std::io::Write as _;

use rust_xlsxwriter::{Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::sites::list::Reading;
use crate::sites::{Directory, Plan, Wish};

fn saved(sheets: &[fn(&mut Worksheet)]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for fill in sheets {
        fill(workbook.add_worksheet());
    }
    workbook.save_to_buffer().unwrap()
}

fn plan(bytes: &[u8], sheet: Option<&str>) -> Result<Plan, ImportError> {
    let wish = Wish {
        reading: Reading {
            sheet: sheet.map(str::to_owned),
            ..Reading::default()
        },
        ..Wish::default()
    };
    Plan::new(bytes, &wish, &Directory::default())
}

fn country(sheet: &mut Worksheet) {
    sheet.write(0, 0, "DANH SÁCH ĐIỂM CẦU").unwrap();
    for (column, name) in (1..).zip(["Mã", "Tên", "Mã cha", "Số chỗ"]) {
        sheet.write(3, column, name).unwrap();
    }
    sheet.write(4, 1, "VN").unwrap();
    sheet.write(4, 2, "Trung ương").unwrap();
    sheet.write(6, 1, 10).unwrap();
    sheet.write(6, 2, "Hà Nội").unwrap();
    sheet.write(6, 3, "VN").unwrap();
    sheet.write(6, 4, 120).unwrap();
}

fn notes(sheet: &mut Worksheet) {
    sheet.set_name("ghi chú").unwrap();
    sheet.write(0, 0, "x").unwrap();
}

#[test]
fn a_workbook_with_titles_gaps_and_numbers_is_read() {
    let bytes = saved(&[country, notes]);
    let plan = plan(&bytes, None).unwrap();
    assert_eq!(plan.sheets, ["Sheet1", "ghi chú"]);
    let codes: Vec<_> = plan.added.iter().map(|site| site.code.as_str()).collect();
    assert_eq!(codes, ["VN", "10"]);
    assert_eq!(plan.added[1].seats, Some(120));
    assert_eq!(plan.added[1].level.as_str(), "province");
}

#[test]
fn a_sheet_is_found_by_its_name_and_one_that_is_not_there_is_told_from_those_that_are() {
    let bytes = saved(&[country, notes]);
    let error = plan(&bytes, Some("ghi chú")).unwrap_err();
    assert!(
        matches!(error, ImportError::Header(begins) if begins.lines == [["x"]] && !begins.sheets.is_empty())
    );
    let error = plan(&bytes, Some("list")).unwrap_err().to_string();
    assert_eq!(
        error,
        "the workbook has no sheet \"list\", but Sheet1, ghi chú"
    );
}

#[test]
fn a_cell_far_below_the_others_costs_nothing() {
    let bytes = saved(&[|sheet| {
        country(sheet);
        sheet.write(1_048_575, 16_383, "x").unwrap();
    }]);
    let error = plan(&bytes, None).unwrap_err();
    assert_eq!(error, WorkbookError::TooLong.into());
}

#[test]
fn a_workbook_that_swells_is_refused_whatever_it_says_of_itself() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.start_file("xl/sharedStrings.xml", options).unwrap();
    let nothing = vec![b' '; 1 << 20];
    for _ in 0..=MAX_PART_BYTES >> 20 {
        zip.write_all(&nothing).unwrap();
    }
    let bytes = zip.finish().unwrap().into_inner();
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    assert_eq!(
        plan(&bytes, None).unwrap_err(),
        WorkbookError::TooLarge.into()
    );
}

#[test]
fn what_only_begins_as_a_workbook_is_refused_with_what_is_wrong() {
    let good = saved(&[country]);
    for bytes in [
        &good[..good.len() / 2],
        b"PK\x03\x04",
        b"PK\x03\x04code,name\n",
    ] {
        let error = plan(bytes, None).unwrap_err();
        assert!(
            matches!(error, ImportError::Workbook(WorkbookError::Damaged(_))),
            "{error}"
        );
    }
}

//! What a row says of its site, field by field. A column that the list does not have leaves what is
//! known as it is.

use std::collections::{BTreeSet, HashMap};

use unicode_normalization::UnicodeNormalization as _;

use super::Site;
use super::column::Column;
use super::finding::{FindingCode, Findings, Told};
use super::level::Level;
use super::rows::Row;
use crate::ids::SiteCode;
use crate::text;

/// Most characters of a name.
const MAX_NAME_CHARS: usize = 200;

/// Most characters of a telephone number: there may be two, each with its hours.
const MAX_PHONE_CHARS: usize = 100;

/// Most characters of an e-mail address (RFC 5321).
const MAX_EMAIL_CHARS: usize = 254;

/// Most characters of what is said of a line.
const MAX_LINE_CHARS: usize = 100;

/// Most characters of a group's name.
const MAX_GROUP_CHARS: usize = 64;

/// Most groups of one site.
const MAX_GROUPS: usize = 16;

/// Most seats: a stadium. Higher: a telephone number in the wrong column is not noticed.
const MAX_SEATS: u32 = 100_000;

/// Codes that would stand for other things in addresses below `/api/v1/sites/`.
const RESERVED: [&str; 2] = ["import", "export"];

/// What spreadsheets write where they cannot compute.
const CELL_ERRORS: [&str; 7] = [
    "#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!",
];

/// A site as its row has it, before it is looked at beside the others.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) line: u64,
    /// Its level is right once the tree is known.
    pub(super) site: Site,
    /// What the list or the directory says.
    pub(super) level: Option<Level>,
    /// What the list says of the one above.
    pub(super) above: AboveText,
}

/// What a row says of the site above.
#[derive(Debug)]
pub(super) enum AboveText {
    /// Nothing: it stays.
    Kept,
    /// There is none.
    Nothing,
    /// A code, or the name of a province.
    Text(Box<str>),
}

/// Reads rows one after the other.
pub(super) struct Fields<'k> {
    pub(super) known: &'k HashMap<&'k SiteCode, &'k Site>,
    pub(super) findings: &'k mut Findings,
}

impl Fields<'_> {
    /// The site of a row; `None` if it cannot even be said which.
    pub(super) fn draft(&mut self, row: &Row) -> Option<Draft> {
        let code = self.code(row)?;
        self.note_spaces(row, &code);
        let before = self.known.get(&code).copied();
        let mut site = before.cloned().unwrap_or_else(|| {
            let (name, level) = (String::new(), Level::Place);
            Site::new(code.clone(), name, level, None)
        });
        site.hidden = false;
        self.set_name(row, &mut site);
        self.set_contact(row, &mut site);
        self.set_equipment(row, &mut site);
        self.set_groups(row, &mut site);
        let told = row.get(Column::Level).filter(|text| !text.is_empty());
        let level = told.and_then(|text| self.level(row.line, &site.code, text));
        let above = match row.get(Column::ParentCode) {
            None if before.is_some() => AboveText::Kept,
            None | Some("") => AboveText::Nothing,
            Some(text) => AboveText::Text(text.into()),
        };
        Some(Draft {
            line: row.line,
            site,
            level: level.or_else(|| before.map(|before| before.level)),
            above,
        })
    }

    fn code(&mut self, row: &Row) -> Option<SiteCode> {
        let text = row.get(Column::Code).unwrap_or_default();
        for column in Column::ALL {
            let cell = row.get(*column).unwrap_or_default();
            if CELL_ERRORS.contains(&cell) {
                let told = || Told::default().value(cell);
                self.findings
                    .add(FindingCode::CellError, row.line, Some(*column), told);
                return None;
            }
        }
        let column = Some(Column::Code);
        let Ok(code) = text.parse::<SiteCode>() else {
            self.findings
                .add(FindingCode::CodeWrong, row.line, column, || {
                    Told::default().value(text)
                });
            return None;
        };
        if RESERVED.contains(&text) {
            let told = || Told::of(&code).value(text);
            self.findings
                .add(FindingCode::CodeReserved, row.line, column, told);
        }
        Some(code)
    }

    fn note_spaces(&mut self, row: &Row, code: &SiteCode) {
        for column in Column::ALL {
            let (raw, cell) = (row.raw(*column), row.get(*column));
            if raw != cell {
                self.findings
                    .add(FindingCode::Spaces, row.line, Some(*column), || {
                        Told::of(code)
                            .value(raw.unwrap_or_default())
                            .right(cell.unwrap_or_default())
                    });
            }
        }
    }

    fn set_name(&mut self, row: &Row, site: &mut Site) {
        match self.text(row, Column::Name, &site.code, MAX_NAME_CHARS) {
            Change::None if !site.name.is_empty() => {}
            Change::None | Change::To(None) => {
                let code = &site.code;
                let (at, column) = (row.line, Some(Column::Name));
                self.findings
                    .add(FindingCode::NameMissing, at, column, || Told::of(code));
            }
            Change::Wrong => {}
            Change::To(Some(name)) => site.name = name,
        }
    }

    fn set_contact(&mut self, row: &Row, site: &mut Site) {
        let Site { code, .. } = site;
        self.text(row, Column::ContactName, code, MAX_NAME_CHARS)
            .apply(&mut site.contact_name);
        let phone = self.text(row, Column::ContactPhone, code, MAX_PHONE_CHARS);
        if let Change::To(Some(phone)) = &phone
            && may_have_lost_a_zero(phone)
        {
            let column = Some(Column::ContactPhone);
            self.findings
                .add(FindingCode::PhoneShort, row.line, column, || {
                    Told::of(code).value(phone).right(format_args!("0{phone}"))
                });
        }
        phone.apply(&mut site.contact_phone);
        let email = self.text(row, Column::ContactEmail, code, MAX_EMAIL_CHARS);
        if let Change::To(Some(email)) = &email
            && !is_email(email)
        {
            let column = Some(Column::ContactEmail);
            self.findings
                .add(FindingCode::EmailWrong, row.line, column, || {
                    Told::of(code).value(email).right("name@example.vn")
                });
            return;
        }
        email.apply(&mut site.contact_email);
    }

    fn set_equipment(&mut self, row: &Row, site: &mut Site) {
        let Site { code, .. } = site;
        self.text(row, Column::LineProfile, code, MAX_LINE_CHARS)
            .apply(&mut site.line_profile);
        self.text(row, Column::StandByDevice, code, MAX_NAME_CHARS)
            .apply(&mut site.stand_by_device);
        match row.get(Column::Seats) {
            None => {}
            Some("") => site.seats = None,
            Some(text) => match text.parse() {
                Ok(seats) if seats <= MAX_SEATS => site.seats = Some(seats),
                _ => {
                    let column = Some(Column::Seats);
                    self.findings
                        .add(FindingCode::SeatsWrong, row.line, column, || {
                            Told::of(code).value(text).right(MAX_SEATS)
                        });
                }
            },
        }
    }

    fn set_groups(&mut self, row: &Row, site: &mut Site) {
        let Some(text) = row.get(Column::Groups) else {
            return;
        };
        let (at, column) = (row.line, Some(Column::Groups));
        let code = &site.code;
        let names = text.split([';', ',', '|', '\n']).map(str::trim);
        let names: BTreeSet<String> = names
            .filter(|name| !name.is_empty())
            .map(|name| name.nfc().collect())
            .collect();
        if names.len() > MAX_GROUPS {
            self.findings.add(FindingCode::GroupsWrong, at, column, || {
                Told::of(code).value(names.len()).right(MAX_GROUPS)
            });
            return;
        }
        let is_wrong = |name: &&String| !is_line(name, MAX_GROUP_CHARS);
        if let Some(wrong) = names.iter().find(is_wrong) {
            self.findings.add(FindingCode::TextWrong, at, column, || {
                Told::of(code).value(wrong).right(MAX_GROUP_CHARS)
            });
            return;
        }
        site.groups = names;
    }

    fn level(&mut self, line: u64, code: &SiteCode, text: &str) -> Option<Level> {
        let level = text.parse().ok();
        if level.is_none() {
            let column = Some(Column::Level);
            self.findings
                .add(FindingCode::LevelUnknown, line, column, || {
                    Told::of(code).value(text)
                });
        }
        level
    }

    /// What a column of text says.
    fn text(&mut self, row: &Row, column: Column, code: &SiteCode, most: usize) -> Change {
        match row.get(column) {
            None => Change::None,
            Some("") => Change::To(None),
            Some(text) if is_line(text, most) => Change::To(Some(text.nfc().collect())),
            Some(text) => {
                self.findings
                    .add(FindingCode::TextWrong, row.line, Some(column), || {
                        Told::of(code).value(text).right(most)
                    });
                Change::Wrong
            }
        }
    }
}

/// What becomes of a text.
enum Change {
    /// The list says nothing of it.
    None,
    /// It cannot be so.
    Wrong,
    /// It is so from now on.
    To(Option<String>),
}

impl Change {
    fn apply(self, field: &mut Option<String>) {
        if let Self::To(text) = self {
            *field = text;
        }
    }
}

fn is_line(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.contains(text::misleads)
}

fn is_email(text: &str) -> bool {
    let (name, host) = text.split_once('@').unwrap_or_default();
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || "@,;:<>()[]\\\"".contains(c))
    };
    is_part(name) && is_part(host)
}

/// Whether it is a number of digits as Viet Nam's are without the zero that all of them begin with.
fn may_have_lost_a_zero(phone: &str) -> bool {
    matches!(phone.len(), 9 | 10)
        && phone.bytes().all(|byte| byte.is_ascii_digit())
        && !phone.starts_with(['0', '1'])
}

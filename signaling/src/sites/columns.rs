//! The first line of a list: which column is what, and what stands between them.

use super::contacts::CONTACT;
use super::csv::{HEADER, ImportError};

/// What may stand between columns: as RFC 4180 says, as spreadsheets write where the comma is a
/// decimal sign, and in "Unicode text".
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// Where each column of [`HEADER`] is, and those of [`CONTACT`] that are there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Columns {
    /// What stands between columns.
    pub(super) delimiter: u8,
    places: [usize; HEADER.len()],
    contact: [Option<usize>; CONTACT.len()],
    /// How many there are, with those of which nothing is known.
    count: usize,
}

impl Columns {
    /// Finds them, in any order and beside others. Each must be there once.
    pub(super) fn find(text: &str) -> Result<Self, ImportError> {
        DELIMITERS
            .into_iter()
            .find_map(|delimiter| Self::with(text, delimiter))
            .ok_or_else(|| {
                let line = text.lines().next().unwrap_or_default();
                ImportError::Header(line.chars().take(200).collect())
            })
    }

    fn with(text: &str, delimiter: u8) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .from_reader(text.as_bytes());
        let header = reader.headers().ok()?;
        let names: Vec<_> = header
            .iter()
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        let places_of = |wanted: &str| {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == wanted);
            (found.next().map(|(at, _)| at), found.next().is_some())
        };
        let mut places = [0; HEADER.len()];
        for (place, wanted) in places.iter_mut().zip(HEADER) {
            let (Some(at), false) = places_of(wanted) else {
                return None;
            };
            *place = at;
        }
        let mut contact = [None; CONTACT.len()];
        for (place, wanted) in contact.iter_mut().zip(CONTACT) {
            let (at, false) = places_of(wanted) else {
                return None;
            };
            *place = at;
        }
        Some(Self {
            delimiter,
            places,
            contact,
            count: names.len(),
        })
    }

    /// The fields of a record in the order of [`HEADER`].
    pub(super) fn of<'r>(
        &self,
        record: &'r csv::StringRecord,
    ) -> Result<[&'r str; HEADER.len()], String> {
        if record.len() != self.count {
            return Err(format!("{} fields instead of {}", record.len(), self.count));
        }
        Ok(self
            .places
            .map(|place| record.get(place).unwrap_or_default().trim()))
    }

    /// The fields of a record in the order of [`CONTACT`]; `None` where the list has no such column.
    pub(super) fn contact_of<'r>(
        &self,
        record: &'r csv::StringRecord,
    ) -> [Option<&'r str>; CONTACT.len()] {
        self.contact
            .map(|place| place.map(|place| record.get(place).unwrap_or_default().trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_known_by_name_in_any_order_and_beside_others() {
        let columns = Columns::find("Name;parent_code;note;CODE;level\n").unwrap();
        let record = csv::StringRecord::from(vec!["A", "VN", "x", "01", "province"]);
        assert_eq!(columns.delimiter, b';');
        assert_eq!(columns.of(&record), Ok(["01", "A", "province", "VN"]));
        assert_eq!(columns.contact_of(&record), [None, None]);
        let short = csv::StringRecord::from(vec!["A", "VN", "x"]);
        assert_eq!(columns.of(&short), Err("3 fields instead of 5".to_owned()));
    }

    #[test]
    fn a_list_may_say_whom_to_call() {
        let columns = Columns::find("code,contact_phone,name,level,parent_code\n").unwrap();
        let record = csv::StringRecord::from(vec!["01", " 024 3825 3536", "A", "province", "VN"]);
        assert_eq!(columns.of(&record), Ok(["01", "A", "province", "VN"]));
        assert_eq!(columns.contact_of(&record), [None, Some("024 3825 3536")]);
    }

    #[test]
    fn a_column_that_is_missing_or_there_twice_is_no_list() {
        for header in [
            "",
            "code,name,level",
            "code,name,level,parent_code,code",
            "code,name,level,parent_code,contact_phone,contact_phone",
        ] {
            let error = Columns::find(header).unwrap_err();
            assert!(matches!(error, ImportError::Header(_)), "{header}");
        }
    }
}

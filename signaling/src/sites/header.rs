//! The line of a list that says which column is what.

use super::column::{Column, Mapping};
use super::error::ImportError;
use super::fold::key;

/// Most cells of a line that are looked at. Higher: wider lists are read, and wrong ones cost more.
pub(super) const MAX_CELLS: usize = 256;

/// Most characters of a header that are told.
const SHOWN: usize = 100;

/// Where each column is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    places: [Option<usize>; Column::COUNT],
    /// All that stands in the line.
    names: Vec<String>,
}

impl Header {
    /// Reads a line as a header, if it is one: the codes must be there and one more column, and all
    /// that `mapping` names.
    ///
    /// # Errors
    /// When it is one and two cells are called the same.
    pub(super) fn find(cells: &[&str], mapping: &Mapping) -> Result<Option<Self>, ImportError> {
        let keys: Vec<_> = cells.iter().map(|cell| key(cell)).collect();
        let mut places = [None; Column::COUNT];
        let mut is_free = vec![true; keys.len()];
        for (column, name) in mapping {
            let wanted = key(name);
            if wanted.is_empty() {
                continue;
            }
            let Some(at) = keys.iter().position(|key| *key == wanted) else {
                return Ok(None);
            };
            set(&mut places, *column, at);
            is_free
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|free| *free = false);
        }
        for column in Column::ALL {
            if mapping.contains_key(column) {
                continue;
            }
            let free = |at: &usize| is_free.get(*at).copied().unwrap_or_default();
            let found = column.words().iter().find_map(|word| {
                let mut at = keys.iter().enumerate().filter(|(_, key)| key == word);
                at.find(|(at, _)| free(at)).map(|(at, _)| at)
            });
            if let Some(at) = found {
                set(&mut places, *column, at);
            }
        }
        let header = Self {
            places,
            names: cells.iter().map(|cell| cell.trim().to_owned()).collect(),
        };
        let count = places.iter().flatten().count();
        if header.place(Column::Code).is_none() || count < 2 {
            return Ok(None);
        }
        header.check_unique(&keys)?;
        Ok(Some(header))
    }

    fn check_unique(&self, keys: &[String]) -> Result<(), ImportError> {
        for at in self.places.iter().flatten() {
            let Some(name) = keys.get(*at) else { continue };
            if keys.iter().filter(|key| *key == name).count() > 1 {
                let name = self.names.get(*at).map_or("", String::as_str);
                return Err(ImportError::Twice(shown(name)));
            }
        }
        Ok(())
    }

    /// Where a column is.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places.get(column.index()).copied().flatten()
    }

    /// The columns that are read, with what the list calls them.
    pub(super) fn read(&self) -> impl Iterator<Item = (Column, String)> {
        Column::ALL.iter().filter_map(|column| {
            let name = self.names.get(self.place(*column)?)?;
            Some((*column, shown(name)))
        })
    }

    /// What of the list is not read.
    pub(super) fn ignored(&self) -> impl Iterator<Item = String> {
        let names = self.names.iter().enumerate();
        names
            .filter(|(at, name)| !name.is_empty() && !self.places.contains(&Some(*at)))
            .map(|(_, name)| shown(name))
    }
}

fn set(places: &mut [Option<usize>; Column::COUNT], column: Column, at: usize) {
    if let Some(place) = places.get_mut(column.index()) {
        *place = Some(at);
    }
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(line: &str) -> Option<Vec<(Column, usize)>> {
        let cells: Vec<_> = line.split(',').collect();
        let header = Header::find(&cells, &Mapping::new()).unwrap()?;
        let read = Column::ALL.iter();
        Some(read.filter_map(|c| Some((*c, header.place(*c)?))).collect())
    }

    #[test]
    fn columns_are_known_by_name_in_any_order_and_beside_others() {
        use Column::{Code, Level, Name, ParentCode};
        assert_eq!(
            find("Name,parent_code,note,CODE,level"),
            Some(vec![(Code, 3), (Name, 0), (Level, 4), (ParentCode, 1)])
        );
    }

    #[test]
    fn columns_are_known_by_what_vietnamese_lists_call_them() {
        use Column::{Code, ContactEmail, ContactPhone, Name, ParentCode};
        assert_eq!(
            find("STT,Mã điểm cầu,Tên điểm cầu,Tỉnh,Điện thoại,E-mail"),
            Some(vec![
                (Code, 1),
                (Name, 2),
                (ParentCode, 3),
                (ContactPhone, 4),
                (ContactEmail, 5)
            ])
        );
        // Of the code and the name of the one above, the code.
        assert_eq!(
            find("Mã,Tỉnh,Mã tỉnh"),
            Some(vec![(Code, 0), (ParentCode, 2)])
        );
    }

    #[test]
    fn a_title_is_no_header_and_a_column_that_is_there_twice_is_refused() {
        assert_eq!(find("DANH SÁCH ĐIỂM CẦU"), None);
        assert_eq!(find("name,level"), None);
        let cells = ["code", "name", "Code"];
        let error = Header::find(&cells, &Mapping::new()).unwrap_err();
        assert_eq!(error, ImportError::Twice("code".to_owned()));
    }

    #[test]
    fn whoever_brings_a_list_may_say_what_its_columns_are() {
        let mapping = Mapping::from([
            (Column::Code, "Ký hiệu".to_owned()),
            (Column::Name, "mã".to_owned()),
            (Column::Level, String::new()),
        ]);
        let header = Header::find(&["Mã", "Ký hiệu", "Cấp"], &mapping);
        let header = header.unwrap().unwrap();
        assert_eq!(header.place(Column::Code), Some(1));
        assert_eq!(header.place(Column::Name), Some(0));
        assert_eq!(header.place(Column::Level), None);
        assert_eq!(header.ignored().collect::<Vec<_>>(), ["Cấp"]);
        assert_eq!(Header::find(&["Mã", "Tên"], &mapping), Ok(None));
    }
}

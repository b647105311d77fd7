//! Whom to call at a site: two columns that a list may have.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

use super::Site;
use super::csv::MAX_NAME_CHARS;
use crate::ids::SiteCode;
use crate::text::{self, NO_CONTROLS};

/// The columns.
pub(super) const CONTACT: [&str; 2] = ["contact_name", "contact_phone"];

/// Most characters of a telephone number: there may be two, each with its hours.
const MAX_PHONE_CHARS: usize = 100;

/// What is known already: a list that has no such column leaves it as it is.
pub(super) struct Contacts<'k>(HashMap<&'k SiteCode, &'k Site>);

impl<'k> Contacts<'k> {
    pub(super) fn of(known: &'k [Site]) -> Self {
        let with_contact = known.iter().filter(|site| site.has_contact());
        Self(with_contact.map(|site| (&site.code, site)).collect())
    }

    /// The site with what its line says; `None` where the list does not speak of it.
    pub(super) fn with(
        &self,
        site: Site,
        [name, phone]: [Option<&str>; CONTACT.len()],
    ) -> Result<Site, String> {
        let kept = self.0.get(&site.code);
        let kept_name = kept.and_then(|kept| kept.contact_name.clone());
        let kept_phone = kept.and_then(|kept| kept.contact_phone.clone());
        let wrong = |column: &str, most: usize| {
            let code = &site.code;
            format!("the {column} of {code} must be one line of {most} characters, {NO_CONTROLS}")
        };
        let contact_name =
            read(name, kept_name, MAX_NAME_CHARS).map_err(|most| wrong(CONTACT[0], most))?;
        let contact_phone =
            read(phone, kept_phone, MAX_PHONE_CHARS).map_err(|most| wrong(CONTACT[1], most))?;
        Ok(Site {
            contact_name,
            contact_phone,
            ..site
        })
    }
}

/// What a field says; what it must keep to where it cannot be taken.
fn read(told: Option<&str>, kept: Option<String>, most: usize) -> Result<Option<String>, usize> {
    match told {
        None => Ok(kept),
        Some("") => Ok(None),
        Some(text) if text.chars().count() > most || text.contains(text::misleads) => Err(most),
        Some(text) => Ok(Some(text.nfc().collect())),
    }
}

#[cfg(test)]
mod tests {
    use crate::sites::{Site, read_csv};
    use crate::text::NO_CONTROLS;

    fn one(list: &str, known: &[Site]) -> Result<Site, String> {
        let sites = read_csv(list.as_bytes(), known).map_err(|error| error.to_string())?;
        Ok(sites.into_iter().next().expect("a list has a site"))
    }

    fn with(name: &str, phone: &str) -> Result<Site, String> {
        let header = "code,name,level,parent_code,contact_name,contact_phone";
        one(&format!("{header}\nVN,C,central,,{name},{phone}\n"), &[])
    }

    #[test]
    fn a_list_says_whom_to_call_at_a_site_or_nothing_of_it() {
        let site = with("Nguyễn Thị Hoa", "024 3825 3536").unwrap();
        assert_eq!(site.contact_name.as_deref(), Some("Nguyễn Thị Hoa"));
        assert_eq!(site.contact_phone.as_deref(), Some("024 3825 3536"));
        assert!(!with("", "").unwrap().has_contact());
    }

    #[test]
    fn a_list_without_such_columns_leaves_them_as_they_are() {
        let known = [with("Hoa", "1").unwrap()];
        let plain = "code,name,level,parent_code\nVN,C,central,\n";
        assert_eq!(one(plain, &known).unwrap(), known[0]);
        let of_names = "code,name,level,parent_code,contact_name\nVN,C,central,,\n";
        let site = one(of_names, &known).unwrap();
        assert_eq!(
            (site.contact_name, site.contact_phone.as_deref()),
            (None, Some("1"))
        );
    }

    #[test]
    fn a_number_that_is_none_is_named_with_its_line() {
        let long = "1".repeat(101);
        assert_eq!(
            with("Hoa", &long).unwrap_err(),
            format!(
                "line 2: the contact_phone of VN must be one line of 100 characters, {NO_CONTROLS}"
            )
        );
    }
}

//! What somebody writes of one site by hand: judged as a row of a list is.

use std::collections::{BTreeMap, HashMap};

use super::Site;
use super::column::Column;
use super::error::ImportError;
use super::fields::Fields;
use super::finding::{Findings, Severity};
use super::rows::Row;

/// What is to stand in some columns; nothing in one that is empty.
pub type Amendment = BTreeMap<Column, String>;

/// The site as somebody wants it. Where it stands in the tree is not for one row to say.
///
/// # Errors
/// When something of it would be wrong in a list.
pub fn amended(site: &Site, amendment: &Amendment) -> Result<Site, ImportError> {
    let mut cells = amendment.clone();
    cells.insert(Column::Code, site.code.to_string());
    let (known, mut findings) = (HashMap::from([(&site.code, site)]), Findings::default());
    let mut fields = Fields {
        known: &known,
        findings: &mut findings,
    };
    let draft = fields.draft(&Row::written(0, &cells));
    match draft {
        Some(draft) if findings.count(Severity::Error) == 0 => Ok(Site {
            level: site.level,
            parent_code: site.parent_code.clone(),
            hidden: site.hidden,
            ..draft.site
        }),
        _ => Err(ImportError::Rows(Box::new(findings))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::Level;

    fn site() -> Site {
        let (code, parent) = ("68001".parse().unwrap(), "68".parse().unwrap());
        Site {
            contact_phone: Some("0263 382 2001".to_owned()),
            hidden: true,
            ..Site::new(
                code,
                "Xã Tân Thành".to_owned(),
                Level::Commune,
                Some(parent),
            )
        }
    }

    #[test]
    fn what_is_written_is_another_and_the_rest_stays() {
        let amendment = Amendment::from([
            (Column::ContactName, "Ông Long".to_owned()),
            (Column::ContactPhone, String::new()),
            (Column::Seats, "40".to_owned()),
            (Column::Groups, "biên giới;miền núi".to_owned()),
        ]);
        let amended = amended(&site(), &amendment).unwrap();
        let expected = Site {
            contact_name: Some("Ông Long".to_owned()),
            contact_phone: None,
            seats: Some(40),
            groups: ["biên giới", "miền núi"].map(str::to_owned).into(),
            ..site()
        };
        assert_eq!(amended, expected);
    }

    #[test]
    fn what_would_be_wrong_in_a_list_is_refused_in_its_words() {
        for (column, wrong, why) in [
            (
                Column::ContactEmail,
                "long",
                "should be like name@example.vn",
            ),
            (Column::Seats, "many", "should be a whole number"),
            (Column::Name, "", "has no name"),
        ] {
            let amendment = Amendment::from([(column, wrong.to_owned())]);
            let error = amended(&site(), &amendment).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("line"), "{error}");
        }
    }
}

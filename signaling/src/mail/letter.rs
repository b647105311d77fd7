//! A mail as people read it, and as it is sent: text, HTML and calendar (RFC 5322, 2045, 6047).

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MultiPart, SinglePart};

use super::party::{Party, Sender, one_line};
use crate::calendar::Method;
use crate::ids::MailId;

/// What people read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Letter {
    /// Whom it is to.
    pub to: Party,
    /// What it is about, on one line.
    pub subject: String,
    /// As text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// An entry for a calendar, if it has one.
    pub calendar: Option<Attached>,
}

/// An entry for a calendar (RFC 5545).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attached {
    /// What a calendar is to do with it.
    pub method: Method,
    /// The whole text.
    pub text: String,
}

/// A mail as an SMTP server takes it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Who gets it back.
    pub from: Address,
    /// Who gets it.
    pub to: Address,
    /// Header and body, with CRLF at the end of each line.
    pub text: String,
}

/// Why a letter cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the mail cannot be written: {0}")]
pub struct LetterError(#[from] lettre::error::Error);

impl Letter {
    /// Writes it. The same mail has the same `Message-ID` each time, so that who gets it twice can see
    /// that.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(self, sender: &Sender, id: MailId, at: Timestamp) -> Result<Written, LetterError> {
        let (from, to) = (sender.address().clone(), self.to.address().clone());
        let by_program = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let message = Message::builder()
            .from(sender.mailbox().clone())
            .to(self.to.mailbox().clone())
            .subject(one_line(&self.subject))
            .date(SystemTime::from(at))
            .message_id(Some(format!("<{id}@{}>", from.domain())))
            .raw_header(by_program);
        let read = MultiPart::alternative()
            .singlepart(SinglePart::plain(self.text))
            .singlepart(SinglePart::html(self.html));
        let message = match self.calendar {
            None => message.multipart(read),
            Some(calendar) => message.multipart(with_calendar(read, calendar)),
        };
        Ok(Written {
            from,
            to,
            // It was made of strings.
            text: String::from_utf8_lossy(&message?.formatted()).into_owned(),
        })
    }
}

/// As calendars want it: among the alternatives for those that put it in by themselves, and as a file for
/// people who open it.
fn with_calendar(read: MultiPart, calendar: Attached) -> MultiPart {
    let method = calendar.method.as_str();
    let inline = content_type(&format!("text/calendar; method={method}; charset=utf-8"));
    let inline = SinglePart::builder()
        .header(inline)
        .body(calendar.text.clone());
    let file = content_type(&format!("application/ics; name=\"{FILE}\""));
    MultiPart::mixed()
        .multipart(read.singlepart(inline))
        .singlepart(Attachment::new(FILE.to_owned()).body(calendar.text, file))
}

const FILE: &str = "invite.ics";

fn content_type(text: &str) -> ContentType {
    ContentType::parse(text).expect("it is made of words that a content type may have")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sender() -> Sender {
        "Văn phòng <hop@example.vn>".parse().unwrap()
    }

    fn letter(name: &str, subject: &str) -> Letter {
        Letter {
            to: Party::new(name, "xa@example.vn").unwrap(),
            subject: subject.to_owned(),
            text: "Kính gửi Phường Ba Đình".to_owned(),
            html: "<p>Kính gửi Phường Ba Đình</p>".to_owned(),
            calendar: Some(Attached {
                method: Method::Request,
                text: "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n".to_owned(),
            }),
        }
    }

    fn written(letter: Letter) -> String {
        let at = "2026-11-26T01:00:00Z".parse().unwrap();
        letter.write(&sender(), MailId::new(1, 2), at).unwrap().text
    }

    /// The names of a mail's header fields.
    fn fields(mail: &str) -> Vec<&str> {
        let (header, _) = mail.split_once("\r\n\r\n").unwrap();
        let lines = header.split("\r\n");
        let begun = lines.filter(|line| !line.starts_with([' ', '\t']));
        begun.map(|line| line.split(':').next().unwrap()).collect()
    }

    const FIELDS: [&str; 8] = [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ];

    #[test]
    fn a_mail_has_text_html_and_a_calendar_twice_and_the_same_id_each_time() {
        let mail = written(letter("Phường Ba Đình", "Mời họp"));
        let mut found = fields(&mail);
        found.sort_unstable();
        let mut wanted = FIELDS.to_vec();
        wanted.sort_unstable();
        assert_eq!(found, wanted);
        for part in [
            "text/plain",
            "text/html",
            "text/calendar; method=REQUEST",
            "application/ics",
        ] {
            assert_eq!(mail.matches(part).count(), 1, "{part}: {mail}");
        }
        let id = format!("Message-ID: <{}@example.vn>", MailId::new(1, 2));
        assert!(mail.contains(&id), "{mail}");
        assert!(mail.is_ascii(), "an old server takes no other mail: {mail}");
    }

    #[test]
    fn names_and_subjects_in_vietnamese_are_encoded_words() {
        let mail = written(letter("Phường Ba Đình", "Mời họp giao ban tuần"));
        let subject = mail.lines().find(|line| line.starts_with("Subject: "));
        assert!(subject.unwrap().contains("=?utf-8?"), "{mail}");
        assert!(mail.contains("<xa@example.vn>"), "{mail}");
    }

    proptest! {
        #[test]
        fn no_name_and_no_subject_makes_another_header_field(name in ".*", subject in ".*") {
            let hostile = format!("{subject}\r\nBcc: all@example.vn\r\n\r\nbody");
            let mail = written(letter(&format!("{name}\r\nX-Bad: 1"), &hostile));
            let mut found = fields(&mail);
            found.sort_unstable();
            let mut wanted = FIELDS.to_vec();
            wanted.sort_unstable();
            prop_assert_eq!(found, wanted);
        }
    }
}

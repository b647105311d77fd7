//! Decides what comes of a look at the files of a certificate.
//!
//! Two files cannot be changed at once: between them they do not fit, for a moment. So what is
//! wrong is said only if it is still so at the next look, and then once.

use jiff::Timestamp;

use super::certificate::Certificate;
use super::files::{Content, FilesError};

/// What was seen of the files so far.
#[derive(Debug)]
pub(super) struct Renewal {
    /// What is shown.
    shown: Content,
    /// Until when that is good.
    not_after: Timestamp,
    failing: Option<Failing>,
}

#[derive(Debug)]
struct Failing {
    content: Content,
    is_said: bool,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing: it is what is shown.
    Same,
    /// It is good: show it.
    Show(Certificate),
    /// It cannot be used.
    Broken {
        cause: FilesError,
        /// It stays so, and nobody has heard of it.
        is_news: bool,
    },
}

impl Renewal {
    pub(super) const fn new(shown: Content, not_after: Timestamp) -> Self {
        Self {
            shown,
            not_after,
            failing: None,
        }
    }

    /// The files were looked at.
    pub(super) fn look(
        &mut self,
        now: Timestamp,
        content: Content,
        read: Result<Certificate, FilesError>,
    ) -> Look {
        if content == self.shown {
            self.failing = None;
            return Look::Same;
        }
        let outlives = |new: &Certificate| new.not_after() > now || self.not_after <= now;
        let read = read.and_then(|new| {
            let not_after = new.not_after();
            outlives(&new)
                .then_some(new)
                .ok_or(FilesError::Expired { not_after })
        });
        match read {
            Ok(certificate) => {
                *self = Self::new(content, certificate.not_after());
                Look::Show(certificate)
            }
            Err(cause) => Look::Broken {
                cause,
                is_news: self.is_news(content),
            },
        }
    }

    fn is_news(&mut self, content: Content) -> bool {
        let seen = self
            .failing
            .take()
            .filter(|before| before.content == content);
        let was_said = seen.as_ref().is_some_and(|before| before.is_said);
        self.failing = Some(Failing {
            content,
            is_said: seen.is_some(),
        });
        seen.is_some() && !was_said
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::tls::certificate::CertificateError;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn good() -> Certificate {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    fn broken() -> Result<Certificate, FilesError> {
        Err(FilesError::Content {
            path: "cert.pem".into(),
            key: "tls.certificate",
            cause: CertificateError::NoCertificate,
        })
    }

    fn renewal() -> Renewal {
        Renewal::new(Content::of(b"old"), NOW + 24.hours())
    }

    #[test]
    fn what_has_changed_is_shown_and_what_has_not_is_left() {
        let mut renewal = renewal();
        assert!(matches!(
            renewal.look(NOW, Content::of(b"old"), Ok(good())),
            Look::Same
        ));
        assert!(matches!(
            renewal.look(NOW, Content::of(b"new"), Ok(good())),
            Look::Show(_)
        ));
        assert!(matches!(
            renewal.look(NOW, Content::of(b"new"), Ok(good())),
            Look::Same
        ));
    }

    #[test]
    fn what_stays_broken_is_said_once_and_again_when_it_is_broken_otherwise() {
        let mut renewal = renewal();
        let mut is_news = |content: &[u8]| match renewal.look(NOW, Content::of(content), broken()) {
            Look::Broken { is_news, .. } => is_news,
            Look::Same | Look::Show(_) => unreachable!("it is broken"),
        };
        assert_eq!(
            [b"half"; 4].map(|content| is_news(content)),
            [false, true, false, false]
        );
        assert_eq!(
            [b"worse"; 3].map(|content| is_news(content)),
            [false, true, false]
        );
    }

    #[test]
    fn two_files_that_change_one_after_the_other_are_no_fault() {
        let mut renewal = renewal();
        let between = renewal.look(NOW, Content::of(b"half"), broken());
        assert!(matches!(between, Look::Broken { is_news: false, .. }));
        assert!(matches!(
            renewal.look(NOW, Content::of(b"whole"), Ok(good())),
            Look::Show(_)
        ));
    }

    #[test]
    fn one_that_has_ended_takes_the_place_of_none_that_has_not() {
        let later = Timestamp::MAX;
        let mut renewal = Renewal::new(Content::of(b"old"), Timestamp::MAX);
        let look = renewal.look(later - 1.hours(), Content::of(b"new"), Ok(good()));
        let Look::Broken { cause, .. } = look else {
            unreachable!("it has ended")
        };
        assert!(cause.to_string().contains("ended"), "{cause}");
        let mut renewal = Renewal::new(Content::of(b"old"), NOW);
        let look = renewal.look(later, Content::of(b"new"), Ok(good()));
        assert!(matches!(look, Look::Show(_)), "neither is good");
    }
}

//! How mail is sent: by any SMTP server.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Invalid, Secret};
use crate::mail::Sender;

/// Mail that is sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mail {
    /// The SMTP server, by name or address. Empty: no mail is sent.
    pub host: String,
    /// Its port; 0 means the usual one: 587 for STARTTLS, 465 for TLS from the start, 25 in the clear.
    pub port: u16,
    /// How the way there is secured.
    pub tls: MailTls,
    /// The authority (PEM) of its certificate. Empty: one of those that this system trusts.
    pub authority: PathBuf,
    /// Whom it knows us as. Empty: it does not ask.
    pub user: String,
    /// The password of that.
    pub password: Secret,
    /// Whom mail is from, such as `Văn phòng <hop@example.vn>`.
    pub from: String,
    /// Most mails a minute.
    pub per_minute: u32,
}

/// How the way to an SMTP server is secured.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// It begins in the clear and goes on inside TLS, or not at all.
    #[default]
    Starttls,
    /// It is TLS from the start.
    Implicit,
    /// It is not.
    None,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            host: String::new(),
            port: 0,
            tls: MailTls::default(),
            authority: PathBuf::new(),
            user: String::new(),
            password: Secret::default(),
            from: String::new(),
            per_minute: 600,
        }
    }
}

impl Mail {
    /// Whether any mail is sent.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !self.host.is_empty()
    }

    /// The port of the server.
    #[must_use]
    pub const fn server_port(&self) -> u16 {
        match (self.port, self.tls) {
            (0, MailTls::Starttls) => 587,
            (0, MailTls::Implicit) => 465,
            (0, MailTls::None) => 25,
            (port, _) => port,
        }
    }

    pub(super) fn check(&self, found: &mut Vec<Invalid>) {
        if !self.is_on() {
            return;
        }
        let mut refuse = |key: &str, problem: String| {
            found.push(Invalid {
                key: format!("mail.{key}"),
                problem,
            });
        };
        if let Err(problem) = self.from.parse::<Sender>() {
            refuse("from", problem.to_string());
        }
        let has_password = !self.password.expose().is_empty();
        if self.user.is_empty() == has_password {
            let problem = "is set without the other of `mail.user` and `mail.password`";
            let key = if has_password { "password" } else { "user" };
            refuse(key, problem.to_owned());
        }
        if has_password && self.tls == MailTls::None && !self.is_on_this_machine() {
            refuse(
                "tls",
                format!(
                    "is \"none\": everybody between here and {} could read `mail.password`; use \
                     \"starttls\" or \"implicit\"",
                    self.host
                ),
            );
        }
    }

    fn is_on_this_machine(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(change: impl FnOnce(&mut Mail)) -> Vec<String> {
        let mut mail = Mail {
            host: "mail.example.vn".to_owned(),
            from: "Văn phòng <hop@example.vn>".to_owned(),
            ..Mail::default()
        };
        change(&mut mail);
        let mut found = Vec::new();
        mail.check(&mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_server_nothing_else_matters() {
        assert_eq!(problems(|mail| *mail = Mail::default()), [""; 0]);
        assert_eq!(problems(|_| {}), [""; 0]);
    }

    #[test]
    fn a_sender_that_is_no_address_is_named() {
        let found = problems(|mail| "hop".clone_into(&mut mail.from));
        assert!(found[0].starts_with("`mail.from` is `hop`"), "{found:?}");
    }

    #[test]
    fn a_password_is_not_sent_in_the_clear_to_another_machine() {
        let clear = |host: &'static str| {
            problems(move |mail| {
                mail.tls = MailTls::None;
                host.clone_into(&mut mail.host);
                "dinh".clone_into(&mut mail.user);
                mail.password = Secret::new("secret");
            })
        };
        assert!(clear("mail.example.vn")[0].contains("could read"));
        assert_eq!(clear("127.0.0.1"), [""; 0]);
        let half = problems(|mail| "dinh".clone_into(&mut mail.user));
        assert!(
            half[0].starts_with("`mail.user` is set without"),
            "{half:?}"
        );
    }

    #[test]
    fn each_way_has_its_usual_port() {
        let port = |tls| {
            Mail {
                tls,
                ..Mail::default()
            }
            .server_port()
        };
        let all = [MailTls::Starttls, MailTls::Implicit, MailTls::None];
        assert_eq!(all.map(port), [587, 465, 25]);
    }
}

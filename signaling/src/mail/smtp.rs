//! The edge to the SMTP server: one connection, step by step, so that it is known which step was refused.

use std::time::Duration;
use std::{fmt, io};

use anyhow::Context as _;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::{Error, response::Response};
use tokio::time::timeout;

use super::letter::Written;
use super::party::Sender;
use super::verdict::{Fate, Step, judge};
use crate::config;
use crate::config::MailTls;

/// How long the server may take to greet, and for TLS and the password. Higher: a busier one is waited for.
const GREETING: Duration = Duration::from_secs(30);

/// How long it may take for one command. RFC 5321 §4.5.3.2 asks for five minutes; who needs more than one
/// is asked again later.
const COMMAND: Duration = Duration::from_secs(60);

/// How long it may take to read a whole mail and think about it (RFC 5321 §4.5.3.2.6). Lower: mails that it
/// did take come twice.
const MESSAGE: Duration = Duration::from_secs(300);

/// Most characters that are kept of what it said.
const MAX_SAID_CHARS: usize = 300;

/// Where mail is taken.
pub(super) struct Door {
    host: String,
    port: u16,
    tls: MailTls,
    parameters: Option<TlsParameters>,
    credentials: Option<Credentials>,
    hello: ClientId,
}

/// A connection on which one mail after the other is sent.
pub(super) struct Line(AsyncSmtpConnection);

/// Why a mail was not taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct NotTaken {
    pub(super) fate: Fate,
    /// In the server's words, with its code.
    pub(super) said: String,
}

impl Door {
    /// As it is configured.
    ///
    /// # Errors
    /// When the authority of its certificate cannot be read.
    pub(super) fn open(config: &config::Mail, sender: &Sender) -> anyhow::Result<Self> {
        let parameters = match config.tls {
            MailTls::None => None,
            MailTls::Starttls | MailTls::Implicit => Some(parameters(config)?),
        };
        let has_user = !config.user.is_empty();
        let credentials = has_user.then(|| {
            let password = config.password.expose().to_owned();
            Credentials::new(config.user.clone(), password)
        });
        Ok(Self {
            host: config.host.clone(),
            port: config.server_port(),
            tls: config.tls,
            parameters,
            credentials,
            hello: ClientId::Domain(sender.address().domain().to_owned()),
        })
    }

    /// A connection on which mail can be sent.
    pub(super) async fn connect(&self) -> Result<Line, NotTaken> {
        let connected = timeout(GREETING, self.greet()).await;
        connected.unwrap_or_else(|_| Err(silent(Step::Greeting, GREETING)))
    }

    async fn greet(&self) -> Result<Line, NotTaken> {
        let at_once = match self.tls {
            MailTls::Implicit => self.parameters.clone(),
            MailTls::Starttls | MailTls::None => None,
        };
        let at = |step| move |error: Error| not_taken(step, &error);
        let called = |error| match is_of_tls(&error) {
            true => not_taken(Step::Tls, &error),
            false => not_taken(Step::Greeting, &error),
        };
        let place = (self.host.as_str(), self.port);
        let mut line =
            AsyncSmtpConnection::connect_tokio1(place, Some(GREETING), &self.hello, at_once, None)
                .await
                .map_err(called)?;
        if let (MailTls::Starttls, Some(parameters)) = (self.tls, &self.parameters) {
            let begun = line.starttls(parameters.clone(), &self.hello).await;
            begun.map_err(at(Step::Tls))?;
        }
        if let Some(credentials) = &self.credentials {
            let known = line.auth(DEFAULT_MECHANISMS, credentials).await;
            known.map_err(at(Step::Password))?;
        }
        Ok(Line(line))
    }
}

impl Line {
    /// Sends one mail. When it is not taken, the connection may go on unless the server is away.
    pub(super) async fn send(&mut self, mail: &Written) -> Result<(), NotTaken> {
        let mut options = Vec::new();
        if !mail.to.to_string().is_ascii() || !mail.from.to_string().is_ascii() {
            if !self
                .0
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(NotTaken {
                    fate: Fate::Refused,
                    said: "the mail server takes no address with letters beyond ASCII".to_owned(),
                });
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(Some(mail.from.clone()), options);
        self.command(Step::Sender, from).await?;
        let to = Rcpt::new(mail.to.clone(), Vec::new());
        self.command(Step::Recipient, to).await?;
        self.command(Step::Data, Data).await?;
        // All at once: a mail whose last line follows it alone waits for the server to acknowledge the rest,
        // which it does 40 ms later.
        let taken = timeout(MESSAGE, self.0.command(Body(&mail.text))).await;
        let taken = taken.map_err(|_| silent(Step::Message, MESSAGE))?;
        self.answered(Step::Message, taken).await
    }

    async fn command(&mut self, step: Step, command: impl fmt::Display) -> Result<(), NotTaken> {
        let answer = timeout(COMMAND, self.0.command(command)).await;
        let answer = answer.map_err(|_| silent(step, COMMAND))?;
        self.answered(step, answer).await
    }

    /// What a refused mail has left at the server is taken back.
    async fn answered(
        &mut self,
        step: Step,
        answer: Result<Response, Error>,
    ) -> Result<(), NotTaken> {
        let Err(error) = answer else { return Ok(()) };
        let refused = not_taken(step, &error);
        let reset = timeout(COMMAND, self.0.command(Rset));
        match refused.fate {
            Fate::Away => {}
            Fate::Refused | Fate::Later => {
                // One that cannot be taken back is noticed with the next mail.
                let _ = reset.await;
            }
        }
        Err(refused)
    }

    /// Says good-bye.
    pub(super) async fn quit(mut self) {
        let _ = timeout(COMMAND, self.0.quit()).await;
    }
}

/// A mail as it goes over the wire (RFC 5321 §4.5.2), up to the line that ends it.
struct Body<'m>(&'m str);

impl fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.0.split_inclusive("\r\n") {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        if !self.0.ends_with("\r\n") {
            f.write_str("\r\n")?;
        }
        f.write_str(".\r\n")
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

fn parameters(config: &config::Mail) -> anyhow::Result<TlsParameters> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if !config.authority.as_os_str().is_empty() {
        let context = || {
            format!(
                "cannot read a certificate from {}",
                config.authority.display()
            )
        };
        let pem = std::fs::read(&config.authority).with_context(context)?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).with_context(context)?);
    }
    builder.build().context("cannot set TLS up")
}

/// Whether a server was there, and what it said or showed is not what TLS wants.
fn is_of_tls(error: &Error) -> bool {
    causes(error).any(|cause| {
        let cause = cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
    })
}

/// It, and what is below it.
fn causes<'e>(error: &'e Error) -> impl Iterator<Item = &'e (dyn std::error::Error + 'static)> {
    let first: &'e (dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |cause| cause.source())
}

fn not_taken(step: Step, error: &Error) -> NotTaken {
    let code = error.status().map(u16::from);
    // Each says again what is below it.
    let said = error.to_string();
    let said = said.replace(crate::text::misleads, " ");
    NotTaken {
        fate: judge(step, code),
        said: format!("{step}: {said}")
            .chars()
            .take(MAX_SAID_CHARS)
            .collect(),
    }
}

fn silent(step: Step, patience: Duration) -> NotTaken {
    NotTaken {
        fate: judge(step, None),
        said: format!(
            "{step}: the mail server was silent for {} s",
            patience.as_secs()
        ),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a server keeps of what comes over the wire up to the line that is a dot alone.
    fn read(wire: &str) -> (String, &str) {
        let mut kept = String::new();
        let mut rest = wire;
        while let Some(end) = rest.find("\r\n") {
            let (line, behind) = rest.split_at(end + 2);
            rest = behind;
            if line == ".\r\n" {
                break;
            }
            kept += line.strip_prefix('.').unwrap_or(line);
        }
        (kept, rest)
    }

    proptest! {
        #[test]
        fn a_mail_arrives_as_it_was_whatever_stands_at_the_beginning_of_its_lines(
            lines in prop::collection::vec(r"\.{0,3}[a-z.]{0,5}", 0..6),
            ends in any::<bool>(),
        ) {
            let mail = lines.join("\r\n") + if ends { "\r\n" } else { "" };
            let wire = Body(&mail).to_string();
            let (kept, rest) = read(&wire);
            prop_assert_eq!(rest, "");
            prop_assert_eq!(kept.trim_end(), mail.trim_end());
        }
    }
}

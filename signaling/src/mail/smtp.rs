//! The edge to the SMTP server: one connection, step by step, so that it is known which step was refused.

use std::time::Duration;

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
        let refused = |error| not_taken(Step::Greeting, &error);
        let place = (self.host.as_str(), self.port);
        let mut line =
            AsyncSmtpConnection::connect_tokio1(place, Some(GREETING), &self.hello, at_once, None)
                .await
                .map_err(refused)?;
        if let (MailTls::Starttls, Some(parameters)) = (self.tls, &self.parameters) {
            let begun = line.starttls(parameters.clone(), &self.hello).await;
            begun.map_err(refused)?;
        }
        if let Some(credentials) = &self.credentials {
            let known = line.auth(DEFAULT_MECHANISMS, credentials).await;
            known.map_err(refused)?;
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
        let taken = timeout(MESSAGE, self.0.message(&mail.bytes)).await;
        let taken = taken.map_err(|_| silent(Step::Message, MESSAGE))?;
        self.answered(Step::Message, taken).await
    }

    async fn command(
        &mut self,
        step: Step,
        command: impl std::fmt::Display,
    ) -> Result<(), NotTaken> {
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

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

fn not_taken(step: Step, error: &Error) -> NotTaken {
    let code = error.status().map(u16::from);
    let causes =
        std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |cause| {
            cause.source()
        });
    let said: Vec<_> = causes.map(ToString::to_string).collect();
    // Each says again what is below it.
    let said = said.first().cloned().unwrap_or_default();
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

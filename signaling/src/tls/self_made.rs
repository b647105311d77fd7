//! The certificate that the server's own authority makes: for which names, and when another.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::authority::{Authority, AuthorityError, Root, is_private};
use super::certificate::Certificate;
use crate::data_dir::DataDir;

/// See the module.
#[derive(Debug)]
pub(super) struct SelfMade {
    authority: Authority,
    /// What the operator wants it to be for.
    names: Vec<String>,
    /// The last problem that was said.
    said: Mutex<Option<String>>,
}

impl SelfMade {
    pub(super) fn open(
        directory: &DataDir,
        names: &[String],
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let hosts: Vec<_> = names
            .iter()
            .filter(|name| name.parse::<IpAddr>().is_err())
            .cloned()
            .chain(own_hosts())
            .collect();
        Ok(Self {
            authority: Authority::load_or_make(directory, &hosts, now)?,
            names: names.to_vec(),
            said: Mutex::default(),
        })
    }

    pub(super) const fn root(&self) -> &Root {
        self.authority.root()
    }

    /// Another certificate, if the one that is shown is not for every name and address of this
    /// machine, or is nearing its end.
    pub(super) fn renewed(
        &self,
        shown: Option<&Certificate>,
        now: Timestamp,
    ) -> Result<Option<Certificate>, AuthorityError> {
        let names = self.wanted();
        let end = self.authority.not_after();
        let is_good = |shown: &Certificate| {
            let has_time = now < shown.renew_at() || shown.not_after() >= end;
            shown.is_for(&names) && has_time && now < end
        };
        if shown.is_some_and(is_good) {
            return Ok(None);
        }
        self.authority.issue(&names, now).map(Some)
    }

    /// Whether a problem is another one than was said last.
    pub(super) fn is_news(&self, problem: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = said.as_deref() != Some(problem);
        *said = Some(problem.to_owned());
        is_news
    }

    /// What the operator has named, and what this machine is called that the root is good for.
    fn wanted(&self) -> Vec<String> {
        let mut names = self.names.clone();
        let own = own_hosts().into_iter().chain(own_addresses());
        for name in own.filter(|name| self.authority.vouches_for(name)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// `localhost`, and what this machine is called, alone and by multicast DNS.
fn own_hosts() -> Vec<String> {
    let called = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let called = called.trim().to_ascii_lowercase();
    let mut hosts = vec!["localhost".to_owned()];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    if !called.is_empty() && called.bytes().all(is_plain) && called != "localhost" {
        let first = called.split('.').next().unwrap_or_default();
        hosts.push(format!("{first}.local"));
        hosts.push(called);
    }
    hosts
}

/// Addresses of this machine that are nobody's on the internet.
fn own_addresses() -> Vec<String> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.iter().map(if_addrs::Interface::ip);
    addresses
        .filter(|address| is_private(*address))
        .map(|address| address.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;

    #[test]
    fn a_certificate_is_made_anew_when_its_time_or_its_names_run_out() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDir::create(parent.path()).unwrap();
        let now = Timestamp::now();
        let names = ["hop.lan".to_owned()];
        let made = SelfMade::open(&directory, &names, now).unwrap();
        let first = made.renewed(None, now).unwrap().unwrap();
        assert!(first.is_for(&["hop.lan", "localhost", "127.0.0.1"].map(str::to_owned)));
        assert!(made.renewed(Some(&first), now).unwrap().is_none());
        let later = first.renew_at() + 1.second();
        assert!(made.renewed(Some(&first), later).unwrap().is_some());

        let end = made.authority.not_after();
        let last = made.renewed(Some(&first), end - 1.hour()).unwrap().unwrap();
        assert_eq!(last.not_after(), end);
        let again = made.renewed(Some(&last), end - 1.second());
        assert!(again.unwrap().is_none(), "another would end then too");
        let error = made.renewed(Some(&last), end).unwrap_err().to_string();
        assert!(error.contains("has ended"), "{error}");

        let names = ["hop.lan", "10.9.9.9"].map(str::to_owned);
        let made = SelfMade::open(&directory, &names, now).unwrap();
        let second = made.renewed(Some(&first), now).unwrap().unwrap();
        assert!(second.is_for(&names));

        let made = SelfMade::open(&directory, &["other.lan".to_owned()], now).unwrap();
        let error = made.renewed(None, now).unwrap_err().to_string();
        assert!(
            error.contains("other.lan") && error.contains("tls-root.pem"),
            "{error}"
        );
        assert!(made.is_news(&error) && !made.is_news(&error));
    }
}

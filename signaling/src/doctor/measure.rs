//! Measuring what `judge` judges on this machine. Changes nothing but one file of its own in the data
//! directory, which is gone afterwards.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::Timestamp;

use super::{Finding, judge, provider};
use crate::check::Cause;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::descriptors;
use crate::oidc;
use crate::tls::Tls;
use crate::vault;

/// How often the disk is tried.
const FLUSHES: usize = 15;

/// What is written each time: a page of a database.
const PAGE: [u8; 4_096] = [0; 4_096];

/// The file that is written.
const TRIAL: &str = "doctor.tmp";

/// Everything that can be found out here. Blocks for as long as the disk takes.
pub(crate) fn machine(config: &Config) -> Vec<Finding> {
    let directory = vault::existing(config).ok();
    let is_running = directory.as_ref().is_some_and(DataDir::is_in_use);
    let mut findings = vec![
        buffers(),
        open_files(config, directory.as_ref()),
        tracking(config),
    ];
    findings.push(match sfu::offload(config.media.bind) {
        Ok((out, into)) => judge::offload(out, into),
        Err(cause) => Finding::skipped("offload", cause.to_string()),
    });
    findings.extend(storage(config));
    findings.push(certificate(config));
    findings.push(judge::addresses(
        &config.media.advertise,
        &sfu::local_addresses(),
    ));
    if is_running {
        findings.push(Finding::good("port", "a server runs and has its ports"));
    } else {
        findings.extend(ports(config));
    }
    for invalid in config.guessable_keys() {
        findings.push(Finding::new(
            "secrets",
            Cause::SecretGuessable,
            invalid.to_string(),
            "change it",
        ));
    }
    findings
}

/// What the providers by which people log in answer, and where people are sent back to.
pub(crate) async fn providers(config: &Config) -> Vec<Finding> {
    let configured = &config.accounts.oidc;
    if configured.is_empty() {
        return Vec::new();
    }
    let base = config.base_url(config.http.listen);
    let issuers: Vec<_> = configured.values().map(|one| one.issuer.as_str()).collect();
    let looks = configured.iter().map(|(id, one)| {
        let redirect = oidc::callback(&base, id);
        async move {
            let looked = oidc::look(one, &redirect).await;
            provider::provider((id, one), &redirect, &looked)
        }
    });
    let mut findings = vec![provider::way_back(&base, &issuers)];
    findings.extend(join_all(looks).await);
    findings
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn buffers() -> Finding {
    let limits = ["rmem_max", "wmem_max"].map(|name| number(&format!("/proc/sys/net/core/{name}")));
    match limits {
        [Some(receive), Some(send)] => judge::buffers(receive, send),
        _ => Finding::skipped("buffers", "the system does not say"),
    }
}

/// Those of the server, if it runs; else those that one started here would have.
fn open_files(config: &Config, directory: Option<&DataDir>) -> Finding {
    let of_server = directory.and_then(DataDir::served_by).and_then(limit_of);
    match of_server.or_else(descriptors::limit) {
        Some(limit) => judge::descriptors(limit, descriptors::wanted(config)),
        None => Finding::skipped("descriptors", "the system does not say"),
    }
}

fn limit_of(process: u32) -> Option<u64> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn tracking(config: &Config) -> Finding {
    let read = |name: &str| number(&format!("/proc/sys/net/netfilter/nf_conntrack_{name}"));
    match (read("count"), read("max")) {
        (Some(count), Some(most)) => {
            // Each site has a WebSocket and a flow of media.
            let wanted =
                (config.sessions.max_connections as u64).min(config.media.max_peers.into()) * 2;
            judge::tracking(count, most, wanted)
        }
        _ => Finding::good("conntrack", "no table of connections here"),
    }
}

/// Space where these data are.
pub(crate) fn space(data: &Path) -> Finding {
    match rustix::fs::statvfs(place_of(data)) {
        Ok(fs) => judge::space(
            fs.f_bavail.saturating_mul(fs.f_frsize),
            inodes(fs.f_files, fs.f_favail),
        ),
        Err(cause) => Finding::skipped("space", cause.to_string()),
    }
}

/// What is not there yet will be made in the first directory above that is.
fn place_of(data: &Path) -> &Path {
    data.ancestors()
        .find(|path| path.is_dir())
        .unwrap_or_else(|| Path::new("."))
}

fn storage(config: &Config) -> Vec<Finding> {
    let data = &config.data_dir;
    let place = place_of(data);
    let disk = match flush_time(place) {
        // Every change waits for the database, which is elsewhere then.
        Ok(_) if config.store.is_on_server() => Finding::skipped(
            "disk",
            "the database is on a PostgreSQL server: it waits for that one's disk",
        ),
        Ok(flush) => judge::disk(flush),
        Err(cause) => {
            let advice = format!(
                "run this as the server's user (sudo -u dinh …), or give that user {}",
                place.display()
            );
            Finding::new("disk", unwritable(&cause), cause.to_string(), advice)
        }
    };
    vec![space(data), disk]
}

fn unwritable(cause: &io::Error) -> Cause {
    match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Cause::DiskFull,
        _ => Cause::DiskUnwritable,
    }
}

/// Some file systems make inodes as they need them and say that they have none.
const fn inodes(all: u64, free: u64) -> u64 {
    if all == 0 { u64::MAX } else { free }
}

/// The median of some writes.
fn flush_time(place: &Path) -> io::Result<Duration> {
    let path = place.join(TRIAL);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    let _gone = Gone(path);
    let times: io::Result<Vec<_>> = (0..FLUSHES).map(|_| flush(&file)).collect();
    let mut times = times?;
    times.sort_unstable();
    Ok(times.get(FLUSHES / 2).copied().unwrap_or_default())
}

fn flush(mut file: &File) -> io::Result<Duration> {
    let start = Instant::now();
    file.write_all(&PAGE)?;
    file.sync_data()?;
    Ok(start.elapsed())
}

/// A file that goes when this does.
struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn certificate(config: &Config) -> Finding {
    match Tls::look_beside(config) {
        Ok(Some(not_after)) => judge::certificate(Timestamp::now(), not_after),
        Ok(None) if config.tls.is_on() => Finding::skipped(
            "certificate",
            "there is none yet: a server makes or obtains it when it starts",
        ),
        Ok(None) => Finding::skipped(
            "certificate",
            "[tls] is not set: browsers need a TLS proxy before this server",
        ),
        Err(cause) => {
            let advice = "the server does not start without it";
            Finding::new(
                "certificate",
                Cause::CertificateUnusable,
                cause.to_string(),
                advice,
            )
        }
    }
}

fn ports(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, listen) in [
        ("http.listen", config.http.listen),
        ("admin.listen", config.admin.listen),
    ] {
        findings.push(judge::port(
            key,
            listen.port(),
            "TCP",
            refused_tcp(listen).as_deref(),
        ));
    }
    let first = config.media.port;
    for shard in 0..u16::from(config.media.shard_count()) {
        let Some(port) = first.checked_add(shard).filter(|_| first > 0) else {
            continue;
        };
        let at = SocketAddr::from((config.media.bind, port));
        let udp = UdpSocket::bind(at).err().map(|cause| cause.to_string());
        for (protocol, refused) in [("UDP", udp), ("TCP", refused_tcp(at))] {
            findings.push(judge::port(
                "media.port",
                port,
                protocol,
                refused.as_deref(),
            ));
        }
    }
    let shared = config.media.shared_udp_port;
    if shared > 0 {
        let bound = UdpSocket::bind((config.media.bind, shared));
        let refused = bound.err().map(|cause| cause.to_string());
        let key = "media.shared_udp_port";
        findings.push(judge::port(key, shared, "UDP", refused.as_deref()));
    }
    findings
}

fn refused_tcp(at: SocketAddr) -> Option<String> {
    TcpListener::bind(at).err().map(|cause| cause.to_string())
}

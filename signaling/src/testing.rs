//! How tests start a server: on the loopback, on ports that the system chooses, with its data in a
//! directory of their own. With `TEST_STORE=postgres` the database is on a PostgreSQL of theirs.

pub mod postgres;

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use axum::extract::Query;
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, HeaderValue, Uri};

use crate::config::{Config, Secret};
use crate::demo;
use crate::server::Server;
use crate::store::Location;
use crate::whip;
use postgres::Cluster;

pub use sfu::testing::free_port;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The address of the database that belongs to a data directory, if it is not in it.
///
/// # Panics
/// When it is wanted somewhere unknown.
pub fn store_url(data: &Path) -> Option<String> {
    let wanted = std::env::var("TEST_STORE").ok()?;
    assert_eq!(wanted, "postgres", "TEST_STORE");
    Some(Cluster::shared().url(data))
}

/// Where the database is that belongs to a data directory.
///
/// # Panics
/// When there is none.
pub fn location(data: &Path) -> Location {
    let file = || Location::File(data.join(crate::data_dir::DATABASE));
    store_url(data).map_or_else(file, |url| {
        Location::server(&url).expect("it is the address of a database")
    })
}

/// A configuration whose ports the system chooses.
pub fn config(data: &Path) -> Config {
    let mut config = Config {
        data_dir: data.to_owned(),
        ..Config::default()
    };
    config.store.url = Secret::new(&store_url(data).unwrap_or_default());
    let any = SocketAddr::from((LOOPBACK, 0));
    config.http.listen = any;
    config.admin.listen = any;
    config.media.bind = LOOPBACK;
    config.media.advertise = vec![LOOPBACK];
    config.media.port = 0;
    config
}

/// An address with such a port.
pub fn free_address() -> SocketAddr {
    (LOOPBACK, free_port()).into()
}

/// A whole server with the demo conference running.
///
/// # Panics
/// When it cannot be started.
pub async fn demo(config: Config) -> Server {
    let server = Server::start(config).await;
    let server = server.expect("a server starts on free ports");
    let prepared = demo::prepare(&server).await;
    prepared.expect("a new server has no demo conference yet");
    server
}

/// The program `binary` with the same configuration, as a process of its own.
pub fn command(binary: impl AsRef<OsStr>, data: &Path) -> Command {
    let mut command = Command::new(binary);
    configure(&mut command, data);
    command
}

/// Gives whatever runs the program that configuration.
pub fn configure(command: &mut Command, data: &Path) {
    command
        .env("DINH_STORE__URL", store_url(data).unwrap_or_default())
        .env("DINH_DATA_DIR", data)
        .env("DINH_HTTP__LISTEN", "127.0.0.1:0")
        .env("DINH_ADMIN__LISTEN", "127.0.0.1:0")
        .env("DINH_MEDIA__BIND", "127.0.0.1")
        .env("DINH_MEDIA__PORT", "0");
}

/// Reads what requests of WHIP and WHEP carry beside offers, as the server does.
pub fn read_whip(query: &[u8], if_match: &[u8], fragment: &[u8]) {
    let target = [b"/whep/demo?".as_slice(), query].concat();
    if let Ok(uri) = Uri::try_from(target) {
        let _ = Query::<whip::WatchQuery>::try_from_uri(&uri);
    }
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(if_match) {
        headers.insert(IF_MATCH, value);
    }
    whip::read_patch(&headers, fragment);
}

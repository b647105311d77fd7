//! How tests start a server: on the loopback, on ports that the system chooses, with its data in a
//! directory of their own.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use crate::config::Config;
use crate::demo;
use crate::server::Server;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A configuration whose ports the system chooses.
pub fn config(data: &Path) -> Config {
    let mut config = Config {
        data_dir: data.to_owned(),
        ..Config::default()
    };
    let any = SocketAddr::from((LOOPBACK, 0));
    config.http.listen = any;
    config.admin.listen = any;
    config.media.bind = LOOPBACK;
    config.media.advertise = vec![LOOPBACK];
    config.media.port = 0;
    config
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
        .env("DINH_DATA_DIR", data)
        .env("DINH_HTTP__LISTEN", "127.0.0.1:0")
        .env("DINH_ADMIN__LISTEN", "127.0.0.1:0")
        .env("DINH_MEDIA__BIND", "127.0.0.1")
        .env("DINH_MEDIA__PORT", "0");
}

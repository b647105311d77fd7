//! A PostgreSQL of the tests' own, which ends with the process that has started it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Starts one, and stops it when nobody gives it orders any more.
const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/postgres");

/// A PostgreSQL server with any number of schemas, each of which is a database to who uses it: one is made
/// in a moment and takes no room. It ends when this is dropped, or the process ends
/// in whatever way.
#[derive(Debug)]
pub struct Cluster {
    orders: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    directory: PathBuf,
    port: u16,
}

impl Cluster {
    /// Starts one.
    ///
    /// # Panics
    /// When it does not start; what is missing stands on standard error.
    #[expect(
        clippy::zombie_processes,
        reason = "it ends when nobody can give it orders any more, at the latest with this process"
    )]
    pub fn start() -> Self {
        let mut child = Command::new(PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tests/postgres is there");
        let orders = child.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(child.stdout.take().expect("it is piped"));
        let place = answer(&mut answers);
        let (directory, port) = place.rsplit_once(' ').expect("it says where it is");
        Self {
            orders: Mutex::new((orders, answers)),
            directory: PathBuf::from(directory),
            port: port.parse().expect("it has a port"),
        }
    }

    /// The one that the tests of this process share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The address of the database that belongs to a data directory, which is made if it is not there.
    pub fn url(&self, data: &Path) -> String {
        let name = self.schema(data);
        format!(
            "postgres://dinh@localhost:{}/postgres?host={}&options=-c%20search_path%3D{name}",
            self.port,
            self.directory.display()
        )
    }

    /// The same by TCP and TLS, as `host`, with what decides whether its certificate is good.
    pub fn url_by_tls(&self, data: &Path, host: &str, trust: &str) -> String {
        let name = self.schema(data);
        format!(
            "postgres://dinh@{host}:{}/postgres?options=-c%20search_path%3D{name}&{trust}",
            self.port
        )
    }

    /// The root that its certificate is from.
    pub fn root(&self) -> PathBuf {
        self.directory.join("root.crt")
    }

    /// The schema that belongs to a data directory, which is made if it is not there.
    fn schema(&self, data: &Path) -> String {
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        let name = format!("dinh_{:016x}", hasher.finish());
        self.order(&format!("create {name}"));
        name
    }

    /// `kill -9` of all its processes, and a new start.
    pub fn kill_and_start(&self) {
        self.order("kill");
    }

    /// A stop, as by whoever upgrades it, and a start after so many seconds.
    pub fn restart_after(&self, seconds: f32) {
        self.order(&format!("away {seconds}"));
    }

    fn order(&self, order: &str) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let (to, from) = &mut *orders;
        writeln!(to, "{order}").expect("it takes orders");
        let done = answer(from);
        assert_eq!(done, "done", "{order}");
    }
}

fn answer(from: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    let read = from.read_line(&mut line);
    read.expect("it answers");
    assert!(line.ends_with('\n'), "PostgreSQL has ended: {line}");
    line.trim().to_owned()
}

//! What goes wrong: kills, and system calls that fail, by `strace`; and PostgreSQL, where that has the
//! database.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use signaling::store::Location;
use signaling::testing;
use signaling::testing::postgres::Cluster;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Executor as _, PgConnection};

/// One kind of bad day.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fault {
    /// `kill -9`.
    Kill,
    /// Every write to a file finds the disk full.
    DiskFull,
    /// One write fails.
    WriteFails,
    /// One flush to the disk fails.
    SyncFails,
    /// One flush fails, and then `kill -9`.
    SyncFailsThenKill,
    /// Another process holds the database.
    Held,
    /// Each flush takes half a second.
    SlowSyncs,
    /// `kill -9` of PostgreSQL.
    DatabaseKilled,
    /// PostgreSQL is stopped, and started two seconds later.
    DatabaseAway,
}

impl Fault {
    /// Those that cost a request; slowness costs none.
    pub(crate) const ALL: [Self; 8] = [
        Self::Kill,
        Self::DiskFull,
        Self::WriteFails,
        Self::SyncFails,
        Self::SyncFailsThenKill,
        Self::Held,
        Self::DatabaseKilled,
        Self::DatabaseAway,
    ];

    /// What `strace` is told, if it brings this one about.
    const fn injection(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::DiskFull => Some(("pwrite64", "pwrite64:error=ENOSPC")),
            Self::WriteFails => Some(("pwrite64", "pwrite64:error=EIO:when=1")),
            Self::SyncFails | Self::SyncFailsThenKill => {
                Some(("fsync,fdatasync", "fsync,fdatasync:error=EIO:when=1"))
            }
            Self::SlowSyncs => Some(("fsync,fdatasync", "fsync,fdatasync:delay_exit=500000")),
            Self::Kill | Self::Held | Self::DatabaseKilled | Self::DatabaseAway => None,
        }
    }

    /// Whether this machine can bring it about, for a database in a file or on a server.
    pub(crate) fn is_possible(self, can_trace: bool, is_on_server: bool) -> bool {
        match self {
            Self::Kill | Self::Held => true,
            Self::DatabaseKilled | Self::DatabaseAway => is_on_server,
            Self::DiskFull
            | Self::WriteFails
            | Self::SyncFails
            | Self::SyncFailsThenKill
            | Self::SlowSyncs => can_trace && !is_on_server,
        }
    }

    /// Whether `FAULTS_ONLY` names it, or nothing.
    pub(crate) fn is_wanted(self) -> bool {
        let own = format!("{self:?}");
        match std::env::var("FAULTS_ONLY") {
            Ok(kinds) if !kinds.is_empty() => kinds.split(',').any(|kind| kind == own),
            _ => true,
        }
    }

    pub(crate) const fn kills(self) -> bool {
        matches!(self, Self::Kill | Self::SyncFailsThenKill)
    }
}

/// A fault that lasts until this is dropped.
pub(crate) struct Lasting {
    tracer: Option<Child>,
    held: Option<Held>,
}

/// The place in which something can be written, taken.
struct Held {
    runtime: tokio::runtime::Runtime,
    by: Holder,
}

enum Holder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lasting {
    pub(crate) fn begin(fault: Fault, process: u32, data: &Path) -> Self {
        let tracer = fault
            .injection()
            .map(|(calls, injection)| trace(process, calls, injection).expect("strace attaches"));
        let held = (fault == Fault::Held).then(|| hold(data));
        match fault {
            Fault::DatabaseKilled => Cluster::shared().kill_and_start(),
            Fault::DatabaseAway => Cluster::shared().restart_after(2.0),
            _ => {}
        }
        Self { tracer, held }
    }
}

impl Drop for Lasting {
    fn drop(&mut self) {
        if let Some(tracer) = &mut self.tracer {
            // It takes its hands off every thread before it ends; killed it would leave some stopped.
            let process = tracer.id().to_string();
            let _ = Command::new("kill").args(["-INT", &process]).status();
            let _ = tracer.wait();
        }
        if let Some(Held { runtime, by }) = self.held.take() {
            let _ = runtime.block_on(async {
                match by {
                    Holder::Sqlite(connection) => connection.close().await,
                    Holder::Postgres(connection) => connection.close().await,
                }
            });
        }
    }
}

/// Whether `strace` is here and may look at other processes.
pub(crate) fn can_trace() -> bool {
    let Ok(mut sleeper) = Command::new("sleep").arg("30").spawn() else {
        return false;
    };
    let tracer = trace(sleeper.id(), "pwrite64", "pwrite64:error=EIO:when=1");
    let can = tracer.is_some();
    drop(Lasting { tracer, held: None });
    let _ = sleeper.kill();
    let _ = sleeper.wait();
    can
}

fn trace(process: u32, calls: &str, injection: &str) -> Option<Child> {
    let mut tracer = Command::new("strace")
        .args(["-f", "-qq", "-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={injection}")])
        .args(["-p", &process.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        if all_traced(process) {
            return Some(tracer);
        }
        if tracer.try_wait().ok()?.is_some() {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = tracer.kill();
    let _ = tracer.wait();
    None
}

fn all_traced(process: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else {
        return false;
    };
    threads.flatten().all(|thread| {
        std::fs::read_to_string(thread.path().join("status"))
            .is_ok_and(|status| !status.contains("TracerPid:\t0"))
    })
}

fn hold(data: &Path) -> Held {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let by = runtime.block_on(async {
        match testing::location(data) {
            Location::File(path) => {
                let options = SqliteConnectOptions::new()
                    .filename(path)
                    .busy_timeout(Duration::from_secs(10));
                let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
                connection.execute("BEGIN EXCLUSIVE").await.unwrap();
                Holder::Sqlite(connection)
            }
            Location::Server(options) => {
                let mut connection = PgConnection::connect_with(&options).await.unwrap();
                let lock = "BEGIN; LOCK TABLE fence IN EXCLUSIVE MODE";
                sqlx::raw_sql(lock).execute(&mut connection).await.unwrap();
                Holder::Postgres(connection)
            }
        }
    });
    Held { runtime, by }
}

//! A backup: everything that a server needs to go on elsewhere, in one file.
//!
//! It is a consistent copy of the database, also beside a running server, with the keys, what was signed
//! of the record, the server's own authority and its account at an ACME server in it. Whoever has it can
//! make tokens, and pass for the server.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::auth::SigningKey;
use crate::config::Config;
use crate::data_dir::{
    ACME, BESIDE_DATABASE, DATABASE, DataDir, DataDirError, RECORD_KEY, SIGNED_HEADS, TLS_ROOT,
    TLS_ROOT_KEY, TOKEN_KEY, sync_directory_of, write_private,
};
use crate::signed_heads::SignedHeads;
use crate::store::backup::{FileBeside, pack, unpack};
use crate::store::{ChainFault, Store, StoreError};
use crate::vault::open_store;

/// What travels with the database, as far as it is there.
const FILES: [&str; 6] = [
    ACME,
    TLS_ROOT_KEY,
    TLS_ROOT,
    TOKEN_KEY,
    RECORD_KEY,
    SIGNED_HEADS,
];

/// Why there is no backup, or it was not restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be read, or the copy not written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database is elsewhere.
    #[error(
        "the database is on a PostgreSQL server (`store.url`): a backup is a copy of {} and, made after \
         it, what `pg_dump` writes; the handbook says how they are put back",
        .0.display()
    )]
    OnServer(PathBuf),
    /// There is something under this name.
    #[error("{} is already there: choose another name", .0.display())]
    Exists(PathBuf),
    /// There are data.
    #[error(
        "there are data in {} already: with --replace they are put aside first",
        .0.display()
    )]
    Occupied(PathBuf),
    /// It is something else.
    #[error("{} is not a backup that `dinh backup` has made: {cause}", path.display())]
    NoBackup {
        /// Of the file.
        path: PathBuf,
        /// What is missing.
        cause: StoreError,
    },
    /// The system does not let us.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// What is in a backup.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contents {
    /// How many conferences.
    pub conferences: usize,
    /// How many events of whole logs.
    pub events: u64,
    /// Logs that are not as they were written; they are in it as they are.
    pub damaged: Vec<ChainFault>,
}

/// Writes a backup of the data directory to `to`: whole or not at all.
///
/// # Errors
/// When there are no data, `to` is there already, or the disk fails.
pub async fn make(config: &Config, to: &Path) -> Result<Contents, BackupError> {
    check_file(config)?;
    let directory = DataDir::existing(&config.data_dir)?;
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    // Before the database: what is signed must not be ahead of it.
    let files = read_files(&directory)?;
    let store = open_store(config, &directory).await?;
    let draft = beside(to, "new");
    empty_private(&draft).map_err(at(&draft))?;
    let made = write_draft(&store, &draft, &files).await;
    store.close().await;
    let contents = match made {
        Ok(contents) => contents,
        Err(error) => {
            // It is worth nothing.
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
    };
    publish(&draft, to).map_err(at(to))?;
    Ok(contents)
}

async fn write_draft(
    store: &Store,
    draft: &Path,
    files: &[FileBeside],
) -> Result<Contents, BackupError> {
    store.copy_to(draft).await?;
    let contents = check(draft, files).await?;
    pack(draft, files).await?;
    Ok(contents)
}

/// Puts the backup `from` where the configuration says that the data are. With `replace` what is
/// there is moved into a directory beside it.
///
/// # Errors
/// When a server runs there, there are data and `replace` is not set, or it is no backup.
pub async fn restore(config: &Config, from: &Path, replace: bool) -> Result<Contents, BackupError> {
    check_file(config)?;
    if !from.is_file() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(at(from)(source));
    }
    let directory = DataDir::create(&config.data_dir)?;
    let _lock = directory.lock()?;
    let present: Vec<_> = [DATABASE]
        .into_iter()
        .chain(FILES)
        .chain(BESIDE_DATABASE)
        .filter(|name| directory.file(name).exists())
        .collect();
    if !present.is_empty() && !replace {
        return Err(BackupError::Occupied(directory.path().to_owned()));
    }
    let database = directory.file(DATABASE);
    let draft = beside(&database, "restoring");
    empty_private(&draft).map_err(at(&draft))?;
    fs::copy(from, &draft).map_err(at(from))?;
    let files = unpack(&draft).await.map_err(|cause| BackupError::NoBackup {
        path: from.to_owned(),
        cause,
    });
    let files = files.inspect_err(|_| drop(fs::remove_file(&draft)))?;
    let contents = check(&draft, &files).await?;
    put_aside(&directory, &present)?;
    for (name, content) in &files {
        // Nothing in the file may decide where it is written to.
        if let Some(known) = FILES.into_iter().find(|known| known == name) {
            let path = directory.file(known);
            write_private(&path, content).map_err(at(&path))?;
        }
    }
    publish(&draft, &database).map_err(at(&database))?;
    Ok(contents)
}

fn check_file(config: &Config) -> Result<(), BackupError> {
    if config.store.is_on_server() {
        return Err(BackupError::OnServer(config.data_dir.clone()));
    }
    Ok(())
}

fn read_files(directory: &DataDir) -> Result<Vec<FileBeside>, BackupError> {
    let mut files = Vec::new();
    // What is signed first: it must not be ahead of its key.
    for name in FILES.into_iter().rev() {
        let path = directory.file(name);
        match fs::read(&path) {
            Ok(content) => files.push((name.to_owned(), content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(at(&path)(source)),
        }
    }
    Ok(files)
}

/// Reads every log of a copy, compared with what was signed as far as the files tell.
async fn check(copy: &Path, files: &[FileBeside]) -> Result<Contents, BackupError> {
    let store = Store::open_copy(copy).await?;
    if let Some(signed) = signed(files) {
        store.compare_with(signed.to_compare());
    }
    let mut contents = Contents {
        conferences: 0,
        events: 0,
        damaged: Vec::new(),
    };
    for head in store.heads().await? {
        contents.conferences += 1;
        match store.verify(&head.conference).await {
            Ok(head) => contents.events += head.seq,
            Err(StoreError::Broken(fault)) => contents.damaged.push(fault),
            Err(error) => return Err(error.into()),
        }
    }
    store.close().await;
    Ok(contents)
}

fn signed(files: &[FileBeside]) -> Option<SignedHeads> {
    let text = |wanted: &str| {
        let (_, content) = files.iter().find(|(name, _)| name == wanted)?;
        std::str::from_utf8(content).ok()
    };
    let key = SigningKey::from_pem(text(RECORD_KEY)?)?;
    SignedHeads::parse(text(SIGNED_HEADS)?, &key)
}

fn put_aside(directory: &DataDir, names: &[&str]) -> Result<(), BackupError> {
    if names.is_empty() {
        return Ok(());
    }
    let now = Timestamp::now().as_second();
    let aside = directory.file(&format!("before-restore-{now}"));
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&aside)
        .map_err(at(&aside))?;
    // The database last: as long as it is there, nothing was replaced.
    for name in names.iter().rev() {
        let path = directory.file(name);
        fs::rename(&path, aside.join(name)).map_err(at(&path))?;
    }
    Ok(())
}

/// Makes an empty file that nobody else may read.
fn empty_private(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(())
}

/// Gives a file that is complete its name.
fn publish(draft: &Path, to: &Path) -> io::Result<()> {
    File::open(draft)?.sync_all()?;
    fs::rename(draft, to)?;
    sync_directory_of(to)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::Io { path, source }
}

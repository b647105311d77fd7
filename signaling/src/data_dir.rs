//! The data directory: whose it is, who may read it, and that one server uses it at a time.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::warn;

/// The database.
pub const DATABASE: &str = "dinh.db";

/// The key that signs tokens.
pub const TOKEN_KEY: &str = "token-key.pem";

/// The key that signs what the record holds.
pub const RECORD_KEY: &str = "record-key.pem";

/// What the record held when it was signed last.
pub const SIGNED_HEADS: &str = "signed-heads.json";

/// The root of the server's own authority, which is no secret.
pub const TLS_ROOT: &str = "tls-root.pem";

/// The key of that root.
pub const TLS_ROOT_KEY: &str = "tls-root-key.pem";

/// The account at an ACME server, and the certificate that it gave.
pub const ACME: &str = "acme.json";

/// Held by the server that uses the directory; in it stands its process.
const LOCK: &str = "dinh.lock";

/// The socket at which a running server takes orders of its operator.
pub const CONTROL: &str = "dinh.sock";

/// What SQLite keeps beside the database.
pub const BESIDE_DATABASE: [&str; 2] = ["dinh.db-wal", "dinh.db-shm"];

/// How often the lock is tried before somebody else has it.
const LOCK_ATTEMPTS: u32 = 10;

/// How long between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(30);

/// A directory for its owner only.
const PRIVATE_DIRECTORY: u32 = 0o700;

/// A file for its owner only.
const PRIVATE_FILE: u32 = 0o600;

/// What others may do.
const OTHERS: u32 = 0o077;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The system does not let us.
    #[error("cannot use the data directory {}: {source}", path.display())]
    Io {
        /// The directory, or a file in it.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// There are no data.
    #[error(
        "there are no data in {}: start the server once, which makes them, or say where they are \
         with `data_dir` or DINH_DATA_DIR",
        .0.display()
    )]
    Missing(PathBuf),
    /// Another process serves it.
    #[error(
        "the data directory {} is in use by another dinh ({process}): stop that one first, or give \
         this one a `data_dir` of its own",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Which process, as far as it said.
        process: String,
    },
}

/// The data directory of a server. What is made in it is for its owner only, whatever the umask.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// That no other server uses the directory, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "closing the file ends the lock")] File);

impl DataDir {
    /// The directory, which is made if it is missing, and whose files are closed to others.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn create(path: &Path) -> Result<Self, DataDirError> {
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_DIRECTORY)
            .create(path)
            .map_err(|source| failed(path, source))?;
        let directory = Self(path.to_owned());
        directory.close_to_others()?;
        Ok(directory)
    }

    /// The directory, if a server has already put its data there.
    ///
    /// # Errors
    /// When there are no data.
    pub fn existing(path: &Path) -> Result<Self, DataDirError> {
        Self::with(path, DATABASE)
    }

    /// The directory, if `file` is in it.
    ///
    /// # Errors
    /// When it is not: there are no data.
    pub fn with(path: &Path, file: &str) -> Result<Self, DataDirError> {
        let directory = Self(path.to_owned());
        if directory.file(file).is_file() {
            Ok(directory)
        } else {
            Err(DataDirError::Missing(path.to_owned()))
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Takes the directory for this process.
    ///
    /// # Errors
    /// When another server has it, or nothing can be written to it.
    pub fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.file(LOCK);
        let io = |source| failed(&path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(PRIVATE_FILE)
            .open(&path)
            .map_err(io)?;
        match try_patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut process = String::new();
                // Only for the sentence: whoever has it may not have written yet.
                let _ = file.take(64).read_to_string(&mut process);
                return Err(DataDirError::InUse {
                    path: self.0.clone(),
                    process: format!("process {}", process.trim()),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Lock(file))
    }

    /// Whether a server uses it at this moment.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        File::open(self.file(LOCK))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The process that uses it, as far as it has said.
    #[must_use]
    pub fn served_by(&self) -> Option<u32> {
        let process = fs::read_to_string(self.file(LOCK)).ok()?;
        process.trim().parse().ok().filter(|_| self.is_in_use())
    }

    /// Makes an empty file that only its owner may read, unless there is one.
    ///
    /// # Errors
    /// When that is not possible.
    pub fn make_private(&self, name: &str) -> Result<(), DataDirError> {
        let path = self.file(name);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path);
        match made {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(source) => Err(failed(&path, source)),
        }
    }

    /// Files of former versions, and of others' making, are closed too. The directory itself only if
    /// it is ours: somebody may have named a home directory by mistake.
    fn close_to_others(&self) -> Result<(), DataDirError> {
        let own = [DATABASE, TOKEN_KEY, RECORD_KEY, SIGNED_HEADS, LOCK];
        let tls = [TLS_ROOT, TLS_ROOT_KEY, ACME];
        for name in own.into_iter().chain(tls).chain(BESIDE_DATABASE) {
            close_file(&self.file(name));
        }
        let path = &self.0;
        let io = |source| failed(path, source);
        let mode = fs::metadata(path).map_err(io)?.permissions().mode();
        if mode & OTHERS == 0 {
            return Ok(());
        }
        let is_empty = fs::read_dir(path).map_err(io)?.next().is_none();
        if !is_empty && !self.file(DATABASE).exists() {
            warn!(directory = %path.display(), "others may list the data directory, in which there is something else: chmod 700 it");
            return Ok(());
        }
        if let Err(cause) = fs::set_permissions(path, Permissions::from_mode(PRIVATE_DIRECTORY)) {
            warn!(directory = %path.display(), %cause, "others may list the data directory: chmod 700 it");
        }
        Ok(())
    }
}

/// A command that only looks whether a server runs holds the lock for a moment.
fn try_patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            done => return done,
        }
    }
    file.try_lock()
}

fn close_file(path: &Path) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    if metadata.permissions().mode() & OTHERS == 0 {
        return;
    }
    if let Err(cause) = fs::set_permissions(path, Permissions::from_mode(PRIVATE_FILE)) {
        warn!(file = %path.display(), %cause, "others may read this file: chmod 600 it");
    }
}

/// Writes a file that only its owner may read. It appears whole or not at all, and is on the disk
/// when this returns.
///
/// # Errors
/// When that is not possible; then the former file, if any, is still there.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    // One of a crash may be there, with another mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(PRIVATE_FILE)
        .open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync_directory_of(path)
}

/// Makes sure that a name which was made or moved in the directory of `path` is on the disk.
///
/// # Errors
/// When the system cannot.
pub fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

fn failed(path: &Path, source: io::Error) -> DataDirError {
    DataDirError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_for_its_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDir::create(&parent.path().join("data")).unwrap();
        directory.make_private(DATABASE).unwrap();
        let _lock = directory.lock().unwrap();
        write_private(&directory.file(SIGNED_HEADS), b"{}").unwrap();
        assert_eq!(mode(directory.path()), 0o700);
        for name in [DATABASE, LOCK, SIGNED_HEADS] {
            assert_eq!(mode(&directory.file(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn what_a_former_version_left_open_is_closed() {
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), Permissions::from_mode(0o755)).unwrap();
        let database = parent.path().join(DATABASE);
        fs::write(&database, "").unwrap();
        fs::set_permissions(&database, Permissions::from_mode(0o644)).unwrap();
        DataDir::create(parent.path()).unwrap();
        assert_eq!((mode(parent.path()), mode(&database)), (0o700, 0o600));
    }

    #[test]
    fn a_directory_with_other_things_in_it_keeps_its_mode() {
        let parent = tempfile::tempdir().unwrap();
        fs::set_permissions(parent.path(), Permissions::from_mode(0o755)).unwrap();
        fs::write(parent.path().join("letters.txt"), "").unwrap();
        DataDir::create(parent.path()).unwrap();
        assert_eq!(mode(parent.path()), 0o755);
    }

    #[test]
    fn a_second_server_is_told_which_process_was_first() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDir::create(parent.path()).unwrap();
        assert!(!directory.is_in_use());
        let lock = directory.lock().unwrap();
        assert!(directory.is_in_use());
        let error = directory.lock().unwrap_err().to_string();
        assert_eq!(directory.served_by(), Some(std::process::id()));
        let process = format!("process {}", std::process::id());
        assert!(error.contains(&process), "{error}");
        assert!(
            error.contains(&parent.path().display().to_string()),
            "{error}"
        );
        drop(lock);
        assert!(directory.lock().is_ok());
    }

    #[test]
    fn where_there_are_no_data_none_are_made() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("dinh-data");
        let error = DataDir::existing(&path).unwrap_err();
        assert!(matches!(error, DataDirError::Missing(_)), "{error}");
        assert!(!path.exists());
    }
}

//! Where a database is.

use std::fmt;
use std::path::PathBuf;

use sqlx::postgres::PgConnectOptions;

/// The beginnings of the address of a database on a PostgreSQL server.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where a database is. It shows no password.
#[derive(Clone)]
pub enum Location {
    /// In a file, by SQLite.
    File(PathBuf),
    /// On a PostgreSQL server.
    Server(Box<PgConnectOptions>),
}

impl Location {
    /// A database on a PostgreSQL server.
    ///
    /// # Errors
    /// When `url` is no address of one; says what is wrong without repeating a password.
    pub fn server(url: &str) -> Result<Self, String> {
        if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            return Err("must begin with `postgres://`".to_owned());
        }
        let options: PgConnectOptions = url
            .parse()
            .map_err(|cause: sqlx::Error| format!("cannot be used: {cause}"))?;
        if options.get_database().is_none() {
            return Err("names no database, as `dinh` in `postgres://dinh@host/dinh`".to_owned());
        }
        Ok(Self::Server(Box::new(options)))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(options) => {
                let database = options.get_database().unwrap_or_default();
                match options.get_socket() {
                    Some(socket) => write!(f, "{database} at {}", socket.display()),
                    None => write!(
                        f,
                        "{database} at {}:{}",
                        options.get_host(),
                        options.get_port()
                    ),
                }
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_shown_without_its_password() {
        let location = Location::server("postgres://dinh:s3cret@db.example.vn/hop").unwrap();
        assert_eq!(location.to_string(), "hop at db.example.vn:5432");
        assert!(!format!("{location:?}").contains("s3cret"));
        let socket =
            Location::server("postgres://dinh@localhost/hop?host=/run/postgresql").unwrap();
        assert_eq!(socket.to_string(), "hop at /run/postgresql");
    }

    #[test]
    fn what_is_no_address_of_a_server_says_so_without_its_password() {
        for url in [
            "mysql://dinh:s3cret@db.example.vn/hop",
            "postgres://dinh:s3cret@db.example.vn:port/hop",
            "postgres://dinh:s3cret@db.example.vn/hop?sslmode=perhaps",
        ] {
            let problem = Location::server(url).unwrap_err();
            assert!(!problem.contains("s3cret"), "{problem}");
        }
    }
}

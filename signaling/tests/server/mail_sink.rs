//! An SMTP server that keeps what it is sent, and refuses what an address asks it to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// Mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) to: String,
    pub(crate) data: String,
    pub(crate) is_secure: bool,
}

/// How it wants to be spoken to.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// By whom it is known to be who it is, where it speaks TLS.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Whether that is from the start.
    pub(crate) at_once: bool,
    /// What `AUTH PLAIN` must say, where it asks for a password.
    pub(crate) password: Option<&'static str>,
}

/// See the module. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct MailSink {
    pub(crate) address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
    task: JoinHandle<()>,
}

impl MailSink {
    pub(crate) async fn start() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        Self::with(address, Manners::default()).await
    }

    pub(crate) async fn with(address: SocketAddr, manners: Manners) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&came);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manners.clone(), Arc::clone(&kept)));
            }
        });
        Self {
            address,
            came,
            task,
        }
    }

    /// What has come so far.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    /// Waits until so many mails have come.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Came> {
        let waiting = async {
            while self.came().len() < count {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = timeout(Duration::from_secs(60), waiting).await;
        assert!(
            waited.is_ok(),
            "{count} mails do not come: {:?}",
            self.came()
        );
        self.came()
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One client, which may go on inside TLS. One that does not want to is gone.
async fn serve(stream: TcpStream, manners: Manners, came: Arc<Mutex<Vec<Came>>>) {
    let mut talk = Talk {
        manners: &manners,
        came: &came,
        is_secure: false,
        is_known: manners.password.is_none(),
    };
    let mut greeting = "220 sink\r\n";
    let clear = match manners.at_once {
        true => stream,
        false => match talk.go_on(BufReader::new(stream), greeting).await {
            Some(stream) => {
                greeting = "";
                stream
            }
            None => return,
        },
    };
    if let Some(acceptor) = &manners.tls
        && let Ok(secure) = acceptor.accept(clear).await
    {
        talk.is_secure = true;
        talk.go_on(BufReader::new(secure), greeting).await;
    }
}

struct Talk<'t> {
    manners: &'t Manners,
    came: &'t Mutex<Vec<Came>>,
    is_secure: bool,
    is_known: bool,
}

impl Talk<'_> {
    /// RFC 5321. `refused@…` is no address here; `later@…` is taken with the second attempt only. The bare
    /// stream is left when TLS was asked for.
    async fn go_on<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut stream: BufReader<S>,
        greeting: &str,
    ) -> Option<S> {
        let mut to = String::new();
        stream.write_all(greeting.as_bytes()).await.ok()?;
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
            let command = line.trim_end().to_owned();
            line.clear();
            let answer = match command.get(..4).unwrap_or_default() {
                "EHLO" => self.hello(),
                "STAR" if self.manners.tls.is_some() => {
                    stream.write_all(b"220 go on\r\n").await.ok()?;
                    return Some(stream.into_inner());
                }
                "AUTH" => self.know(&command),
                "MAIL" if !self.is_known => "530 5.7.0 who are you".to_owned(),
                "RCPT" if command.contains("<refused@") => "550 5.1.1 no such address".to_owned(),
                "RCPT" if command.contains("<later@") && first_time(self.came, &command) => {
                    "450 4.2.0 greylisted, come again".to_owned()
                }
                "RCPT" => {
                    to = command;
                    "250 well".to_owned()
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await.ok()?;
                    let mail = Came {
                        to: std::mem::take(&mut to),
                        data: read_data(&mut stream).await,
                        is_secure: self.is_secure,
                    };
                    self.came.lock().unwrap().push(mail);
                    "250 taken".to_owned()
                }
                "QUIT" => return None,
                _ => "250 well".to_owned(),
            };
            let answer = format!("{answer}\r\n");
            stream.write_all(answer.as_bytes()).await.ok()?;
        }
        None
    }

    fn hello(&self) -> String {
        let mut lines = vec!["sink"];
        if self.manners.tls.is_some() && !self.is_secure {
            lines.push("STARTTLS");
        } else if self.manners.password.is_some() {
            lines.push("AUTH PLAIN");
        }
        let lines: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        lines + "250 8BITMIME"
    }

    fn know(&mut self, command: &str) -> String {
        self.is_known = command.strip_prefix("AUTH PLAIN ") == self.manners.password;
        match self.is_known {
            true => "235 2.7.0 welcome".to_owned(),
            false => "535 5.7.8 wrong password".to_owned(),
        }
    }
}

/// Whether an address was not asked for before; the asking itself is kept as a mail without data.
fn first_time(came: &Mutex<Vec<Came>>, command: &str) -> bool {
    let mut came = came.lock().unwrap();
    let is_first = came.iter().all(|mail| mail.to != command);
    if is_first {
        came.push(Came {
            to: command.to_owned(),
            data: String::new(),
            is_secure: false,
        });
    }
    is_first
}

async fn read_data(stream: &mut BufReader<impl AsyncRead + Unpin>) -> String {
    let mut data = String::new();
    loop {
        let before = data.len();
        let read = stream.read_line(&mut data).await;
        if read.is_err() || &data[before..] == ".\r\n" || data.len() == before {
            data.truncate(before);
            return data;
        }
    }
}

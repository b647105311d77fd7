//! An SMTP server that keeps what it is sent, and refuses what an address asks it to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Mail as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) to: String,
    pub(crate) data: String,
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
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let came = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&came);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
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

/// One client (RFC 5321). `refused@…` is no address here; `later@…` is taken with the second attempt only.
async fn serve(stream: TcpStream, came: Arc<Mutex<Vec<Came>>>) {
    let mut stream = BufReader::new(stream);
    let mut to = String::new();
    let _ = stream.write_all(b"220 sink\r\n").await;
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let command = line.trim_end().to_owned();
        line.clear();
        let answer = match command.get(..4).unwrap_or_default() {
            "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
            "RCPT" if command.contains("<refused@") => "550 5.1.1 no such address".to_owned(),
            "RCPT" if command.contains("<later@") && first_time(&came, &command) => {
                "450 4.2.0 greylisted, come again".to_owned()
            }
            "RCPT" => {
                to = command;
                "250 well".to_owned()
            }
            "DATA" => {
                let _ = stream.write_all(b"354 go on\r\n").await;
                let data = read_data(&mut stream).await;
                let mail = Came {
                    to: std::mem::take(&mut to),
                    data,
                };
                came.lock().unwrap().push(mail);
                "250 taken".to_owned()
            }
            "QUIT" => return,
            _ => "250 well".to_owned(),
        };
        let _ = stream.write_all(format!("{answer}\r\n").as_bytes()).await;
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
        });
    }
    is_first
}

async fn read_data(stream: &mut BufReader<TcpStream>) -> String {
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

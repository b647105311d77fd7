//! An SMTP server that keeps what it is sent, by `Message-ID`: what comes twice is seen.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long it thinks about each mail: so that there are always some under way when something goes wrong.
const THINKS: Duration = Duration::from_millis(4);

/// How often each mail has come.
type Came = Arc<Mutex<BTreeMap<String, usize>>>;

pub(crate) struct Mailbox {
    address: SocketAddr,
    came: Came,
}

impl Mailbox {
    /// It ends with the test.
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, came) = (listener.local_addr().unwrap(), Came::default());
        let kept = Arc::clone(&came);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let came = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, &came));
            }
        });
        Self { address, came }
    }

    /// What makes a server send its mail here.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DINH_MAIL__HOST", self.address.ip().to_string()),
            ("DINH_MAIL__PORT", self.address.port().to_string()),
            ("DINH_MAIL__TLS", "none".to_owned()),
            ("DINH_MAIL__FROM", "Văn phòng <hop@example.vn>".to_owned()),
            ("DINH_MAIL__PER_MINUTE", "60000".to_owned()),
        ]
    }

    /// How often each mail has come, by its id.
    pub(crate) fn came(&self) -> BTreeMap<String, usize> {
        self.came.lock().unwrap().clone()
    }
}

/// One client, until it is gone.
fn serve(stream: TcpStream, came: &Came) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    answers.write_all(b"220 mailbox\r\n").ok()?;
    while let Some(command) = lines.next() {
        let answer = match command.get(..4).unwrap_or_default() {
            "EHLO" => "250 mailbox",
            "DATA" => {
                answers.write_all(b"354 go on\r\n").ok()?;
                let mail: Vec<_> = lines.by_ref().take_while(|line| line != ".").collect();
                std::thread::sleep(THINKS);
                let id = mail.iter().find_map(|line| message_id(line));
                *came.lock().unwrap().entry(id?).or_default() += 1;
                "250 taken"
            }
            "QUIT" => return None,
            _ => "250 well",
        };
        answers.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
    }
    None
}

/// `Message-ID: <01J…@example.vn>` → `01J…`.
fn message_id(line: &str) -> Option<String> {
    let id = line.strip_prefix("Message-ID: <")?;
    id.split('@').next().map(str::to_owned)
}

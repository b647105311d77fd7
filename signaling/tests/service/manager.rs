//! A service manager that listens on a socket, as `sd_notify(3)` says.

use std::os::unix::net::UnixDatagram;

use crate::process::{PATIENCE, Service};

struct Manager(UnixDatagram);

impl Manager {
    /// Reads until a line is heard, and gives back all lines up to the end of its message.
    fn hear(&self, wanted: &str) -> Vec<String> {
        let mut heard = Vec::new();
        let mut buffer = [0; 4_096];
        while !heard.iter().any(|line| line == wanted) {
            let length = self.0.recv(&mut buffer);
            let length = length.unwrap_or_else(|error| panic!("no {wanted}: {error}; {heard:?}"));
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            heard.extend(text.lines().map(str::to_owned));
        }
        heard
    }
}

#[test]
fn a_service_manager_hears_of_readiness_of_life_and_of_the_stop() {
    let mut service = Service::new();
    let socket = service.path("notify");
    let manager = Manager(UnixDatagram::bind(&socket).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    service.start(&[("NOTIFY_SOCKET", &socket)]);
    let start = manager.hear("READY=1");
    assert!(start.contains(&"STATUS=serving".to_owned()), "{start:?}");
    manager.hear("WATCHDOG=1");
    service.signal("TERM");
    let stop = manager.hear("STOPPING=1");
    assert!(stop.contains(&"STATUS=stopping".to_owned()), "{stop:?}");
    assert!(service.wait().success(), "{}", service.log());
}

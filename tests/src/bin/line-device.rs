//! `line-device NEAR FAR`: makes two network interfaces with these names and carries packets between
//! them as over a bad line.
//!
//! Whoever started it moves one of them to another network namespace and gives both their addresses.
//! A line of JSON on standard input says what the line is to be like from then on, for instance
//! `{"down": {"kbps": 400, "queue": "500ms", "delay": "100ms"}, "up": {"loss_percent": 5}}`; the keys
//! are those of `[[line]]` in scenario files. Each quarter of a second a line of JSON on standard
//! output says what was counted. It ends, and the interfaces with it, when its input does.
#![expect(
    clippy::indexing_slicing,
    reason = "what is read is no longer than what it is read into"
)]

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tappers::{Interface, Tun};
use tests::device::{Command, Device, End};

/// Time between two reports.
const REPORT: Duration = Duration::from_millis(250);

/// Packets taken from one interface before the other is looked at.
const BATCH: usize = 64;

/// Longest packet: that of an interface, and more than is ever set here.
const LONGEST: usize = 4_096;

/// Longest command. Whoever writes a longer one gets no line.
const LONGEST_COMMAND: usize = 4_096;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let ended = match names.as_slice() {
        [near, far] => run(near, far),
        _ => Err(io::Error::other("usage: line-device NEAR FAR")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The last word; if nobody reads it there is nobody to tell.
            let _ = writeln!(io::stderr(), "line-device: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(near: &str, far: &str) -> io::Result<()> {
    let near = open(near)?;
    let far = open(far)?;
    let mut device = Device::new(Instant::now(), rand::random());
    let mut typed = Vec::new();
    let mut report = Instant::now();
    loop {
        let now = Instant::now();
        if now >= report {
            report = now + REPORT;
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &device.report(now))?;
            writeln!(out)?;
        }
        let due = device.poll_timeout().map_or(report, |due| due.min(report));
        if wait(&near, &far, due)? && !obey(&mut device, &mut typed)? {
            return Ok(());
        }
        take_in(&mut device, &near, End::Near);
        take_in(&mut device, &far, End::Far);
        device.serve(Instant::now(), |end, packet| {
            let out = match end {
                End::Near => &near,
                End::Far => &far,
            };
            // An interface that is down, or not there yet, loses what is sent to it.
            let _ = out.send(packet);
        });
    }
}

fn open(name: &str) -> io::Result<Tun> {
    let named = |error: io::Error| io::Error::new(error.kind(), format!("{name}: {error}"));
    let interface = Interface::new(name).map_err(named)?;
    let mut tun = Tun::new_named(interface).map_err(named)?;
    tun.set_nonblocking(true).map_err(named)?;
    Ok(tun)
}

/// Waits until something can be read or `due` has come. Returns whether there is a command.
fn wait(near: &Tun, far: &Tun, due: Instant) -> io::Result<bool> {
    let left = due.saturating_duration_since(Instant::now());
    let stdin = io::stdin();
    let mut ends = [
        PollFd::new(near, PollFlags::IN),
        PollFd::new(far, PollFlags::IN),
        PollFd::new(&stdin, PollFlags::IN),
    ];
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    poll(&mut ends, Some(&left))?;
    Ok(!ends[2].revents().is_empty())
}

/// Reads what was typed and does it. Returns `false` at the end of the input.
fn obey(device: &mut Device, typed: &mut Vec<u8>) -> io::Result<bool> {
    let mut read = [0; 512];
    let length = rustix::io::read(io::stdin(), &mut read)?;
    typed.extend_from_slice(&read[..length]);
    while let Some(end) = typed.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = typed.drain(..=end).collect();
        let link = Command::parse(&String::from_utf8_lossy(&line)).map_err(io::Error::other)?;
        device.set(Instant::now(), link);
    }
    if typed.len() > LONGEST_COMMAND {
        return Err(io::Error::other("a command is too long"));
    }
    Ok(length > 0)
}

fn take_in(device: &mut Device, tun: &Tun, end: End) {
    let mut packet = [0; LONGEST];
    for _ in 0..BATCH {
        let Ok(length) = tun.recv(&mut packet) else {
            return;
        };
        device.push(Instant::now(), end, &packet[..length]);
    }
}

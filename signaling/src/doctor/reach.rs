//! Reaching the media ports of a server from here, and how the line is.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sfu::peer::ice::client::Filling;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout};

use super::carrier::Carrier;
use super::echo::Echo;
use super::line::{Answered, LENGTHS, Trip};

/// Longest that an answer is waited for. Higher: a line of seconds is not taken for a blocked one.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often each address is asked until one answers.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Most that is read at once.
const READ_BYTES: usize = 4_096;

/// Small requests, to see what is lost and how long it takes: 40 kbit/s for two seconds.
const FEW: (u32, Duration) = (100, Duration::from_millis(20));

/// Long ones, to see what the line carries: 2 Mbit/s for six tenths of a second. The server answers a
/// few more at once.
const MANY: (u32, Duration) = (120, Duration::from_millis(5));

/// Bytes of each of these, and with the headers of UDP and IPv4. Those of TCP are about as long.
const LONG: usize = 1_200;
pub(super) const LONG_ON_THE_WAY: usize = LONG + 28;

/// How often each length is tried, and at what pace: 200 kbit/s.
const TRIES: (u32, Duration) = (4, Duration::from_millis(50));

/// Asks all of these, and the address by which the pages are reached at their ports; the first that
/// answers counts, one that clients are told before any other.
pub(super) async fn udp(echo: &mut Echo, told: &[SocketAddr], pages: IpAddr) -> Answered {
    let mut beside: Vec<_> = told
        .iter()
        .map(|at| SocketAddr::new(pages, at.port()))
        .collect();
    beside.retain(|at| !told.contains(at));
    beside.dedup();
    let all: Vec<_> = told.iter().chain(&beside).copied().collect();
    let mut found = None;
    let until = Instant::now() + PATIENCE;
    let sockets = (bind(true).await, bind(false).await);
    let mut next = Instant::now();
    let mut buffers = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
    while Instant::now() < until {
        let wake = next.min(until);
        let received = tokio::select! {
            () = sleep_until(wake) => None,
            one = receive(sockets.0.as_ref(), &mut buffers.0) => one,
            one = receive(sockets.1.as_ref(), &mut buffers.1) => one,
        };
        if let Some((datagram, from)) = received
            && echo.answered(&datagram).is_some()
        {
            let from = SocketAddr::new(from.ip().to_canonical(), from.port());
            if told.contains(&from) {
                return Answered::Told(from);
            }
            found.get_or_insert(from);
        }
        if next <= Instant::now() {
            // Another answer may be on its way, but not for so long.
            if found.is_some() && until.duration_since(Instant::now()) < PATIENCE / 2 {
                break;
            }
            next = Instant::now() + ASK_EVERY;
            for at in &all {
                let socket = if at.is_ipv4() { &sockets.0 } else { &sockets.1 };
                let (_, request) = echo.request(None);
                if let Some(socket) = socket {
                    // What cannot be sent does not arrive.
                    let _ = socket.send_to(&request, at).await;
                }
            }
        }
    }
    found.map_or(Answered::Nowhere, Answered::Beside)
}

async fn bind(is_ipv4: bool) -> Option<UdpSocket> {
    let any = if is_ipv4 { "0.0.0.0:0" } else { "[::]:0" };
    UdpSocket::bind(any).await.ok()
}

/// The next datagram; never, without a socket.
async fn receive(socket: Option<&UdpSocket>, buffer: &mut [u8]) -> Option<(Vec<u8>, SocketAddr)> {
    let Some(socket) = socket else {
        return std::future::pending().await;
    };
    let (length, from) = socket.recv_from(buffer).await.ok()?;
    Some((buffer.get(..length)?.to_vec(), from))
}

/// Whether the media plane answers by a way that is being opened: in what time, the opening included.
pub(super) async fn answers(
    opening: impl Future<Output = Result<Carrier, String>>,
    echo: &mut Echo,
) -> Result<Duration, String> {
    let start = Instant::now();
    let asking = async {
        let mut carrier = opening.await?;
        let (_, request) = echo.request(None);
        carrier.send(&request).await;
        loop {
            if echo.answered(&carrier.next().await?).is_some() {
                return Ok(start.elapsed());
            }
        }
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

/// Small requests, one after another.
pub(super) async fn few(carrier: &mut Carrier, echo: &mut Echo) -> Vec<Trip> {
    ask(carrier, echo, FEW, |_| None).await
}

/// Long requests, with short answers.
pub(super) async fn there(carrier: &mut Carrier, echo: &mut Echo) -> Vec<Trip> {
    let filling = Some(Filling::There(echo.filling(LONG)));
    ask(carrier, echo, MANY, |_| filling).await
}

/// Long requests, with answers as long.
pub(super) async fn there_and_back(carrier: &mut Carrier, echo: &mut Echo) -> Vec<Trip> {
    let filling = Some(Filling::ThereAndBack(echo.filling(LONG)));
    ask(carrier, echo, MANY, |_| filling).await
}

/// Which lengths pass there and back; `None` where a message is no packet.
pub(super) async fn lengths(carrier: &mut Carrier, echo: &mut Echo) -> Option<Vec<(u16, bool)>> {
    let headers = carrier.headers()?;
    let fillings: Vec<_> = LENGTHS
        .iter()
        .map(|length| echo.filling(usize::from(*length).saturating_sub(headers)))
        .map(Filling::ThereAndBack)
        .collect();
    let count = u32::try_from(LENGTHS.len()).unwrap_or_default();
    let of = |number: u32| fillings.get((number % count) as usize).copied();
    let trips = ask(carrier, echo, (count * TRIES.0, TRIES.1), of).await;
    let passes = |index: usize| {
        let mut tries = trips.iter().skip(index).step_by(LENGTHS.len());
        tries.any(|trip| trip.back.is_some())
    };
    let all = LENGTHS.iter().enumerate();
    Some(
        all.map(|(index, length)| (*length, passes(index)))
            .collect(),
    )
}

/// Sends so many requests at this pace, and waits for their answers.
async fn ask(
    carrier: &mut Carrier,
    echo: &mut Echo,
    (count, every): (u32, Duration),
    filling: impl Fn(u32) -> Option<Filling>,
) -> Vec<Trip> {
    let start = Instant::now();
    let mut trips: Vec<Trip> = Vec::new();
    let mut first = None;
    let mut sent = 0;
    loop {
        let is_last = sent == count;
        let rest = if is_last {
            PATIENCE / 2
        } else {
            Duration::ZERO
        };
        tokio::select! {
            received = carrier.next() => {
                let Ok(message) = received else {
                    return trips;
                };
                let number = echo.answered(&message).zip(first);
                let index = number.and_then(|(it, first)| usize::try_from(it.checked_sub(first)?).ok());
                if let Some(trip) = index.and_then(|index| trips.get_mut(index)) {
                    trip.back.get_or_insert_with(|| start.elapsed());
                }
                if is_last && trips.iter().all(|trip| trip.back.is_some()) {
                    return trips;
                }
            }
            () = sleep_until(start + every * sent + rest) => {
                if is_last {
                    return trips;
                }
                let (number, request) = echo.request(filling(sent));
                first.get_or_insert(number);
                trips.push(Trip { sent: start.elapsed(), back: None });
                carrier.send(&request).await;
                sent += 1;
            }
        }
    }
}

fn silent() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

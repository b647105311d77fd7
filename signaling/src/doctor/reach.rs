//! Reaching the media ports of a server from here: UDP, ICE-TCP and TURN, and how the line is.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sfu::peer::ice::client::Filling;
use sfu::turn::relay::Relay;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, sleep_until, timeout};

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

/// Bytes of each of these, and with the headers of UDP and IPv4.
const LONG: usize = 1_200;
pub(super) const LONG_ON_THE_WAY: usize = LONG + 28;

/// How often each length is tried, and at what pace: 200 kbit/s.
const TRIES: (u32, Duration) = (4, Duration::from_millis(50));

/// A line that carries bytes both ways.
pub(super) trait Line: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

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

/// A way by UDP to one address, on which packets are not cut up.
pub(super) struct Path {
    socket: UdpSocket,
    /// Bytes of the headers in front of a datagram.
    headers: usize,
}

impl Path {
    pub(super) async fn open(to: SocketAddr) -> std::io::Result<Self> {
        let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
        socket.connect(to).await?;
        whole(&socket, to.is_ipv4());
        Ok(Self {
            socket,
            headers: if to.is_ipv4() { 28 } else { 48 },
        })
    }

    /// Small requests, one after another.
    pub(super) async fn few(&self, echo: &mut Echo) -> Vec<Trip> {
        self.ask(echo, FEW, |_| None).await
    }

    /// Long requests, with short answers.
    pub(super) async fn there(&self, echo: &mut Echo) -> Vec<Trip> {
        let filling = Some(Filling::There(echo.filling(LONG)));
        self.ask(echo, MANY, |_| filling).await
    }

    /// Long requests, with answers as long.
    pub(super) async fn there_and_back(&self, echo: &mut Echo) -> Vec<Trip> {
        let filling = Some(Filling::ThereAndBack(echo.filling(LONG)));
        self.ask(echo, MANY, |_| filling).await
    }

    /// Which lengths pass there and back.
    pub(super) async fn lengths(&self, echo: &mut Echo) -> Vec<(u16, bool)> {
        let fillings: Vec<_> = LENGTHS
            .iter()
            .map(|length| echo.filling(usize::from(*length).saturating_sub(self.headers)))
            .map(Filling::ThereAndBack)
            .collect();
        let count = u32::try_from(LENGTHS.len()).unwrap_or_default();
        let of = |number: u32| fillings.get((number % count) as usize).copied();
        let trips = self.ask(echo, (count * TRIES.0, TRIES.1), of).await;
        let passes = |index: usize| {
            let mut tries = trips.iter().skip(index).step_by(LENGTHS.len());
            tries.any(|trip| trip.back.is_some())
        };
        let all = LENGTHS.iter().enumerate();
        all.map(|(index, length)| (*length, passes(index)))
            .collect()
    }

    /// Sends so many requests at this pace, and waits for their answers.
    async fn ask(
        &self,
        echo: &mut Echo,
        (count, every): (u32, Duration),
        filling: impl Fn(u32) -> Option<Filling>,
    ) -> Vec<Trip> {
        let start = Instant::now();
        let mut trips = Vec::new();
        let mut first = None;
        let mut buffer = vec![0; READ_BYTES];
        let mut sent = 0;
        loop {
            let is_last = sent == count;
            let due = start
                + every * sent
                + if is_last {
                    PATIENCE / 2
                } else {
                    Duration::ZERO
                };
            tokio::select! {
                received = self.socket.recv(&mut buffer) => {
                    let datagram = received.ok().and_then(|length| buffer.get(..length));
                    let number = datagram.and_then(|datagram| echo.answered(datagram));
                    let index = number.zip(first).and_then(|(it, first)| usize::try_from(it.checked_sub(first)?).ok());
                    if let Some(trip) = index.and_then(|index| trips.get_mut(index)) {
                        let trip: &mut Trip = trip;
                        trip.back.get_or_insert_with(|| start.elapsed());
                    }
                    if is_last && trips.iter().all(|trip| trip.back.is_some()) {
                        return trips;
                    }
                }
                () = sleep_until(due) => {
                    if is_last {
                        return trips;
                    }
                    let (number, request) = echo.request(filling(sent));
                    first.get_or_insert(number);
                    trips.push(Trip { sent: start.elapsed(), back: None });
                    // What cannot be sent, as it is too long, does not arrive.
                    let _ = self.socket.send(&request).await;
                    sent += 1;
                }
            }
        }
    }
}

/// From now on packets that are too long on the way are lost instead of cut up.
#[cfg(target_os = "linux")]
fn whole(socket: &UdpSocket, is_ipv4: bool) {
    use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
    // Where the system refuses, long packets pass in pieces, and nothing else is different.
    let _ = if is_ipv4 {
        sockopt::set_ip_mtu_discover(socket, Ipv4PathMtuDiscovery::PROBE)
    } else {
        sockopt::set_ipv6_mtu_discover(socket, Ipv6PathMtuDiscovery::PROBE)
    };
}

#[cfg(not(target_os = "linux"))]
const fn whole(_: &UdpSocket, _: bool) {}

/// Whether a media port answers by ICE-TCP: in what time.
pub(super) async fn tcp(echo: &mut Echo, at: SocketAddr) -> Result<Duration, String> {
    let start = Instant::now();
    let asking = async {
        let mut stream = TcpStream::connect(at).await?;
        let (_, request) = echo.request(None);
        // RFC 4571: the length in front of each message.
        let length = u16::try_from(request.len()).unwrap_or(u16::MAX);
        stream
            .write_all(&[&length.to_be_bytes()[..], &request].concat())
            .await?;
        loop {
            let length = stream.read_u16().await?;
            let mut message = vec![0; usize::from(length)];
            stream.read_exact(&mut message).await?;
            if echo.answered(&message).is_some() {
                return Ok::<_, std::io::Error>(start.elapsed());
            }
        }
    };
    match timeout(PATIENCE, asking).await {
        Ok(answered) => answered.map_err(|cause| cause.to_string()),
        Err(_) => Err(silent()),
    }
}

/// Whether a media port answers by TURN over this line: in what time.
pub(super) async fn turn(
    echo: &mut Echo,
    mut relay: Relay,
    line: &mut Box<dyn Line>,
) -> Result<Duration, String> {
    let start = Instant::now();
    let asking = async {
        let mut out = Vec::new();
        relay.begin(&mut out);
        let (mut buffer, mut has_asked) = (vec![0; READ_BYTES], false);
        loop {
            if relay.is_open() && !has_asked {
                has_asked = true;
                Relay::put(&echo.request(None).1, &mut out);
            }
            let written = line.write_all(&out).await;
            written.map_err(|cause| cause.to_string())?;
            out.clear();
            let length = line.read(&mut buffer).await;
            let length = length.map_err(|cause| cause.to_string())?;
            if length == 0 {
                return Err("the connection was closed".to_owned());
            }
            let mut is_answered = false;
            let read = buffer.get(..length).unwrap_or_default();
            let taken = relay.take(Instant::now().into_std(), read, &mut out, |datagram| {
                is_answered |= echo.answered(datagram).is_some();
            });
            taken.map_err(|cause| cause.to_string())?;
            if is_answered {
                return Ok(start.elapsed());
            }
        }
    };
    timeout(PATIENCE, asking)
        .await
        .unwrap_or_else(|_| Err(silent()))
}

fn silent() -> String {
    format!("no answer within {} s", PATIENCE.as_secs())
}

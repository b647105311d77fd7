//! Asking a time server by how much this clock is ahead of it (SNTP, RFC 4330).

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::{Finding, judge};

/// Bytes of a request, and of an answer without extensions.
const LENGTH: usize = 48;

/// Seconds from the beginning of its time, 1900, to that of Unix.
const UNIX: i64 = 2_208_988_800;

/// Of the first half of its numbers it is taken that they count from 2036.
const ERA: i64 = 1 << 32;

/// Longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Version 4, of a client (RFC 4330 §4).
const CLIENT: u8 = 4 << 3 | 3;

/// What a server says of itself in the same place.
const SERVER: u8 = 4;

/// Strata of servers that know the time.
const STRATA: std::ops::RangeInclusive<u8> = 1..=15;

/// The clock of this machine beside that of a time server.
pub(crate) async fn clock(server: &str) -> Finding {
    match timeout(PATIENCE, ask(server)).await {
        Ok(Ok((ahead, trip))) => judge::clock(ahead, trip / 2),
        Ok(Err(cause)) => Finding::skipped("clock", format!("{server}: {cause}")),
        Err(_) => Finding::skipped(
            "clock",
            format!("{server}: no answer within {} s", PATIENCE.as_secs()),
        ),
    }
}

async fn ask(server: &str) -> std::io::Result<(SignedDuration, SignedDuration)> {
    let senseless = || std::io::Error::other("what answers does not know the time");
    let mut found = tokio::net::lookup_host((server, 123)).await?;
    let at = found.next().ok_or_else(senseless)?;
    let any = if at.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(at).await?;
    let sent = Timestamp::now();
    let request = request(sent);
    socket.send(&request).await?;
    let mut answer = [0; LENGTH];
    socket.recv(&mut answer).await?;
    let came = Timestamp::now();
    let ahead = ahead(&answer, &request, sent, came).ok_or_else(senseless)?;
    Ok((ahead, sent.duration_until(came)))
}

fn request(now: Timestamp) -> [u8; LENGTH] {
    let mut request = [0; LENGTH];
    let seconds = u32::try_from((now.as_second() + UNIX).rem_euclid(ERA)).unwrap_or_default();
    let nanos = u64::from(now.subsec_nanosecond().unsigned_abs());
    let fraction = u32::try_from((nanos << 32) / 1_000_000_000).unwrap_or_default();
    let stamp = seconds
        .to_be_bytes()
        .into_iter()
        .chain(fraction.to_be_bytes());
    let head = [CLIENT].into_iter().chain([0; 39]);
    request
        .iter_mut()
        .zip(head.chain(stamp))
        .for_each(|(to, byte)| *to = byte);
    request
}

/// By how much this clock is ahead: the mean of what it seems on the way there and on the way back.
fn ahead(
    answer: &[u8; LENGTH],
    request: &[u8; LENGTH],
    sent: Timestamp,
    came: Timestamp,
) -> Option<SignedDuration> {
    let is_answer = answer.first()? & 7 == SERVER
        && STRATA.contains(answer.get(1)?)
        && answer.get(24..32)? == request.get(40..48)?;
    if !is_answer {
        return None;
    }
    let [received, left] = [stamp(answer, 32)?, stamp(answer, 40)?];
    let (there, back) = (received.duration_until(sent), left.duration_until(came));
    Some((there + back) / 2)
}

fn stamp(answer: &[u8; LENGTH], at: usize) -> Option<Timestamp> {
    let seconds = u32::from_be_bytes(*answer.get(at..)?.first_chunk()?);
    let fraction = u32::from_be_bytes(*answer.get(at + 4..)?.first_chunk()?);
    let era = if seconds < 1 << 31 { ERA } else { 0 };
    let nanos = (u64::from(fraction) * 1_000_000_000) >> 32;
    let nanos = i32::try_from(nanos).ok()?;
    Timestamp::new(i64::from(seconds) + era - UNIX, nanos).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a server whose clock says this when the request comes, and answers at once.
    fn answer(request: &[u8; LENGTH], now: Timestamp) -> [u8; LENGTH] {
        let mut answer = [0; LENGTH];
        answer[0] = 4 << 3 | SERVER;
        answer[1] = 2;
        answer[24..32].copy_from_slice(&request[40..48]);
        let stamps = super::request(now);
        answer[32..40].copy_from_slice(&stamps[40..48]);
        answer[40..48].copy_from_slice(&stamps[40..48]);
        answer
    }

    #[test]
    fn the_way_there_and_back_is_taken_out_of_what_the_clocks_differ_by() {
        for year in ["2026-11-26T10:00:00Z", "2040-01-01T00:00:00Z"] {
            let sent: Timestamp = year.parse().unwrap();
            let came = sent + Duration::from_millis(80);
            let right = sent - Duration::from_secs(7) + Duration::from_millis(40);
            let request = request(sent);
            let ahead = ahead(&answer(&request, right), &request, sent, came).unwrap();
            let off = (ahead - SignedDuration::from_secs(7)).abs();
            assert!(off < SignedDuration::from_millis(1), "{ahead}");
        }
    }

    #[test]
    fn an_answer_to_another_question_or_of_one_who_does_not_know_is_none() {
        let now: Timestamp = "2026-11-26T10:00:00Z".parse().unwrap();
        let request = request(now);
        let mut other = answer(&request, now);
        other[31] ^= 1;
        assert_eq!(ahead(&other, &request, now, now), None);
        let mut unsure = answer(&request, now);
        unsure[1] = 0;
        assert_eq!(ahead(&unsure, &request, now, now), None);
    }
}

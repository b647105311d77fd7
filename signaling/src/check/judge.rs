//! Judging what a page has measured: each step by itself, and what is in the way. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cause::{Call, Cause, Colour, Step};
use super::offer::Means;

/// Least rate at which sound comes through, in kilobits per second.
const LEAST_RATE: u32 = 64;

/// Rates below which pictures are small or stand still: what a site is sent at most takes three times as
/// much, and what it sends when it speaks as much again.
const LITTLE_DOWN: u32 = 600;

/// See above.
const LITTLE_UP: u32 = 300;

/// From which round trip on talking to each other is hard, in milliseconds.
const LONG_TRIP: u32 = 400;

/// From which jitter on sound is late or has gaps, in milliseconds.
const MUCH_JITTER: u32 = 100;

/// Share of packets lost, in percent, from which pictures suffer. What is asked for again covers less.
const SOME_LOSS: f64 = 3.0;

/// And from which nothing of what is said can be followed.
const HIGH_LOSS: f64 = 15.0;

/// How far a clock may be off before anything is refused for it, in milliseconds.
const CLOCK_WRONG_MS: u64 = 45_000;

/// Share of the pictures that were sent which this computer must show, in percent.
const LEAST_SHOWN: f64 = 60.0;

/// Longest name of a browser that is kept, in characters.
const MAX_BROWSER_CHARS: usize = 64;

/// How a camera was found.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Camera {
    /// It works.
    Works,
    /// There is none.
    None,
    /// The browser was told to keep it from this page.
    Denied,
    /// Another program has it.
    Busy,
}

/// How a microphone was found.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Microphone {
    /// It works.
    Works,
    /// There is none.
    None,
    /// The browser was told to keep it from this page.
    Denied,
    /// Another program has it.
    Busy,
    /// It gives no sound at all.
    Silent,
}

/// How a loudspeaker was found.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Loudspeaker {
    /// Somebody has heard it.
    Works,
    /// Somebody has not.
    Unheard,
}

/// What a page has measured. What is not there was not looked at.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Measured {
    /// By how many milliseconds the clock there is ahead of the server's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// A WebSocket opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web_socket: Option<bool>,
    /// A connection came about by UDP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<bool>,
    /// By UDP, at the address by which the page was reached, where it came about at none that clients are
    /// told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<bool>,
    /// By ICE-TCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<bool>,
    /// By TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<bool>,
    /// By which of them the rest was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<Means>,
    /// What the line carried to the server, at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_kilobits_per_second: Option<u32>,
    /// And from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub down_kilobits_per_second: Option<u32>,
    /// Time there and back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<u32>,
    /// How unevenly packets came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// Share of the packets lost on the way to the server, in percent, while little was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub loss_up_percent: Option<f64>,
    /// And from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 100)]
    pub loss_down_percent: Option<f64>,
    /// How the camera was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<Camera>,
    /// How the microphone was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microphone: Option<Microphone>,
    /// How the loudspeaker was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loudspeaker: Option<Loudspeaker>,
    /// A picture was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decodes: Option<bool>,
    /// Pictures shown in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_per_second: Option<f64>,
    /// Pictures that arrived whole in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames_received_per_second: Option<f64>,
    /// The page was opened in a way in which camera and microphone are to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_secure: Option<bool>,
    /// The browser can take part in conferences at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_web_rtc: Option<bool>,
    /// Which browser it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 64)]
    pub browser: Option<String>,
    /// It is older than those that work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_browser_too_old: Option<bool>,
}

/// How one step turned out.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// Which.
    pub step: Step,
    /// How it turned out.
    pub colour: Colour,
    /// What is in the way, if anything is.
    pub cause: Option<Cause>,
}

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Judgement {
    /// What is in the way, or that nothing is.
    pub cause: Cause,
    /// Every step that was looked at.
    pub steps: Vec<StepResult>,
}

impl Measured {
    /// What there is no sense in.
    ///
    /// # Errors
    /// With a sentence that says which value is wrong.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("lossUpPercent", self.loss_up_percent),
            ("lossDownPercent", self.loss_down_percent),
        ];
        for (name, share) in shares {
            if share.is_some_and(|share| !(0.0..=100.0).contains(&share)) {
                return Err(format!("{name} must be 0 to 100"));
            }
        }
        let frames = [
            ("framesPerSecond", self.frames_per_second),
            ("framesReceivedPerSecond", self.frames_received_per_second),
        ];
        for (name, rate) in frames {
            if rate.is_some_and(|rate| !(0.0..=1_000.0).contains(&rate)) {
                return Err(format!("{name} must be 0 to 1000"));
            }
        }
        let browser = self.browser.as_deref().unwrap_or_default();
        if browser.chars().count() > MAX_BROWSER_CHARS || browser.chars().any(char::is_control) {
            return Err(format!(
                "browser must be a line of at most {MAX_BROWSER_CHARS} characters"
            ));
        }
        Ok(())
    }
}

/// What is in the way, and how each step turned out.
#[must_use]
pub fn judge(measured: &Measured) -> Judgement {
    let looks = [
        (Step::Browser, browser(measured)),
        (Step::Tls, measured.is_secure.map(page)),
        (Step::Clock, measured.clock_offset_ms.map(clock)),
        (
            Step::WebSocket,
            measured
                .web_socket
                .map(|opens| (!opens).then_some(Cause::WebSocketBlocked)),
        ),
        (Step::Udp, udp(measured)),
        (
            Step::IceTcp,
            means(measured, measured.tcp, Cause::TcpBlocked),
        ),
        (
            Step::Turns,
            means(measured, measured.turn, Cause::TurnsBlocked),
        ),
        (
            Step::RoundTrip,
            round_trip(measured.round_trip_ms, measured.jitter_ms),
        ),
        (
            Step::Loss,
            loss([measured.loss_up_percent, measured.loss_down_percent]),
        ),
        (
            Step::Rate,
            rate(
                measured.up_kilobits_per_second,
                measured.down_kilobits_per_second,
            ),
        ),
        (Step::Devices, devices(measured)),
        (Step::Decode, decode(measured)),
    ];
    let steps: Vec<_> = looks
        .into_iter()
        .filter_map(|(step, look)| Some(StepResult::of(step, look?)))
        .collect();
    let causes = steps.iter().filter_map(|step| step.cause);
    Judgement {
        cause: Cause::worst(causes).unwrap_or(Cause::AllGood),
        steps,
    }
}

impl StepResult {
    fn of(step: Step, cause: Option<Cause>) -> Self {
        Self {
            step,
            colour: cause.map_or(Colour::Green, Cause::colour),
            cause,
        }
    }
}

impl Judgement {
    /// And what is amiss at the server itself.
    #[must_use]
    pub fn with(mut self, amiss: &[Cause]) -> Self {
        for cause in amiss {
            self.steps.retain(|known| known.step != cause.step());
        }
        let more = amiss.iter();
        self.steps
            .extend(more.map(|cause| StepResult::of(cause.step(), Some(*cause))));
        let causes = self.steps.iter().filter_map(|step| step.cause);
        self.cause = Cause::worst(causes).unwrap_or(Cause::AllGood);
        self
    }

    /// Who can do something about it.
    #[must_use]
    pub const fn call(&self) -> Call {
        self.cause.call()
    }
}

/// What was looked at, and what is in the way, if anything is. `None` for what was not looked at.
pub type Look = Option<Option<Cause>>;

const fn page(is_secure: bool) -> Option<Cause> {
    if is_secure {
        None
    } else {
        Some(Cause::PageInsecure)
    }
}

fn browser(measured: &Measured) -> Look {
    match (measured.has_web_rtc, measured.is_browser_too_old) {
        (None, None) => None,
        (Some(false), _) => Some(Some(Cause::NoWebRtc)),
        (_, Some(true)) => Some(Some(Cause::BrowserTooOld)),
        _ => Some(None),
    }
}

const fn clock(ahead_ms: i64) -> Option<Cause> {
    if ahead_ms.unsigned_abs() > CLOCK_WRONG_MS {
        Some(Cause::ClockWrong)
    } else {
        None
    }
}

/// Where UDP reaches the server and not what clients are told, it is not blocked.
fn udp(measured: &Measured) -> Look {
    match (measured.udp, measured.beside) {
        (Some(false), Some(true)) => Some(Some(Cause::AdvertiseWrong)),
        (udp, _) => means(measured, udp, Cause::UdpBlocked),
    }
}

/// Where none passes, it is not one of them that is to be let through.
fn means(measured: &Measured, passes: Option<bool>, otherwise: Cause) -> Look {
    let all = [measured.udp, measured.tcp, measured.turn];
    let blocked = if all.contains(&Some(true)) {
        otherwise
    } else {
        Cause::MediaBlocked
    };
    passes.map(|passes| (!passes).then_some(blocked))
}

/// How long it takes there and back, and how evenly.
#[must_use]
pub fn round_trip(trip_ms: Option<u32>, jitter_ms: Option<u32>) -> Look {
    let trip = trip_ms.map(|trip| (trip >= LONG_TRIP).then_some(Cause::RoundTripLong));
    let jitter = jitter_ms.map(|jitter| (jitter >= MUCH_JITTER).then_some(Cause::JitterHigh));
    match (trip, jitter) {
        (Some(None) | None, jitter) => jitter.or(trip),
        (trip, _) => trip,
    }
}

/// How much is lost each way while little is sent, in percent.
#[must_use]
pub fn loss(ways: [Option<f64>; 2]) -> Look {
    let worst = ways.into_iter().flatten().reduce(f64::max)?;
    Some(match worst {
        high if high >= HIGH_LOSS => Some(Cause::LossHigh),
        some if some >= SOME_LOSS => Some(Cause::LossSome),
        _ => None,
    })
}

/// What the line carries each way, in kilobits per second.
#[must_use]
pub fn rate(up: Option<u32>, down: Option<u32>) -> Look {
    let least = up.into_iter().chain(down).min()?;
    let is_below = |rate: Option<u32>, least| rate.is_some_and(|rate| rate < least);
    Some(if least < LEAST_RATE {
        Some(Cause::RateVeryLow)
    } else if is_below(up, LITTLE_UP) || is_below(down, LITTLE_DOWN) {
        Some(Cause::RateLow)
    } else {
        None
    })
}

fn devices(measured: &Measured) -> Look {
    let microphone = measured.microphone.map(|found| match found {
        Microphone::Works => None,
        Microphone::None => Some(Cause::NoMicrophone),
        Microphone::Denied => Some(Cause::MicrophoneDenied),
        Microphone::Busy => Some(Cause::MicrophoneBusy),
        Microphone::Silent => Some(Cause::MicrophoneSilent),
    });
    let loudspeaker = measured.loudspeaker.map(|found| match found {
        Loudspeaker::Works => None,
        Loudspeaker::Unheard => Some(Cause::LoudspeakerSilent),
    });
    let camera = measured.camera.map(|found| match found {
        Camera::Works => None,
        Camera::None => Some(Cause::NoCamera),
        Camera::Denied => Some(Cause::CameraDenied),
        Camera::Busy => Some(Cause::CameraBusy),
    });
    let looks = [microphone, loudspeaker, camera];
    if looks.iter().all(Option::is_none) {
        return None;
    }
    Some(Cause::worst(looks.into_iter().flatten().flatten()))
}

fn decode(measured: &Measured) -> Look {
    if measured.decodes == Some(false) {
        return Some(Some(Cause::CannotDecode));
    }
    let rates = (
        measured.frames_per_second,
        measured.frames_received_per_second,
    );
    match rates {
        (Some(shown), Some(received)) if received > 0.0 => {
            Some((shown * 100.0 < received * LEAST_SHOWN).then_some(Cause::DecodeSlow))
        }
        _ => measured.decodes.map(|_| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Measured);

    /// Of a site where all is well.
    fn well() -> Measured {
        Measured {
            clock_offset_ms: Some(-700),
            web_socket: Some(true),
            udp: Some(true),
            beside: None,
            tcp: Some(true),
            turn: Some(true),
            means: Some(Means::Udp),
            up_kilobits_per_second: Some(1_900),
            down_kilobits_per_second: Some(1_800),
            round_trip_ms: Some(40),
            jitter_ms: Some(3),
            loss_up_percent: Some(0.2),
            loss_down_percent: Some(0.0),
            camera: Some(Camera::Works),
            microphone: Some(Microphone::Works),
            loudspeaker: Some(Loudspeaker::Works),
            decodes: Some(true),
            frames_per_second: Some(15.0),
            frames_received_per_second: Some(15.0),
            is_secure: Some(true),
            has_web_rtc: Some(true),
            browser: Some("Chromium 156".to_owned()),
            is_browser_too_old: Some(false),
        }
    }

    fn cause(change: impl FnOnce(&mut Measured)) -> Cause {
        let mut measured = well();
        change(&mut measured);
        measured.check().unwrap();
        judge(&measured).cause
    }

    #[test]
    fn where_all_is_well_nothing_is_named() {
        let judgement = judge(&well());
        assert_eq!(judgement.cause, Cause::AllGood);
        assert_eq!(judgement.steps.len(), 12);
        for step in judgement.steps {
            assert_eq!((step.colour, step.cause), (Colour::Green, None));
        }
        let nothing = judge(&Measured::default());
        assert_eq!((nothing.cause, nothing.steps.len()), (Cause::AllGood, 0));
    }

    /// Each of the set-ups that a page meets, with what else is measured there.
    #[test]
    fn the_right_culprit_is_named_in_each_set_up() {
        let udp = cause(|it| it.udp = Some(false));
        assert_eq!(udp, Cause::UdpBlocked);
        let advertise = cause(|it| {
            it.udp = Some(false);
            it.beside = Some(true);
            it.tcp = Some(false);
        });
        assert_eq!(advertise, Cause::AdvertiseWrong);
        let nowhere = cause(|it| {
            it.udp = Some(false);
            it.beside = Some(false);
        });
        assert_eq!(nowhere, Cause::UdpBlocked);
        let tcp = cause(|it| it.tcp = Some(false));
        assert_eq!(tcp, Cause::TcpBlocked);
        let all_media = cause(|it| {
            it.udp = Some(false);
            it.tcp = Some(false);
            it.turn = Some(false);
        });
        assert_eq!(all_media, Cause::MediaBlocked);
        let only_tls = cause(|it| {
            it.udp = Some(false);
            it.tcp = Some(false);
        });
        assert_eq!(only_tls, Cause::UdpBlocked);
        let clock = cause(|it| it.clock_offset_ms = Some(-7 * 3_600_000));
        assert_eq!(clock, Cause::ClockWrong);
        let camera = cause(|it| it.camera = Some(Camera::None));
        assert_eq!(camera, Cause::NoCamera);
        let lossy = cause(|it| {
            // A sender that meets so much loss sends little.
            it.loss_up_percent = Some(19.0);
            it.loss_down_percent = Some(21.5);
            it.up_kilobits_per_second = Some(150);
            it.down_kilobits_per_second = Some(110);
        });
        assert_eq!(lossy, Cause::LossHigh);
        let narrow = cause(|it| {
            it.up_kilobits_per_second = Some(185);
            it.down_kilobits_per_second = Some(170);
            it.round_trip_ms = Some(450);
            it.jitter_ms = Some(140);
        });
        assert_eq!(narrow, Cause::RateLow);
    }

    #[test]
    fn further_culprits_are_named_by_their_own_names() {
        let cases: [(Cause, Change); 14] = [
            (Cause::RateVeryLow, |it| {
                it.down_kilobits_per_second = Some(40);
            }),
            (Cause::LossSome, |it| it.loss_up_percent = Some(6.0)),
            (Cause::RoundTripLong, |it| it.round_trip_ms = Some(800)),
            (Cause::JitterHigh, |it| it.jitter_ms = Some(200)),
            (Cause::WebSocketBlocked, |it| it.web_socket = Some(false)),
            (Cause::MicrophoneDenied, |it| {
                it.microphone = Some(Microphone::Denied);
            }),
            (Cause::MicrophoneSilent, |it| {
                it.microphone = Some(Microphone::Silent);
            }),
            (Cause::LoudspeakerSilent, |it| {
                it.loudspeaker = Some(Loudspeaker::Unheard);
            }),
            (Cause::CameraBusy, |it| it.camera = Some(Camera::Busy)),
            (Cause::CannotDecode, |it| it.decodes = Some(false)),
            (Cause::DecodeSlow, |it| it.frames_per_second = Some(4.0)),
            (Cause::PageInsecure, |it| it.is_secure = Some(false)),
            (Cause::NoWebRtc, |it| it.has_web_rtc = Some(false)),
            (Cause::BrowserTooOld, |it| {
                it.is_browser_too_old = Some(true);
            }),
        ];
        for (expected, change) in cases {
            assert_eq!(cause(change), expected);
        }
    }

    #[test]
    fn what_is_amiss_at_the_server_is_named_before_what_is_merely_unpleasant_here() {
        let unpleasant = || {
            let mut measured = well();
            measured.udp = Some(false);
            judge(&measured)
        };
        assert_eq!(unpleasant().with(&[]), unpleasant());
        let full = unpleasant().with(&[Cause::DiskFull]);
        assert_eq!((full.cause, full.steps.len()), (Cause::DiskFull, 13));
        let ended = unpleasant().with(&[Cause::CertificateExpired]);
        assert_eq!(
            (ended.cause, ended.steps.len()),
            (Cause::CertificateExpired, 12)
        );
        let both = unpleasant().with(&[Cause::DiskFull, Cause::DescriptorsFew]);
        assert_eq!((both.cause, both.steps.len()), (Cause::DiskFull, 14));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_name_of_the_field() {
        let wrong = |change: fn(&mut Measured)| {
            let mut measured = well();
            change(&mut measured);
            measured.check().unwrap_err()
        };
        assert!(wrong(|it| it.loss_up_percent = Some(101.0)).contains("lossUpPercent"));
        assert!(wrong(|it| it.frames_per_second = Some(-1.0)).contains("framesPerSecond"));
        assert!(wrong(|it| it.browser = Some("x".repeat(65))).contains("browser"));
        assert!(wrong(|it| it.browser = Some("a\nb".to_owned())).contains("browser"));
    }
}

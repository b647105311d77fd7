//! What may be in the way of a conference: one table for the page, for `dinh doctor` and for whoever is
//! told a code over the phone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is looked at.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// What the name of the server stands for.
    Name,
    /// Whether its port can be reached.
    Tcp,
    /// The certificate, and whether anything on the way looks into TLS.
    Tls,
    /// The clock here beside the server's.
    Clock,
    /// Whether the server takes new work.
    Server,
    /// Whether a WebSocket opens.
    WebSocket,
    /// Media by UDP.
    Udp,
    /// Media by ICE-TCP.
    IceTcp,
    /// Media by TURN, inside TLS as a rule.
    Turns,
    /// Media by any of these.
    Media,
    /// How much the line carries.
    Rate,
    /// How long it takes there and back, and how evenly.
    RoundTrip,
    /// How much is lost on the way.
    Loss,
    /// How long a packet may be.
    PacketSize,
    /// Camera and microphone.
    Devices,
    /// Whether this computer keeps up with pictures.
    Decode,
    /// Whether the browser can do it at all.
    Browser,
    /// The machine of the server.
    Machine,
    /// All of them.
    All,
}

/// How bad it is.
#[derive(
    Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, ToSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Colour {
    /// As it should be.
    Green,
    /// It works, with something missing.
    Amber,
    /// It does not work.
    Red,
}

/// Who can do something about it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// There is nothing to be done.
    Nobody,
    /// Whoever looks after this computer.
    Site,
    /// Whoever looks after the network of the site.
    Network,
    /// Whoever runs the server.
    Operator,
}

/// Declares the causes in the order in which, of several of one colour, the first is named.
macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $step:ident, $colour:ident, $call:ident;)+) => {
        /// What is in the way, by a name that does not change.
        #[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub enum Cause {
            $($(#[$doc])* $name,)+
        }

        impl Cause {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// A letter and a digit, to be read out over the phone.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)+
                }
            }

            /// The step that shows it.
            #[must_use]
            pub const fn step(self) -> Step {
                match self {
                    $(Self::$name => Step::$step,)+
                }
            }

            /// How bad it is.
            #[must_use]
            pub const fn colour(self) -> Colour {
                match self {
                    $(Self::$name => Colour::$colour,)+
                }
            }

            /// Who can do something about it.
            #[must_use]
            pub const fn call(self) -> Call {
                match self {
                    $(Self::$name => Call::$call,)+
                }
            }
        }
    };
}

causes! {
    /// The resolver of this network does not know the server's name.
    NameUnknown = "N1", Name, Red, Network;
    /// The port of the pages cannot be reached.
    PortBlocked = "N2", Tcp, Red, Network;
    /// What answers is silent.
    NoAnswer = "N3", Tcp, Red, Network;
    /// The clock is so wrong that certificates and links are refused.
    ClockWrong = "C1", Clock, Red, Site;
    /// The certificate's time is over.
    CertificateExpired = "T1", Tls, Red, Operator;
    /// The certificate's time has not come.
    CertificateNotYetValid = "T2", Tls, Red, Operator;
    /// Nobody here trusts who made the certificate.
    CertificateNotTrusted = "T3", Tls, Red, Operator;
    /// The certificate is for another name.
    CertificateWrongName = "T4", Tls, Red, Operator;
    /// The server's certificate or its key cannot be read.
    CertificateUnusable = "T8", Tls, Red, Operator;
    /// What answers does not speak TLS.
    NoTls = "T5", Tls, Red, Network;
    /// What answers is something else.
    NotDinh = "S2", Server, Red, Operator;
    /// The server cannot store or forward at the moment.
    ServerNotReady = "S1", Server, Red, Operator;
    /// Another program has a port that the server needs.
    PortTaken = "A3", Machine, Red, Operator;
    /// Clients are told an address that leads nowhere.
    AdvertiseWrong = "A1", Machine, Red, Operator;
    /// There is no address that clients could be told.
    AdvertiseNone = "A2", Machine, Red, Operator;
    /// Nothing more can be stored.
    DiskFull = "H1", Machine, Red, Operator;
    /// The server may not write where its data are.
    DiskUnwritable = "H4", Machine, Red, Operator;
    /// Storing takes so long that a country cannot come in.
    DiskTooSlow = "H5", Machine, Red, Operator;
    /// Far fewer file descriptors than connections are allowed.
    DescriptorsFew = "F1", Machine, Red, Operator;
    /// A secret of the configuration can be guessed.
    SecretGuessable = "A4", Machine, Red, Operator;
    /// The browser cannot take part in conferences.
    NoWebRtc = "B1", Browser, Red, Site;
    /// The browser is too old.
    BrowserTooOld = "B2", Browser, Red, Site;
    /// Something on the way does not pass WebSockets.
    WebSocketBlocked = "W1", WebSocket, Red, Network;
    /// Media passes by no means.
    MediaBlocked = "M1", Media, Red, Network;
    /// Packets as long as those of media do not pass.
    PacketsTooSmall = "L3", PacketSize, Red, Network;
    /// So much is lost that nothing can be understood.
    LossHigh = "L1", Loss, Red, Network;
    /// The line does not even carry sound.
    RateVeryLow = "R1", Rate, Red, Network;
    /// This computer cannot show pictures.
    CannotDecode = "V1", Decode, Red, Site;
    /// The server has no room at the moment.
    ServerFull = "S3", Server, Amber, Operator;
    /// The line carries little: pictures are small or stand still.
    RateLow = "R2", Rate, Amber, Network;
    /// Much is lost on the way.
    LossSome = "L2", Loss, Amber, Network;
    /// No UDP passes: media goes by TCP, which is later where something is lost.
    UdpBlocked = "U1", Udp, Amber, Network;
    /// The way is long: talking to each other is hard.
    RoundTripLong = "R3", RoundTrip, Amber, Network;
    /// Packets come unevenly.
    JitterHigh = "R4", RoundTrip, Amber, Network;
    /// The page was opened without TLS: camera and microphone are not to be had.
    PageInsecure = "T6", Tls, Amber, Operator;
    /// There is no microphone.
    NoMicrophone = "D4", Devices, Amber, Site;
    /// The browser was told to keep the microphone from this page.
    MicrophoneDenied = "D5", Devices, Amber, Site;
    /// Another program has the microphone.
    MicrophoneBusy = "D6", Devices, Amber, Site;
    /// The microphone gives no sound.
    MicrophoneSilent = "D7", Devices, Amber, Site;
    /// Nothing is heard of the loudspeaker.
    LoudspeakerSilent = "D8", Devices, Amber, Site;
    /// There is no camera.
    NoCamera = "D1", Devices, Amber, Site;
    /// The browser was told to keep the camera from this page.
    CameraDenied = "D2", Devices, Amber, Site;
    /// Another program has the camera.
    CameraBusy = "D3", Devices, Amber, Site;
    /// This computer does not keep up with pictures.
    DecodeSlow = "V2", Decode, Amber, Site;
    /// Long packets do not pass: a tunnel on the way.
    SmallPackets = "L4", PacketSize, Amber, Network;
    /// The clock is off by some seconds.
    ClockOff = "C2", Clock, Amber, Site;
    /// The certificate ends in a few days.
    CertificateEndsSoon = "T7", Tls, Amber, Operator;
    /// Little space is left.
    DiskLow = "H2", Machine, Amber, Operator;
    /// Storing is slow.
    DiskSlow = "H3", Machine, Amber, Operator;
    /// Fewer file descriptors than connections are allowed.
    DescriptorsLow = "F2", Machine, Amber, Operator;
    /// The address that clients are told is on no interface of this machine.
    AdvertiseForeign = "A5", Machine, Amber, Operator;
    /// The kernel's buffers are too small for a large audience.
    BuffersSmall = "K1", Machine, Amber, Operator;
    /// The firewall's table of connections is too small.
    TrackingFull = "K2", Machine, Amber, Operator;
    /// The kernel does not cut messages up.
    OffloadMissing = "K3", Machine, Amber, Operator;
    /// A provider of log-ins does not answer.
    ProviderAway = "E1", Machine, Amber, Operator;
    /// The certificate of a provider of log-ins is not trusted.
    ProviderNotTrusted = "E2", Machine, Amber, Operator;
    /// A provider of log-ins would let nobody in.
    ProviderUnusable = "E3", Machine, Amber, Operator;
    /// No TCP passes to the media ports: there is no second way where UDP ends.
    TcpBlocked = "P1", IceTcp, Amber, Network;
    /// TURN does not pass at the port of the pages: there is no last way.
    TurnsBlocked = "P2", Turns, Amber, Network;
    /// All is well.
    AllGood = "G1", All, Green, Nobody;
}

/// One row of the table.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CauseRow {
    /// Its name, which does not change.
    id: Cause,
    /// A letter and a digit, to be read out over the phone.
    #[schema(value_type = String, example = "U1")]
    code: &'static str,
    /// The step that shows it.
    step: Step,
    /// How bad it is.
    colour: Colour,
    /// Who can do something about it.
    call: Call,
}

impl From<Cause> for CauseRow {
    fn from(cause: Cause) -> Self {
        Self {
            id: cause,
            code: cause.code(),
            step: cause.step(),
            colour: cause.colour(),
            call: cause.call(),
        }
    }
}

/// The whole table, in order.
#[must_use]
pub fn table() -> Vec<CauseRow> {
    Cause::ALL.iter().copied().map(CauseRow::from).collect()
}

impl Cause {
    /// Which of several is named: the worst, and of those the first in the table.
    #[must_use]
    pub fn worst(causes: impl IntoIterator<Item = Self>) -> Option<Self> {
        let place = |cause: &Self| Self::ALL.iter().position(|known| known == cause);
        causes
            .into_iter()
            .min_by_key(|cause| (std::cmp::Reverse(cause.colour()), place(cause)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_code_is_a_letter_and_a_digit_and_stands_for_one_cause() {
        let mut seen = HashSet::new();
        for cause in Cause::ALL {
            let code = cause.code().as_bytes();
            let is_code = matches!(code, [b'A'..=b'Z', b'1'..=b'9']);
            assert!(is_code && seen.insert(code), "{cause:?}");
            // These are taken for others when they are read out.
            assert!(!matches!(code, [b'I' | b'O' | b'Q', _]), "{cause:?}");
        }
    }

    #[test]
    fn red_causes_come_before_amber_ones() {
        let colours: Vec<_> = Cause::ALL.iter().map(|cause| cause.colour()).collect();
        assert!(colours.is_sorted_by(|one, next| one >= next));
    }

    #[test]
    fn the_worst_is_named_and_of_those_the_first_of_the_table() {
        let worst = Cause::worst([Cause::UdpBlocked, Cause::LossHigh, Cause::ClockWrong]);
        assert_eq!(worst, Some(Cause::ClockWrong));
        assert_eq!(Cause::worst([]), None);
    }

    /// The page reads the file.
    #[test]
    fn the_table_is_the_one_that_the_page_was_made_with() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/check/causes.json");
        let rows: Vec<_> = table()
            .iter()
            .map(|row| serde_json::to_string(row).unwrap())
            .collect();
        let current = format!("[\n  {}\n]\n", rows.join(",\n  "));
        let agreed = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            agreed == current,
            "the causes have changed; if that is meant, {file} is to be\n{current}"
        );
    }
}

//! The real clip that a simulated sender publishes: VP8 layers from IVF files, speech from Ogg Opus.

pub mod h264;
pub mod ivf;
pub mod opus;
pub mod vp8;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

/// One encoded picture.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Decodable without any other frame.
    pub key: bool,
    /// When it is shown, from the start of the clip.
    pub at: Duration,
    /// The VP8 frame, or the units of an H.264 picture, each behind a start code.
    pub data: Bytes,
}

/// One encoding of the picture.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Its RID: `l`, `m` or `h`.
    pub rid: &'static str,
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// The frames of one round, the first of them a keyframe.
    pub frames: Vec<Frame>,
}

/// A loop of picture and sound.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Length of one round.
    pub duration: Duration,
    /// The picture's encodings, smallest first.
    pub layers: Vec<Layer>,
    /// The sound's Opus packets of one round.
    pub speech: Vec<Bytes>,
    /// What one Opus packet plays.
    pub speech_frame: Duration,
    /// Nobody will decode its pictures: every packet may carry a mark, not only a picture's last.
    pub made_up: bool,
}

/// Made-up pictures: as many and as large as real ones, with nothing to see on them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Synthetic {
    /// Frames a second.
    pub fps: u32,
    /// Bitrate, kbit/s.
    pub kbps: u32,
    /// Width and height in pixels, as the keyframes say.
    pub size: (u16, u16),
}

/// Length of the Opus packets to publish.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub enum AudioFrame {
    /// 20 ms: what browsers send unasked.
    #[default]
    #[serde(rename = "20")]
    Ms20,
    /// 60 ms: a third of the datagrams.
    #[serde(rename = "60")]
    Ms60,
}

impl AudioFrame {
    /// The same as a span of time.
    pub const fn duration(self) -> Duration {
        match self {
            Self::Ms20 => Duration::from_millis(20),
            Self::Ms60 => Duration::from_millis(60),
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Ms20 => "speech-20.ogg",
            Self::Ms60 => "speech-60.ogg",
        }
    }
}

/// Why a clip cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// A file is missing or unreadable.
    #[error("cannot read {path}: {source}; make-clip.sh makes it")]
    Read {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is not what its name says.
    #[error("{file}: {reason}")]
    Malformed {
        /// Which.
        file: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

const LAYERS: [(&str, &str); 3] = [
    ("l", "hall-l.ivf"),
    ("m", "hall-m.ivf"),
    ("h", "hall-h.ivf"),
];

impl Clip {
    /// The clip that is part of the program.
    ///
    /// # Errors
    /// Only if the program was built with a broken clip.
    pub fn builtin(audio: AudioFrame) -> Result<Self, ClipError> {
        let speech: &[u8] = match audio {
            AudioFrame::Ms20 => include_bytes!("../clip/speech-20.ogg"),
            AudioFrame::Ms60 => include_bytes!("../clip/speech-60.ogg"),
        };
        let layers: [&[u8]; 3] = [
            include_bytes!("../clip/hall-l.ivf"),
            include_bytes!("../clip/hall-m.ivf"),
            include_bytes!("../clip/hall-h.ivf"),
        ];
        Self::parse(&layers, speech, audio)
    }

    /// The builtin speech with made-up pictures in one layer, a keyframe each 2 s as in the clip.
    ///
    /// # Errors
    /// Only if the program was built with a broken clip.
    pub fn synthetic(audio: AudioFrame, video: Synthetic) -> Result<Self, ClipError> {
        let mut clip = Self::builtin(audio)?;
        clip.made_up = true;
        let frames = (0..video.fps * clip.duration.as_secs() as u32).map(|n| video.frame(n));
        clip.layers = vec![Layer {
            rid: "h",
            size: video.size,
            frames: frames.collect(),
        }];
        Ok(clip)
    }

    /// A clip from a directory that holds the files `make-clip.sh` makes.
    ///
    /// # Errors
    /// When a file is missing or malformed.
    pub fn load(dir: &Path, audio: AudioFrame) -> Result<Self, ClipError> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read(&path).map_err(|source| ClipError::Read { path, source })
        };
        let layers = LAYERS
            .iter()
            .map(|(_, file)| read(file))
            .collect::<Result<Vec<_>, _>>()?;
        let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
        Self::parse(&layers, &read(audio.file())?, audio)
    }

    fn parse(layers: &[&[u8]], speech: &[u8], audio: AudioFrame) -> Result<Self, ClipError> {
        let layers = LAYERS
            .iter()
            .zip(layers)
            .map(|(&(rid, file), bytes)| {
                let malformed = |reason| ClipError::Malformed { file, reason };
                let (size, frames) = ivf::read(bytes).map_err(malformed)?;
                if !frames.first().is_some_and(|frame| frame.key) {
                    return Err(malformed("it does not begin with a keyframe".to_owned()));
                }
                Ok(Layer { rid, size, frames })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let malformed = |reason| ClipError::Malformed {
            file: audio.file(),
            reason,
        };
        let duration = layers.first().map_or(Duration::ZERO, Layer::duration);
        if layers.iter().any(|layer| layer.duration() != duration) {
            return Err(ClipError::Malformed {
                file: "hall-h.ivf",
                reason: "the layers differ in length".to_owned(),
            });
        }
        let mut speech = opus::read_ogg(speech).map_err(malformed)?;
        // The encoder's last packets reach past the end of the picture; a loop must not.
        let frames = duration.as_micros() / audio.duration().as_micros();
        speech.truncate(usize::try_from(frames).unwrap_or(usize::MAX));
        if speech.is_empty() {
            return Err(malformed("it holds no sound".to_owned()));
        }
        Ok(Self {
            duration,
            layers,
            speech,
            speech_frame: audio.duration(),
            made_up: false,
        })
    }

    /// Keeps only the layers with these RIDs.
    #[must_use]
    pub fn with_layers(mut self, rids: &[String]) -> Self {
        self.layers
            .retain(|layer| rids.iter().any(|rid| rid == layer.rid));
        self
    }
}

impl Synthetic {
    /// How many bytes a keyframe has for each of another frame.
    const KEY_FRAME_WEIGHT: u32 = 4;
    /// Frames from one keyframe to the next: 2 s.
    const fn group(self) -> u32 {
        2 * self.fps
    }

    /// The n-th frame: a VP8 header (RFC 6386 §9.1) and noise.
    fn frame(self, n: u32) -> Frame {
        let key = n.is_multiple_of(self.group());
        // All frames of a group together are as large as 2 s at the bitrate.
        let group_bytes = self.kbps * 1_000 / 8 * 2;
        let weight = if key { Self::KEY_FRAME_WEIGHT } else { 1 };
        let bytes = group_bytes / (self.group() - 1 + Self::KEY_FRAME_WEIGHT) * weight;
        // Bit 0: not a keyframe; bit 4: to be shown.
        let mut data = vec![u8::from(!key) | 0x10, 0, 0];
        if key {
            data.extend([0x9d, 0x01, 0x2a]);
            data.extend(self.size.0.to_le_bytes());
            data.extend(self.size.1.to_le_bytes());
        }
        let mut noise = u64::from(n) + 1;
        data.resize_with((bytes as usize).max(data.len()), || {
            // Knuth's MMIX generator; its high bits.
            noise = noise
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (noise >> 56) as u8
        });
        Frame {
            key,
            at: Duration::from_secs_f64(f64::from(n) / f64::from(self.fps)),
            data: data.into(),
        }
    }
}

impl Layer {
    /// Length of one round: as many equal steps as there are frames.
    fn duration(&self) -> Duration {
        match self.frames.as_slice() {
            [first, second, ..] => {
                let steps = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
                // Through microseconds of the whole, so that 1/30 s does not lose a fraction each.
                let step = (second.at.saturating_sub(first.at)).as_nanos() as f64;
                let ms = (step * f64::from(steps) / 1e6).round();
                Duration::from_millis(ms as u64)
            }
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_builtin_clip_has_three_layers_of_equal_length_with_aligned_keyframes() {
        let clip = Clip::builtin(AudioFrame::Ms20).unwrap();
        assert_eq!(clip.duration, Duration::from_secs(8));
        let sizes: Vec<_> = clip.layers.iter().map(|layer| layer.size).collect();
        assert_eq!(sizes, [(320, 180), (640, 360), (1280, 720)]);
        for layer in &clip.layers {
            let keys: Vec<u64> = layer
                .frames
                .iter()
                .filter(|frame| frame.key)
                .map(|frame| frame.at.as_secs())
                .collect();
            assert_eq!(keys, [0, 2, 4, 6], "layer {}", layer.rid);
        }
        assert_eq!(clip.speech.len(), 400);
    }

    #[test]
    fn sixty_millisecond_speech_fills_the_same_round() {
        let clip = Clip::builtin(AudioFrame::Ms60).unwrap();
        assert_eq!(clip.speech.len(), 133);
        assert!(
            clip.speech
                .iter()
                .all(|packet| opus::duration(packet) == Some(clip.speech_frame))
        );
    }

    #[test]
    fn made_up_pictures_have_the_bitrate_and_the_keyframes_asked_for() {
        let video = Synthetic {
            fps: 30,
            kbps: 1_200,
            size: (1_280, 720),
        };
        let clip = Clip::synthetic(AudioFrame::Ms20, video).unwrap();
        let [layer] = clip.layers.as_slice() else {
            panic!("one layer")
        };
        assert_eq!((layer.frames.len(), layer.duration()), (240, clip.duration));
        let bytes: usize = layer.frames.iter().map(|frame| frame.data.len()).sum();
        let kbps = bytes as f64 * 8.0 / 8_000.0;
        assert!((1_190.0..=1_200.0).contains(&kbps), "{kbps}");
        let keys = layer.frames.iter().filter(|frame| frame.key);
        let keys: Vec<u64> = keys.map(|frame| frame.at.as_secs()).collect();
        assert_eq!(keys, [0, 2, 4, 6]);
    }

    #[test]
    fn a_missing_directory_is_named_in_the_error() {
        let error = Clip::load(Path::new("/nonexistent"), AudioFrame::Ms20).unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/hall-l.ivf"),
            "{error}"
        );
    }
}

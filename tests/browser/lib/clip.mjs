// Clips for make-believe cameras and microphones: a picture that carries its own frame number in
// large blocks, and a voice-like sound at a pitch of its own. What is seen and heard at the other
// end then tells whose it is and whether it moves.

import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Blocks of the strip along the lower edge: two that never change, then source and frame number. */
export const CODE = { blocks: 16, sourceBits: 4, frameBits: 10, height: 1 / 12 };

const FPS = 30;
/** The clip is played over and over. Longer: more room on disk (1.4 MB a frame at 720p). */
const FRAMES = 60;
const SAMPLE_RATE = 48_000;
const SOUND_SECONDS = 4;

/** Who can be told apart, by picture number and pitch in Hz. */
export const SOURCES = {
  hall: { number: 1, hue: [90, 160, 110], pitch: 500 },
  first: { number: 2, hue: [120, 90, 180], pitch: 1_370 },
  second: { number: 3, hue: [140, 150, 70], pitch: 2_290 },
};

/** Digits as 3 × 5 dots, for people who look at a screenshot. */
const DIGITS = ["75557", "26227", "71747", "71717", "55711", "74717", "74757", "71111", "75757", "75717"].map((rows) =>
  [...rows].map(Number),
);

class Picture {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.luma = Buffer.alloc(width * height);
    this.blue = Buffer.alloc((width * height) / 4);
    this.red = Buffer.alloc((width * height) / 4);
  }

  fill(left, top, width, height, luma) {
    for (let y = Math.floor(top); y < Math.floor(top + height); y += 1) {
      this.luma.fill(luma, y * this.width + Math.floor(left), y * this.width + Math.floor(left + width));
    }
  }
}

function drawBackground(picture, [luma, blue, red]) {
  for (let y = 0; y < picture.height; y += 1) {
    picture.luma.fill(luma - Math.round((40 * y) / picture.height), y * picture.width, (y + 1) * picture.width);
  }
  picture.blue.fill(blue);
  picture.red.fill(red);
}

function drawNumber(picture, number) {
  const dot = picture.width / 40;
  [...String(number).padStart(3, "0")].forEach((digit, place) => {
    DIGITS[Number(digit)].forEach((row, y) => {
      for (let x = 0; x < 3; x += 1) {
        const isLit = (row & (4 >> x)) !== 0;
        picture.fill((14 + place * 4 + x) * dot, picture.height / 4 + y * dot, dot, dot, isLit ? 235 : 30);
      }
    });
  });
}

function drawCode(picture, source, frame) {
  const bits = [1, 0];
  for (let bit = CODE.sourceBits - 1; bit >= 0; bit -= 1) bits.push((source >> bit) & 1);
  for (let bit = CODE.frameBits - 1; bit >= 0; bit -= 1) bits.push((frame >> bit) & 1);
  const width = picture.width / CODE.blocks;
  const height = picture.height * CODE.height;
  bits.forEach((bit, index) => {
    picture.fill(index * width, picture.height - height, width, height, bit === 1 ? 235 : 16);
  });
}

function writePicture(path, { number, hue }, width, height) {
  const file = openSync(path, "w");
  writeSync(file, `YUV4MPEG2 W${width} H${height} F${FPS}:1 Ip A1:1 C420jpeg\n`);
  const picture = new Picture(width, height);
  drawBackground(picture, hue);
  for (let frame = 0; frame < FRAMES; frame += 1) {
    drawNumber(picture, frame);
    drawCode(picture, number, frame);
    writeSync(file, "FRAME\n");
    for (const plane of [picture.luma, picture.blue, picture.red]) writeSync(file, plane);
  }
  closeSync(file);
}

/** Sixteen-bit mono WAV of what `sample` says of each moment, in seconds. */
function wav(sample) {
  const count = SAMPLE_RATE * SOUND_SECONDS;
  const file = Buffer.alloc(44 + count * 2);
  file.write("RIFF", 0);
  file.writeUInt32LE(36 + count * 2, 4);
  file.write("WAVEfmt ", 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(SAMPLE_RATE, 24);
  file.writeUInt32LE(SAMPLE_RATE * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write("data", 36);
  file.writeUInt32LE(count * 2, 40);
  for (let i = 0; i < count; i += 1) file.writeInt16LE(Math.round(sample(i / SAMPLE_RATE)), 44 + i * 2);
  return file;
}

/** A microphone that is dead. */
export const silence = () => wav(() => 0);

/** A tone and its octave in syllables of a quarter second, so that it passes for speech. */
function writeSound(path, { pitch }) {
  const speech = (t) => {
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 4 * t)) ** 0.5;
    const tone = Math.sin(2 * Math.PI * pitch * t) + 0.3 * Math.sin(4 * Math.PI * pitch * t);
    return 12_000 * syllable * tone;
  };
  writeFileSync(path, wav(speech));
}

/** Writes the two files of a source into `directory` and returns their paths. */
export function makeClip(directory, name, { width, height }) {
  const picture = join(directory, `${name}.y4m`);
  const sound = join(directory, `${name}.wav`);
  writePicture(picture, SOURCES[name], width, height);
  writeSound(sound, SOURCES[name]);
  return { picture, sound };
}

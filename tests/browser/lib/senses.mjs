// What can be seen and heard in a page. Each function runs inside the page.

/**
 * The named pictures on the page: whose name is under it, and which source and frame number its
 * blocks carry (`null` where they cannot be read, or the page shows it as not flowing).
 */
export function pictures({ code }) {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = 180;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const number = (bits) => bits.reduce((sum, bit) => sum * 2 + bit, 0);
  function read(video) {
    if (video.videoWidth === 0 || video.classList.contains("waiting")) return null;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const y = Math.round(canvas.height * (1 - code.height / 2));
    const bits = Array.from({ length: code.blocks }, (_, index) => {
      const x = Math.round((canvas.width * (index + 0.5)) / code.blocks);
      const [red, green, blue] = pen.getImageData(x, y, 1, 1).data;
      return (red + green + blue) / 3 > 127 ? 1 : 0;
    });
    if (bits[0] !== 1 || bits[1] !== 0) return null;
    const frameStart = 2 + code.sourceBits;
    return { source: number(bits.slice(2, frameStart)), frame: number(bits.slice(frameStart)) };
  }
  return [...document.querySelectorAll("figure:has(figcaption)")].map((figure) => ({
    name: figure.querySelector("figcaption .name").textContent.trim(),
    code: read(figure.querySelector("video")),
  }));
}

/**
 * How loud each pitch is in what the page plays, in decibels of full scale: the loudest moment of
 * `milliseconds`, or of all its moments the one in the middle (`middle`), which a click does not move.
 */
export async function loudness({ pitches, milliseconds, middle }) {
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  for (const audio of document.querySelectorAll("audio")) {
    if (audio.srcObject && !audio.muted) context.createMediaStreamSource(audio.srcObject).connect(analyser);
  }
  const levels = new Float32Array(analyser.frequencyBinCount);
  const binOf = (hertz) => Math.round((hertz * analyser.fftSize) / context.sampleRate);
  const loudest = (from, to) => Math.max(-120, ...levels.slice(binOf(from), binOf(to) + 1));
  const moments = Object.fromEntries(Object.keys(pitches).map((name) => [name, [-120]]));
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    await new Promise((done) => setTimeout(done, 50));
    analyser.getFloatFrequencyData(levels);
    for (const [name, pitch] of Object.entries(pitches)) {
      moments[name].push(loudest(pitch - 20, pitch + 20));
    }
  }
  await context.close();
  return Object.fromEntries(
    Object.entries(moments).map(([name, levels]) => {
      levels.sort((one, other) => one - other);
      return [name, levels.at(middle ? levels.length / 2 : -1)];
    }),
  );
}

/** The entries of getStats() that say what arrives, is decoded and is sent. */
export async function traffic() {
  const entries = [];
  for (const peer of globalThis.__seen.peers) {
    if (peer.connectionState === "closed") continue;
    (await peer.getStats()).forEach((entry) => entries.push(entry));
  }
  const received = (entry) => ({
    packetsReceived: entry.packetsReceived,
    bytesReceived: entry.bytesReceived,
    headerBytesReceived: entry.headerBytesReceived,
    retransmittedPacketsReceived: entry.retransmittedPacketsReceived,
    retransmittedBytesReceived: entry.retransmittedBytesReceived,
    packetsLost: entry.packetsLost,
    jitter: entry.jitter,
  });
  const of = (type) => entries.filter((entry) => entry.type === type);
  return {
    at: performance.now(),
    video: of("inbound-rtp")
      .filter(({ kind }) => kind === "video")
      .map((entry) => ({
        ...received(entry),
        mid: entry.mid,
        framesReceived: entry.framesReceived,
        framesDecoded: entry.framesDecoded,
        freezeCount: entry.freezeCount,
        frameWidth: entry.frameWidth,
        frameHeight: entry.frameHeight,
      })),
    audio: of("inbound-rtp")
      .filter(({ kind }) => kind === "audio")
      .map((entry) => ({
        ...received(entry),
        mid: entry.mid,
        totalAudioEnergy: entry.totalAudioEnergy,
        totalSamplesReceived: entry.totalSamplesReceived,
        concealedSamples: entry.concealedSamples,
        silentConcealedSamples: entry.silentConcealedSamples,
        packetsLost: entry.packetsLost,
        nackCount: entry.nackCount,
        fecPacketsReceived: entry.fecPacketsReceived,
        jitterBufferDelay: entry.jitterBufferDelay,
        jitterBufferEmittedCount: entry.jitterBufferEmittedCount,
      })),
    sent: of("outbound-rtp").map(
      ({ kind, rid, packetsSent, framesSent, frameWidth, frameHeight, targetBitrate, qualityLimitationReason }) => ({
        kind, rid, packetsSent, framesSent, frameWidth, frameHeight, targetBitrate, qualityLimitationReason,
      }),
    ),
    transport: of("transport").map(({ srtpCipher, dtlsState, tlsVersion }) => ({ srtpCipher, dtlsState, tlsVersion })),
  };
}

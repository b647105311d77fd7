// The lines that are tried, and what must come of each.

/** One bar of a case: what is measured, of which step, and what it must be. */
const bar = (of, what, value, limit, how = {}) => ({ of, what, value, limit, least: false, digits: 1, unit: "", ...how });

const concealed = (of, limit) =>
  bar(of, "sound concealed", (it) => it.concealed * 100, limit, { unit: " %", digits: 2 });
const gap = (of, limit) => bar(of, "longest gap in the sound", (it) => it.longestGap, limit, { unit: " ms", digits: 0 });
const frames = (of, limit) => bar(of, "frames a second", (it) => it.framesPerSecond, limit, { least: true });
const frozen = (of, limit) => bar(of, "picture frozen", (it) => it.frozen.share * 100, limit, { unit: " %" });
const queue = (of, limit) => bar(of, "queue, 95 %", (it) => it.queue, limit, { unit: " ms", digits: 0 });
const offered = (of) => bar(of, "bytes offered ÷ media", (it) => it.offered, 1.35, { digits: 2 });
const layer = (of, what, isRight, limit) =>
  bar(of, what, (it) => it.reaches(isRight) ?? Infinity, limit, { unit: " s" });
const changes = (of, limit) =>
  bar(of, "layer changes a minute", (it) => (Math.max(0, it.layers.length - 1) * 60) / it.seconds, limit);
const stays = (of, height) =>
  bar(of, `share at ${height} lines`, (it) => it.shareAt(height) * 100, 95, { least: true, unit: " %", digits: 0 });
const fairness = (of) => bar(of, "share evenly (Jain)", (it) => it.fairness, 0.95, { least: true, digits: 3 });
const everybody = (of, limit) =>
  bar(of, "sound concealed, of the worst", (it) => Math.max(...it.everybody.map(({ concealed }) => concealed)) * 100, limit, {
    unit: " %",
    digits: 2,
  });
const late = (of, limit) =>
  bar(of, "late, 95 %", (it) => it.late(it.baseline) ?? Infinity, limit, { unit: " ms", digits: 0 });

/** A line that is bad for five seconds and then good for ten, again and again. */
const swing = (times) =>
  Array.from({ length: times }, (_, index) => [
    { name: `bad ${index + 1}`, seconds: 5, line: narrow(120, 300, 30) },
    { name: `good ${index + 1}`, seconds: 10, line: narrow(2_000, 300, 30) },
  ]).flat();

/** What must be so once packets pass again. */
const BACK = [
  bar("back", "media again", (it) => it.returns, 2, { unit: " s" }),
  bar("back", "another participant", (it) => Number(it.isAnother), 0, { digits: 0 }),
];

const narrow = (kbps, queueMs, delayMs) => ({ kbps, queue: `${queueMs}ms`, delay: `${delayMs}ms` });

const HIGH = 720;

/** A line that is long from the join on, and becomes narrow; the first seconds after that are told by the step from 2 Mbit/s. */
const small = (kbps, queueMs, delayMs, seconds = 60) => ({
  joins: { delay: `${delayMs}ms` },
  steps: [{ name: "at once", seconds: 6, line: narrow(kbps, queueMs, delayMs) }, { name: "then", seconds }],
});

/** Makes a page's main thread so many times slower. */
async function slowDown(page, rate) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate });
}

export const CASES = {
  clean: {
    title: "clean line",
    steps: [{ name: "then", seconds: 20 }],
    bars: [
      layer("join", "top layer after the join", (height) => height === HIGH, 4),
      concealed("then", 0.5),
      frames("then", 24),
      offered("then"),
      changes("then", 0),
    ],
  },
  k1000: {
    title: "1,000 kbit/s, RTT 60 ms, queue 300 ms",
    ...small(1_000, 300, 30),
    bars: [concealed("then", 1), frames("then", 12), queue("then", 200), offered("then"), changes("then", 1)],
  },
  k400: {
    title: "400 kbit/s, RTT 200 ms, queue 500 ms",
    ...small(400, 500, 100),
    bars: [concealed("then", 1), frames("then", 12), queue("then", 200), offered("then"), changes("then", 1)],
  },
  k250: {
    title: "250 kbit/s, RTT 200 ms, queue 500 ms",
    ...small(250, 500, 100),
    bars: [concealed("then", 1), frames("then", 12), queue("then", 200), offered("then"), changes("then", 1)],
  },
  k128: {
    title: "128 kbit/s, RTT 200 ms, queue 1,000 ms",
    ...small(128, 1_000, 100),
    bars: [concealed("then", 2), offered("then")],
  },
  k400q100: {
    title: "400 kbit/s, RTT 200 ms, queue 100 ms",
    ...small(400, 100, 100),
    bars: [concealed("then", 1), frames("then", 12), offered("then"), changes("then", 1)],
  },
  k400q1000: {
    title: "400 kbit/s, RTT 200 ms, queue 1,000 ms",
    ...small(400, 1_000, 100),
    bars: [concealed("then", 1), frames("then", 12), queue("then", 200), offered("then"), changes("then", 1)],
  },
  longer: {
    title: "400 kbit/s, and the round trip becomes 200 ms longer at the same time, queue 500 ms",
    steps: [{ name: "then", seconds: 20, line: narrow(400, 500, 100) }],
    bars: [layer("then", "fitting layer", (height) => height < HIGH, 5), frozen("then", 30), offered("then")],
  },
  step: {
    title: "2 Mbit/s → 250 kbit/s → 2 Mbit/s, RTT 60 ms, queue 300 ms",
    joins: narrow(2_000, 300, 30),
    // A gap is told no more finely than this, and the browser counts anew after 50 ms.
    everyMs: 60,
    steps: [
      { name: "down", seconds: 30, line: narrow(250, 300, 30) },
      { name: "back", seconds: 25, line: narrow(2_000, 300, 30) },
    ],
    bars: [
      layer("down", "fitting layer", (height) => height < 360, 1),
      gap("down", 200),
      offered("down"),
      layer("back", "former layer", (height) => height === HIGH, 10),
      offered("back"),
    ],
  },
  swing: {
    title: "120 kbit/s for 5 s and 2 Mbit/s for 10 s, four times, RTT 60 ms, queue 300 ms",
    joins: narrow(2_000, 300, 30),
    steps: swing(4),
    bars: [
      bar("all", "longest without a picture", (it) => it.frozen.longest, 9, { unit: " s" }),
      offered("all"),
    ],
  },
  loss5: {
    title: "5 % lost each way",
    steps: [{ name: "then", seconds: 30, line: { loss_percent: 5 } }],
    bars: [stays("then", HIGH), concealed("then", 1), frozen("then", 3), offered("then")],
  },
  loss10: {
    title: "10 % lost each way",
    steps: [{ name: "then", seconds: 30, line: { loss_percent: 10 } }],
    bars: [stays("then", HIGH), concealed("then", 1), frozen("then", 3), offered("then")],
  },
  loss20: {
    title: "20 % lost each way",
    steps: [{ name: "then", seconds: 30, line: { loss_percent: 20 } }],
    bars: [stays("then", HIGH), concealed("then", 3), frozen("then", 8), offered("then")],
  },
  burst10: {
    title: "10 % lost each way, 5 in a row",
    steps: [{ name: "then", seconds: 30, line: { loss_percent: 10, burst: 5 } }],
    bars: [concealed("then", 5), frozen("then", 10), offered("then")],
  },
  burst20: {
    title: "20 % lost each way, 8 in a row",
    steps: [{ name: "then", seconds: 30, line: { loss_percent: 20, burst: 8 } }],
    bars: [concealed("then", 5), frozen("then", 10), offered("then")],
  },
  jitter: {
    title: "jitter 120 ms, in order",
    steps: [{ name: "then", seconds: 30, line: { delay: "20ms", jitter: "120ms" } }],
    bars: [concealed("then", 2), frozen("then", 5), offered("then")],
  },
  reordered: {
    title: "jitter 120 ms, reordered",
    steps: [{ name: "then", seconds: 30, line: { delay: "20ms", jitter: "120ms", reorders: true } }],
    bars: [concealed("then", 2), frozen("then", 5), offered("then")],
  },
  cut10: {
    title: "cut for 10 s",
    steps: [{ name: "cut", seconds: 10, line: { loss_percent: 100 } }, { name: "back", seconds: 15, line: {} }],
    bars: BACK,
  },
  cut30: {
    title: "cut for 30 s",
    steps: [{ name: "cut", seconds: 30, line: { loss_percent: 100 } }, { name: "back", seconds: 15, line: {} }],
    bars: BACK,
  },
  address: {
    title: "another address",
    steps: [{ name: "back", seconds: 15, act: (network) => network.readdress() }],
    bars: BACK,
  },
  udpBlocked: {
    title: "UDP blocked in mid-call",
    steps: [{ name: "back", seconds: 15, act: (network) => network.cutUdp() }],
    bars: BACK,
  },
  tcp: {
    title: "UDP blocked at the start",
    before: (network) => network.cutUdp(),
    steps: [{ name: "then", seconds: 15 }],
    bars: [concealed("then", 0.5), frames("then", 24)],
  },
  tcp400: {
    title: "ICE-TCP at 400 kbit/s, RTT 60 ms, queue 500 ms",
    before: (network) => network.cutUdp(),
    ...small(400, 500, 30),
    bars: [concealed("then", 2), late("then", 800), frames("then", 12)],
  },
  shared: {
    title: "two sites behind one line of 1,000 kbit/s, RTT 60 ms, queue 300 ms",
    sites: 2,
    steps: [{ name: "at once", seconds: 20, line: narrow(1_000, 300, 30) }, { name: "then", seconds: 60 }],
    bars: [fairness("then"), everybody("then", 1), queue("then", 200)],
  },
  shared3: {
    title: "three sites behind one line of 600 kbit/s, RTT 60 ms, queue 300 ms",
    sites: 3,
    steps: [{ name: "at once", seconds: 20, line: narrow(600, 300, 30) }, { name: "then", seconds: 60 }],
    bars: [fairness("then"), everybody("then", 1), queue("then", 200)],
  },
  uplink: {
    title: "who speaks sends over 300 kbit/s, RTT 60 ms, queue 500 ms",
    speaks: true,
    steps: [
      { name: "at once", seconds: 10, line: { down: { delay: "30ms" }, up: narrow(300, 500, 30) } },
      { name: "then", seconds: 30 },
    ],
    bars: [
      bar("then", "its sound concealed", (it) => it.worstConcealed * 100, 1, { unit: " %", digits: 2 }),
    ],
  },
  firefox: {
    title: "Firefox, 400 kbit/s, RTT 200 ms, queue 500 ms",
    isFirefox: true,
    ...small(400, 500, 100, 30),
    bars: [concealed("then", 1), frames("then", 12), queue("then", 200), offered("then")],
  },
  firefoxLoss: {
    title: "Firefox, 10 % lost each way",
    isFirefox: true,
    steps: [{ name: "then", seconds: 30, line: { loss_percent: 10 } }],
    bars: [concealed("then", 1), frozen("then", 3), offered("then")],
  },
  slow: {
    title: "a processor six times slower",
    isFrugal: true,
    steps: [{ name: "then", seconds: 20, act: (_, page) => slowDown(page, 6) }],
    bars: [
      bar("then", "main thread busy", (it) => it.busy * 100, 10, { unit: " %" }),
      bar("then", "of that, the page's scripts", (it) => it.scripted * 100, 5, { unit: " %" }),
      concealed("then", 0.5),
      offered("then"),
    ],
  },
  join250: {
    title: "join on 250 kbit/s, RTT 200 ms, queue 500 ms",
    language: "vi",
    joins: narrow(250, 500, 100),
    isNew: true,
    steps: [{ name: "then", seconds: 20 }],
    bars: [
      bar("join", "page usable", (it) => it.usable, 3, { unit: " s" }),
      bar("join", "hears the hall after the click", (it) => it.hears, 6, { unit: " s" }),
      concealed("then", 1),
      offered("then"),
    ],
  },
};

/** What `make test` runs: a narrow line, and one that is cut. */
export const QUICK = ["k400", "cut10"];

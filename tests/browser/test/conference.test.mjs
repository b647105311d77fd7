// The hall speaks, two communes watch, the operator gives one the floor; told in one conference.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

describe("a conference of the hall and two communes", { timeout: 240_000 }, () => {
  const world = new World();
  const SECOND_SITE = "00008";
  let hall, operator, first, second, firstName, secondName;

  before(async () => {
    await world.start();
  });
  after(() => world.end());

  it("shows the hall its own camera and microphone before it goes on air", async () => {
    const browser = await world.browser({ source: "hall" });
    hall = await world.visit(browser, world.server.links.hall);
    await hall.reads("Your voice is heard");
    await hall.photograph("check-hall");
    await hall.press("Join the conference");
    await hall.reads("On air");
  });

  it("publishes the hall's camera in three layers", async () => {
    await until(
      "all three layers have been sent",
      async () => {
        const { sent } = await hall.traffic();
        const layers = sent.filter(({ kind, rid }) => kind === "video" && rid !== undefined);
        const isSent = layers.length === 3 && layers.every(({ framesSent }) => framesSent > 0);
        if (!isSent) throw new Error(JSON.stringify(layers));
        return true;
      },
      { seconds: 20 },
    );
  });

  it("lets a commune see and hear the hall within 2 s of one click", async (t) => {
    first = await world.visit(await world.browser({ source: "first" }), world.server.links.commune);
    await first.photograph("check-site");
    await first.press("Join and watch");
    const milliseconds = await first.firstFrame();
    t.diagnostic(`first picture ${milliseconds} ms after the click`);
    assert.ok(milliseconds < 2_000, `${milliseconds} ms`);
    await first.sees(["hall"]);
    await first.hears(["hall"]);
  });

  it("decodes at least 20 frames a second with sound there", async (t) => {
    const before = await first.traffic();
    const rate = await until(
      "three seconds with 20 frames each",
      async () => {
        const best = Math.max(...Object.values(await first.frameRates(3)));
        if (best < 20) throw new Error(`${best.toFixed(1)} frames a second`);
        return best;
      },
      { seconds: 30 },
    );
    const after = await first.traffic();
    const sum = (traffic, field) => traffic.audio.reduce((total, slot) => total + (slot[field] ?? 0), 0);
    const gained = (field) => sum(after, field) - sum(before, field);
    const concealed = gained("concealedSamples") - gained("silentConcealedSamples");
    const total = gained("totalSamplesReceived");
    t.diagnostic(`${rate.toFixed(1)} frames a second; ${concealed} of ${total} samples concealed`);
    assert.ok(gained("totalAudioEnergy") > 0, "sound has energy");
    assert.ok(concealed < 0.1 * total, `${concealed} of ${total} samples concealed`);
  });

  it("lets a second commune in beside it", async () => {
    const browser = await world.browser({ source: "second" });
    second = await world.visit(browser, await world.server.linkOf(SECOND_SITE));
    await second.press("Join and watch");
    await second.sees(["hall"]);
    await second.hears(["hall"]);
    const [one] = await world.server.participantsOf("00004");
    const [two] = await world.server.participantsOf(SECOND_SITE);
    firstName = one.name;
    secondName = two.name;
  });

  it("shows the operator who is present, and the hall's picture", async () => {
    operator = await world.visit(await world.browser(), world.server.links.operator);
    await operator.sees(["hall"]);
    await operator.photograph("operator-country");
    await operator.page.getByLabel("Find a site").fill(firstName);
    await operator.page.getByRole("button", { name: new RegExp(`${firstName}.*Present`, "u") }).first().waitFor();
    await operator.photograph("operator-search");
    await operator.page.keyboard.press("Escape");
  });

  it("puts a commune beside the hall when the operator gives it the floor", async (t) => {
    await first.press("Ask for the floor");
    await first.reads("Waiting for the floor");
    await first.photograph("site-waiting");
    const grant = operator.page.getByRole("button", { name: `Give the floor: ${firstName}` });
    await grant.waitFor();
    await operator.photograph("operator-queue");
    const asked = Date.now();
    await grant.click();
    await second.sees(["hall", "first"]);
    t.diagnostic(`the second commune saw the speaker ${Date.now() - asked} ms after the click`);
    await second.hears(["hall", "first"]);
    // Its own picture is beside its switches, not on the stage.
    await hall.sees(["first"]);
    await operator.sees(["hall", "first"]);
    await first.reads("You are on air");
    await first.reads("Every site sees and hears you.");
    await first.photograph("site-on-air");
    await second.photograph("site-watching");
    await hall.photograph("hall-with-speaker");
    await operator.photograph("operator-speaker");
  });

  it("sends sound in frames of 60 ms, from the hall and from whoever has the floor", async (t) => {
    for (const [who, visitor] of Object.entries({ hall, first })) {
      const rate = await visitor.audioPackets(4);
      t.diagnostic(`${who}: ${rate.toFixed(1)} packets of sound a second`);
      assert.ok(rate > 13 && rate < 21, `${who} sends ${rate} packets a second`);
    }
  });

  it("tells a speaker, and the operator, that nobody hears it while its microphone is off", async () => {
    const said = async () => (await world.server.participantsOf("00004"))[0].condition;
    await first.press("Turn microphone off");
    await first.reads("Everyone sees you but does NOT hear you: the microphone is off.");
    await until("the server knows", async () => (await said())?.microphone === "off");
    await first.page.getByRole("button", { name: "Turn microphone on" }).first().click();
    await first.reads("Every site sees and hears you.");
    await until("the server knows again", async () => (await said())?.microphone === "on");
    await second.hears(["hall", "first"]);
  });

  it("does not play a speaker its own voice", async () => {
    // A pitch that is played is there at every moment; what a busy machine conceals is a click.
    const levels = await first.loudness(1_500, true);
    assert.ok(levels.hall > -55, `the hall's pitch at ${levels.hall} dB`);
    assert.ok(levels.first < -65, `its own pitch at ${levels.first} dB`);
  });

  it("takes the commune off the stage when it has finished", async () => {
    await first.press("Finish speaking");
    await second.sees(["hall"]);
    await second.hears(["hall"]);
    await first.reads("Ask for the floor");
  });

  it("takes the floor back when the operator says so", async () => {
    await second.press("Ask for the floor");
    await operator.press(new RegExp(`^Give the floor: ${secondName}`, "u"));
    await first.sees(["hall", "second"]);
    await first.hears(["hall", "second"]);
    await operator.press(/^Take back the floor/u);
    await first.sees(["hall"]);
    await first.hears(["hall"]);
    // Whose turn has hardly begun is the first to wait again.
    await second.reads("Waiting for the floor");
    await second.press("Withdraw the request");
    await second.reads("Ask for the floor");
  });

  it("refuses the media of a muted commune, whatever its page sends", async () => {
    await first.press("Ask for the floor");
    await operator.press(new RegExp(`^Give the floor: ${firstName}`, "u"));
    await second.sees(["hall", "first"]);
    await operator.press("Cut picture and sound");
    await second.hears(["hall"]);
    // The page stops by itself; this one is made to go on.
    await first.page.evaluate(async () => {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      const peer = globalThis.__seen.peers.at(-1);
      for (const { sender, direction } of peer.getTransceivers()) {
        if (direction !== "sendonly") continue;
        const isVideo = sender.getParameters().codecs.some(({ mimeType }) => mimeType.startsWith("video"));
        const [track] = isVideo ? stream.getVideoTracks() : stream.getAudioTracks();
        await sender.replaceTrack(track);
      }
    });
    const packets = async () => (await first.traffic()).sent.reduce((sum, { packetsSent }) => sum + packetsSent, 0);
    const sentBefore = await packets();
    await until("the muted page sends nevertheless", async () => (await packets()) > sentBefore + 50);
    const rates = await second.frameRates(3);
    const moving = Object.values(rates).filter((rate) => rate > 0);
    assert.equal(moving.length, 1, `only the hall moves: ${JSON.stringify(rates)}`);
    await second.hears(["hall"]);
    await second.photograph("site-speaker-muted");
  });

  it("lets it be seen and heard again when it is unmuted", async () => {
    await operator.press("Let picture and sound go on");
    await second.sees(["hall", "first"]);
    await second.hears(["hall", "first"]);
    await operator.press(/^Take back the floor/u);
    await second.sees(["hall"]);
  });

  it("shows everyone the hall's screen", async () => {
    await hall.page.evaluate(() => {
      // A headless browser has no screen to choose.
      navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
        const pen = canvas.getContext("2d");
        let n = 0;
        setInterval(() => {
          n += 1;
          pen.fillStyle = "white";
          pen.fillRect(0, 0, 1280, 720);
          pen.fillStyle = "black";
          pen.font = "120px sans-serif";
          pen.fillText(`screen ${n}`, 200, 400);
        }, 100);
        return canvas.captureStream(10);
      };
    });
    await hall.press("Share screen");
    await until("a third picture moves", async () => {
      const rates = await second.frameRates(1);
      return Object.values(rates).filter((rate) => rate > 0).length === 2;
    });
    await second.reads(/Screen of/u);
    await second.photograph("site-screen");
    await hall.press("Stop sharing");
    await until("the screen is gone", async () => (await second.pictures()).length === 1);
  });

  it("has negotiated once at every page", async () => {
    for (const [who, visitor] of Object.entries({ hall, operator, first, second })) {
      assert.equal(await visitor.remoteDescriptions(), 1, who);
      assert.equal(await visitor.about("setRemoteDescriptionCalls"), 1, who);
    }
  });

  it("protects media by AES-GCM", async () => {
    for (const visitor of [hall, first, second, operator]) {
      const { transport } = await visitor.traffic();
      assert.deepEqual(transport, [{ srtpCipher: "SRTP_AEAD_AES_128_GCM", dtlsState: "connected", tlsVersion: "FEFD" }]);
    }
  });

  it("says goodbye when the conference ends", async () => {
    await world.server.rest("/conferences/demo/end", "POST");
    await first.reads("The conference has ended");
    await hall.reads("The conference has ended");
    await first.photograph("ended");
  });

  it("ran without a failing script", () => {
    for (const visitor of [hall, operator, first, second]) visitor.wasWell();
  });
});

// Cameras as old machines have them, smaller than what is good on a wall: on air as they are.

import { after, before, describe, it } from "node:test";

import { until } from "../lib/until.mjs";
import { World } from "../lib/world.mjs";

for (const size of [
  { width: 640, height: 480 },
  { width: 320, height: 240 },
]) {
  const called = `${size.width} × ${size.height}`;

  describe(`a hall whose camera gives ${called}`, { timeout: 120_000 }, () => {
    const world = new World();
    before(() => world.start());
    after(() => world.end());

    it("is seen by a commune as large as that, without being asked for anything", async () => {
      await world.hall({ size });
      const site = await world.visit(await world.browser({ source: "first" }), world.server.links.commune);
      await site.press("Join and watch");
      await site.sees(["hall"]);
      await until(
        `a picture of ${called}`,
        async () => {
          const { video } = await site.traffic();
          const sizes = video.map(({ frameWidth, frameHeight }) => [frameWidth, frameHeight]);
          if (sizes.some(([width, height]) => width === size.width && height === size.height)) return true;
          throw new Error(JSON.stringify(sizes));
        },
        { seconds: 20 },
      );
    });
  });
}

// How long the pictures of a page stand still. Runs inside the page.

/** Begins to note when any picture of the page moves. */
export function noteMoves() {
  const moves = [];
  const known = new WeakSet();
  const note = (video) => {
    moves.push(performance.now());
    video.requestVideoFrameCallback(() => note(video));
  };
  const look = () => {
    for (const video of document.querySelectorAll("video")) {
      if (known.has(video)) continue;
      known.add(video);
      video.requestVideoFrameCallback(() => note(video));
    }
  };
  look();
  setInterval(look, 50);
  globalThis.__moves = moves;
}

/** The longest time between two moves since `since`, as `performance.now()` counts, in milliseconds. */
export function longestStandstill(since) {
  const moves = [since, ...globalThis.__moves.filter((at) => at >= since), performance.now()];
  return Math.round(Math.max(...moves.slice(1).map((at, index) => at - moves[index])));
}

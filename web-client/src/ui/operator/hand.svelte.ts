// An operator's hand on the floor: what it is about to do, has just done, and may still take back.

import { untrack } from "svelte";
import type { ConferenceState } from "../../conference.ts";
import { KEY_REST_MS, REST_MS } from "../../deliberate.ts";
import { type FloorAct, type Question, questionFor, requestFor, UNDO_MS, undoOf } from "../../flooract.ts";
import type { FloorEntry, Participant } from "../../protocol.ts";

/** What the hand reaches for. */
export interface Reach {
  floor(): ConferenceState["floor"];
  participant(id: string): Participant | undefined;
  /** Sends it; the code of a refusal, or `null`. */
  send(request: ReturnType<typeof requestFor>): Promise<string | null>;
  /** It was refused. */
  refuse(code: string, act: FloorAct): void;
}

/** A row of the queue that stays where it was while its site goes on the air. */
export interface Ghost {
  readonly entry: FloorEntry;
  readonly index: number;
}

export class FloorHand {
  /** What must be answered before it is done. */
  question = $state.raw<Question | null>(null);
  /** What was sent and not answered yet. */
  underway = $state.raw<FloorAct | null>(null);
  /** What was done last, while it can be taken back. */
  done = $state.raw<FloorAct | null>(null);
  /** The undo has only just appeared. */
  isUndoResting = $state(false);
  ghost = $state.raw<Ghost | null>(null);

  readonly #reach: Reach;
  readonly #signal: AbortSignal;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #askedAt = 0;

  constructor(reach: Reach, signal: AbortSignal) {
    this.#reach = reach;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#forgetTimers(), { once: true });
  }

  /** Nothing else is begun while something is on its way or has just changed the list. */
  get isBusy(): boolean {
    return this.underway !== null || this.ghost !== null || this.question !== null;
  }

  /** A button beside the name was pressed. What costs somebody the floor, or shows nothing, is asked about. */
  press(act: FloorAct): void {
    if (this.isBusy) return;
    const question = questionFor(act, act.kind === "grant" ? this.#reach.participant(act.to.participant) : undefined);
    if (question === null) void this.#do(act);
    else this.#ask(question);
  }

  /** A key was pressed that says no name: it is always asked about. */
  ask(act: FloorAct): void {
    if (this.isBusy) return;
    const to = act.kind === "grant" ? this.#reach.participant(act.to.participant) : undefined;
    this.#ask(questionFor(act, to) ?? { act, isWithoutMedia: false });
  }

  /** Yes. A press that comes sooner than anybody can have read the question is none. */
  confirm(by: "key" | "pointer"): void {
    const { question } = this;
    if (question === null || !this.isLegible(by)) return;
    this.question = null;
    void this.#do(question.act);
  }

  isLegible(by: "key" | "pointer"): boolean {
    return Date.now() - this.#askedAt >= (by === "key" ? KEY_REST_MS : REST_MS);
  }

  dismiss(): void {
    this.question = null;
  }

  /** Makes it as it was. */
  undo(): void {
    const { done } = this;
    if (done === null || this.isUndoResting || this.underway !== null) return;
    this.#clearDone();
    void this.#do(undoOf(done), false);
  }

  /** The floor has changed: a question about how it was is not to be answered any more. */
  onFloor({ holder }: ConferenceState["floor"]): void {
    const question = untrack(() => this.question);
    if (question === null) return;
    const from = question.act.from?.participant;
    if (holder?.participant === from) return;
    this.question = null;
    this.#reach.refuse("floor_not_held", question.act);
  }

  #ask(question: Question): void {
    this.question = question;
    this.#askedAt = Date.now();
  }

  async #do(act: FloorAct, isUndoable = true): Promise<void> {
    this.#clearDone();
    this.underway = act;
    if (act.kind === "grant") this.#keepRow(act.to.participant);
    const code = await this.#reach.send(requestFor(act));
    if (this.#signal.aborted) return;
    this.underway = null;
    if (code !== null) {
      this.ghost = null;
      this.#reach.refuse(code, act);
      return;
    }
    this.#later(REST_MS, () => (this.ghost = null));
    if (!isUndoable) return;
    this.done = act;
    this.isUndoResting = true;
    this.#later(REST_MS, () => (this.isUndoResting = false));
    this.#later(UNDO_MS, () => {
      if (this.done === act) this.done = null;
    });
  }

  #keepRow(participant: string): void {
    const { queue } = this.#reach.floor();
    const index = queue.findIndex((entry) => entry.participant === participant);
    const entry = queue[index];
    if (entry !== undefined) this.ghost = { entry, index };
  }

  #clearDone(): void {
    this.#forgetTimers();
    this.done = null;
    this.isUndoResting = false;
    this.ghost = null;
  }

  #later(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    this.#timers.add(timer);
  }

  #forgetTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}

/** The queue as it is shown: whoever has just been called stays in its row for a moment. */
export function withGhost(queue: readonly FloorEntry[], ghost: Ghost | null): readonly FloorEntry[] {
  if (ghost === null) return queue;
  const others = queue.filter(({ participant }) => participant !== ghost.entry.participant);
  return [...others.slice(0, ghost.index), ghost.entry, ...others.slice(ghost.index)];
}


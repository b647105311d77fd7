// Something that is asked of the server, and asked anew: what is known of it, and why it is not.

export class Asked<Value> {
  /** What was answered last: it stays while it is asked anew. */
  value = $state.raw<Value | null>(null);
  fault = $state.raw<unknown>(null);
  isAsking = $state(false);
  #life = new AbortController();

  /** Asks; what was asked before is forgotten. Call what it returns to forget this too. */
  ask(load: (signal: AbortSignal) => Promise<Value>): () => void {
    this.#life.abort();
    const life = new AbortController();
    this.#life = life;
    this.isAsking = true;
    this.fault = null;
    const end = (learn: () => void): void => {
      if (life.signal.aborted) return;
      learn();
      this.isAsking = false;
    };
    load(life.signal).then(
      (value) => end(() => (this.value = value)),
      (error: unknown) => end(() => (this.fault = error)),
    );
    return () => life.abort();
  }
}

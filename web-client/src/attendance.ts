// One participant's being in a conference: ties the WebSocket, the peer connection, the devices and the state together.

import { type ConferenceState, isForPicture, isOnAir, NOBODY, reduce } from "./conference.ts";
import { ALL_LAYERS } from "./encodings.ts";
import { hearing } from "./line.ts";
import { type DeviceKind, type LocalDevices, type MediaSource, openScreen } from "./devices.ts";
import { type Heard, meter } from "./level.ts";
import { countLongTasks, effortIn, limitsOf, MachineWatch, onlyPlace, playsSmoothly } from "./machine.ts";
import { PathWatch, type Remedy } from "./pathwatch.ts";
import { PictureHold } from "./picturehold.ts";
import { type Connection, PeerLink, type PeerState, type Plan, remoteDescriptionsSet, type Slot } from "./peer.ts";
import type { LastTurn, Place, Request, Role, Self, Source, StateMessage, Welcome } from "./protocol.ts";
import { Publisher } from "./publish.ts";
import { Reporter } from "./report.ts";
import { type Credentials, type Link, RequestError, SignalingChannel, type Socket } from "./signaling.ts";
import { readSound, SoundHold } from "./soundhold.ts";
import { compare, type LineQuality, read, type Reading } from "./stats.ts";
import { Silence } from "./silence.ts";
import { captureOf, conditionOf, type Facts, type Standing, standingOf } from "./standing.ts";
import { planWatch } from "./watch.ts";

/** Small pictures that an operator's connection can hold. */
const WATCH_SLOTS = 16;
/** Time between two readings of the line, in milliseconds. Lower: more work for an old machine. */
const STATS_MS = 2_000;
/** Time between two accounts of how this page hears and sees, in milliseconds. Lower: more messages from a country. */
const REPORT_MS = 5_000;
/** Time between two looks at the way that media comes, in milliseconds. Lower: more work. Higher: a break is seen later. */
const LOOK_MS = 250;
/** So often what a person wants is asked where the server says that it was too soon. Higher: it is said later in words. */
const MOST_ATTEMPTS = 3;
/** Longest wait before another fresh peer connection, in milliseconds. */
const LONGEST_RENEWAL_MS = 15_000;

/** Everything that a page shows. A value: a change makes a new one. */
export interface AttendanceState {
  readonly link: Link;
  readonly conference: ConferenceState;
  readonly media: PeerState;
  readonly slots: readonly Slot[];
  /** What is on air from here. */
  readonly onAir: ReadonlySet<Source>;
  /** The person's own switches. */
  readonly switches: { readonly microphone: boolean; readonly camera: boolean };
  /** Where this place stands, judged by what was measured. */
  readonly standing: Standing;
  /** Media has not come through for seconds. */
  readonly isBlocked: boolean;
  /** Nothing comes any more over a way that the browser still calls connected. */
  readonly isInterrupted: boolean;
  /** How a turn, or the wait for one, has ended that nobody here ended. */
  readonly ended: EndedTurn | null;
  /** An operator or a chair looks at this place's picture, and nobody else does. */
  readonly isLookedAt: boolean;
  /** The shared screen, for a preview. */
  readonly screen: MediaStreamTrack | null;
  /** MID of a small picture to the participant in it. */
  readonly watched: ReadonlyMap<string, string>;
  readonly quality: LineQuality | null;
  /** The one place of the stage that is shown, where only one is; and why. */
  readonly saving: { readonly only: Place; readonly because: "asked" | "machine" } | null;
  /** Code of the last refused request, until the next one is made. */
  readonly refused: string | null;
}

/** A turn that is over: what it was, and how it ended. */
export interface EndedTurn {
  readonly was: "waiting" | "holding" | "onStage";
  readonly how: LastTurn | "lost" | null;
}

export interface AttendanceOptions {
  readonly credentials: Credentials;
  readonly devices: LocalDevices;
  readonly media: MediaSource | undefined;
  readonly wakeUps: EventTarget;
  connectSocket(): Socket;
  readonly connectPeer?: (configuration: RTCConfiguration) => Connection;
  /** Listens to a microphone; for tests another than the browser's way. */
  readonly listen?: (track: MediaStreamTrack, onHeard: (heard: Heard) => void, signal: AbortSignal) => void;
  random(): number;
  /** The person has asked to save data. */
  readonly saves?: boolean;
  readonly capabilities?: MediaCapabilities | undefined;
  onChange(state: AttendanceState): void;
}

const START: AttendanceState = {
  link: { state: "connecting" },
  conference: NOBODY,
  media: "connecting",
  slots: [],
  onAir: new Set(),
  switches: { microphone: true, camera: true },
  standing: { is: "idle", obstacle: "mediaConnecting" },
  isBlocked: false,
  isInterrupted: false,
  ended: null,
  isLookedAt: false,
  screen: null,
  watched: new Map(),
  quality: null,
  saving: null,
  refused: null,
};

/** What a role negotiates: the hall and the chair speak by right, a site when it has the floor. */
export function planFor(role: Role): Plan {
  return {
    sends: role === "hall" || role === "chair" || role === "site",
    watchSlots: role === "operator" || role === "chair" ? WATCH_SLOTS : 0,
  };
}

/** What operators and chairs may ask for. */
export type Moderation = Extract<
  Request,
  { type: "grantFloor" | "revokeFloor" | "setStage" | "mute" | "remove" | "readmit" }
>;

export class Attendance {
  readonly #options: AttendanceOptions;
  readonly #signal: AbortSignal;
  readonly #channel: SignalingChannel;
  readonly #publisher: Publisher;
  #state: AttendanceState = START;
  #peer: PeerLink | null = null;
  /** There was a peer connection before. */
  #hasConnected = false;
  readonly #path = new PathWatch();
  #isLooking = false;
  /** Where the server saw this page last. */
  #address: string | undefined;
  #peerLife = new AbortController();
  #iceServers: readonly RTCIceServer[] = [];
  #renewals = 0;
  #renewTimer: ReturnType<typeof setTimeout> | undefined;
  #hasServerRestarted = false;
  /** The floor was held here before the page was opened anew, and nobody has said yet that it goes on. */
  #isReturning = false;
  /** The person here has just ended its turn, or its wait. */
  #hasEnded = false;
  readonly #reporter: Reporter;
  /** Since when each source has been on air, by the clock of `performance`. */
  #onAirSince: ReadonlyMap<Source, number> = new Map();
  readonly #silences: Readonly<Record<DeviceKind, Silence>> = { microphone: new Silence(), camera: new Silence() };
  #silent: Readonly<Record<DeviceKind, boolean>> = { microphone: false, camera: false };
  #listened: { readonly track: MediaStreamTrack; readonly life: AbortController } | null = null;
  #lastReading: Reading | null = null;
  readonly #machine = new MachineWatch();
  readonly #longTasks: () => number;
  #saves: boolean;
  /** What was asked for by `limit` on this peer connection. */
  #limits = "{}";
  #lastReported: Reading | null = null;
  #framesCaptured: number | null = null;
  /** For how long sound and pictures of this peer connection are held back. */
  #soundHold = new SoundHold();
  #pictureHold = new PictureHold();

  constructor(options: AttendanceOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#publisher = new Publisher({
      announce: (request) => this.#channel.request(request),
      wanted: (source) => this.#wanted(source),
    });
    this.#reporter = new Reporter((request) => this.#channel.request(request));
    this.#channel = new SignalingChannel(
      {
        credentials: options.credentials,
        connect: () => options.connectSocket(),
        random: () => options.random(),
        wakeUps: options.wakeUps,
        onLink: (link) => this.#onLink(link),
        onMessage: (message) => this.#onMessage(message),
      },
      signal,
    );
    this.#saves = options.saves ?? false;
    this.#longTasks = countLongTasks(signal);
    void playsSmoothly(options.capabilities).then((plays) => {
      if (!plays) this.#machine.foundShort();
    });
    const stats = setInterval(() => void this.#readStats(), STATS_MS);
    const looks = setInterval(() => void this.#lookAtPath(), LOOK_MS);
    options.wakeUps.addEventListener("online", () => this.#onNetwork(), { signal });
    options.wakeUps.addEventListener("network", () => this.#path.begin(), { signal });
    signal.addEventListener(
      "abort",
      () => {
        clearInterval(stats);
        clearInterval(looks);
        this.#listened?.life.abort();
        this.#closePeer();
      },
      { once: true },
    );
  }

  get state(): AttendanceState {
    return this.#state;
  }

  /** For diagnostics. */
  get remoteDescriptions(): number {
    return remoteDescriptionsSet();
  }

  /** For diagnostics. */
  async stats(): Promise<RTCStatsReport | null> {
    return (await this.#peer?.stats()) ?? null;
  }

  /** The devices changed: what is open may go on air, what is closed leaves it. */
  onDevices(): void {
    this.#tend();
  }

  async switchMicrophone(on: boolean): Promise<void> {
    this.#change({ switches: { ...this.#state.switches, microphone: on } });
    if (on && this.#mayBeOnAir()) await this.#options.devices.open("microphone");
    this.#tend();
  }

  /** Off lets go of the camera, so that its light goes out. */
  async switchCamera(on: boolean): Promise<void> {
    this.#change({ switches: { ...this.#state.switches, camera: on } });
    if (on) await this.#options.devices.open("camera");
    else this.#options.devices.release("camera");
    this.#tend();
  }

  async shareScreen(): Promise<void> {
    const track = await openScreen(this.#options.media);
    if (track === null) return;
    track.addEventListener("ended", () => this.stopScreen(), { once: true });
    this.#change({ screen: track });
    this.#tend();
  }

  stopScreen(): void {
    this.#state.screen?.stop();
    this.#change({ screen: null });
    this.#tend();
  }

  /** Opens the devices, for which the browser may ask, and then asks for the floor. Without a microphone it does not. */
  async requestFloor(): Promise<void> {
    this.#change({ ended: null });
    if (!(await this.#consentToBeHeard())) return;
    await this.#do({ type: "requestFloor" });
  }

  /** Opens the devices for what is asked of this place. Returns whether there is what that needs most. */
  consent(): Promise<boolean> {
    return isForPicture(this.#state.conference) ? this.#consentToBeSeen() : this.#consentToBeHeard();
  }

  async #consentToBeSeen(): Promise<boolean> {
    if (!this.#state.switches.camera) this.#change({ switches: { ...this.#state.switches, camera: true } });
    if ((await this.#options.devices.open("camera")) === null) return false;
    if (!this.#hasConsented) this.#options.credentials.keepConsent("picture");
    this.#isReturning = false;
    this.#tend();
    return true;
  }

  async #consentToBeHeard(): Promise<boolean> {
    const microphone = await this.#options.devices.open("microphone");
    if (microphone === null) return false;
    if (this.#state.switches.camera) await this.#options.devices.open("camera");
    this.#options.credentials.keepConsent("everything");
    this.#isReturning = false;
    this.#tend();
    return true;
  }

  withdrawFloor(): Promise<void> {
    this.#hasEnded = true;
    return this.#do({ type: "withdrawFloor" });
  }

  yieldFloor(): Promise<void> {
    this.#hasEnded = true;
    return this.#do({ type: "yieldFloor" });
  }

  /** This device speaks for its site from now on. */
  speakHere(): Promise<void> {
    return this.#do({ type: "speakHere" });
  }

  /** How the last turn ended has been read. */
  dismissEnded(): void {
    this.#change({ ended: null });
  }

  /** What an operator or a chair does to others. Returns the code with which it was refused, or `null`. */
  async moderate(request: Moderation): Promise<string | null> {
    try {
      await this.#channel.request(request);
      return null;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return error.code;
    }
  }

  /** Fills the small pictures with these participants, as far as they go. */
  async watch(wanted: readonly string[]): Promise<void> {
    const mids = this.#state.slots.filter(({ kind }) => kind === "video").map(({ mid }) => mid).slice(3);
    for (const { mid, participant } of planWatch(mids, this.#state.watched, wanted)) {
      const watched = new Map(this.#state.watched);
      if (participant === null) watched.delete(mid);
      else watched.set(mid, participant);
      this.#change({ watched });
      await this.#do({ type: "watch", mid, participant });
    }
  }

  /** Saves data, or shows everything again as far as the machine keeps up. */
  save(saves: boolean): void {
    this.#saves = saves;
    this.#tend();
  }

  leave(): void {
    this.#channel.leave();
  }

  /** Sends a request; a refusal becomes `refused`, for which the page has a sentence. */
  async #do(request: Request): Promise<void> {
    this.#change({ refused: null });
    try {
      await this.#askPatiently(request);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#change({ refused: error.code });
    }
  }

  /** What a person wants is asked again where it was too soon: what the page says of its devices counts as well. */
  async #askPatiently(request: Request): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#channel.request(request);
        return;
      } catch (error) {
        const isTooSoon = error instanceof RequestError && error.code === "rate_limited" && attempt < MOST_ATTEMPTS;
        if (!isTooSoon || this.#signal.aborted) throw error;
        await new Promise((resolve) => setTimeout(resolve, (error.retryAfterSeconds ?? 1) * 1000));
      }
    }
  }

  #onLink(link: Link): void {
    if (link.state === "waiting" && link.reason === "restarting") this.#hasServerRestarted = true;
    if (link.state === "over") this.#finish();
    this.#change({ link });
  }

  #onMessage(message: Welcome | StateMessage): void {
    const before = this.#state.conference;
    const conference = reduce(before, message);
    this.#change({ conference });
    if (message.type === "welcome") {
      this.#onWelcome(message, before.me === null);
      // It came back too late to go on as it was.
      if (conference.self.floor === "none" && before.self.floor !== "none") {
        this.#change({ ended: { was: before.self.floor, how: "lost" } });
      }
    }
    if (message.type === "wanted") this.#publisher.fit().catch((error: unknown) => this.#report(error));
    if (message.type === "self") this.#onFloor(before.self, message);
    if (message.type === "conference" && message.state === "ended") this.#options.credentials.keepSession(null);
    this.#tend();
  }

  #onWelcome(welcome: Welcome, isFirst: boolean): void {
    this.#iceServers = welcome.iceServers ?? [];
    this.#peer?.useIceServers(this.#iceServers);
    this.#isReturning = isFirst && welcome.resumed;
    if (!welcome.resumed) this.#options.credentials.keepConsent("nothing");
    this.#reporter.begin();
    // One that was answered and that the server does not know any more: it was killed meanwhile, and ICE would take
    // long to notice.
    const isForgotten = welcome.media === false && this.#peer?.isAnswered === true;
    const isFresh = this.#peer === null || !welcome.resumed || this.#hasServerRestarted || isForgotten;
    this.#hasServerRestarted = false;
    if (isFresh) this.#renew();
    else this.#keepPeer(welcome.address !== this.#address);
    this.#address = welcome.address;
  }

  #onFloor(before: Omit<Self, "type" | "version">, now: Self): void {
    const isSite = this.#state.conference.me?.role === "site";
    if (now.floor !== "none" && this.#hasConsented && isSite) void this.#consentToBeHeard();
    // The stage turns to this place with its first picture, which nobody looks at before.
    if (now.onStage && !before.onStage) this.#publisher.fit().catch((error: unknown) => this.#report(error));
    if (now.floor !== "none" || now.onStage) this.#change({ ended: null });
    if (now.floor !== before.floor && before.floor === "none") this.#hasEnded = false;
    const was = before.floor !== "none" ? before.floor : before.onStage ? "onStage" : null;
    if (was === null || now.floor !== "none" || now.onStage) return;
    this.#stepDown();
    if (isSite && !this.#hasEnded) this.#change({ ended: { was, how: now.lastTurn } });
    this.#hasEnded = false;
  }

  /** The person asked to speak in this tab, so that being given the floor needs no further consent. */
  get #hasConsented(): boolean {
    return this.#options.credentials.consent === "everything";
  }

  get #hasConsentedToBeSeen(): boolean {
    return this.#options.credentials.consent !== "nothing";
  }

  /** Off the stage and out of the queue: a site's devices are let go. */
  #stepDown(): void {
    if (this.#state.conference.me?.role !== "site") return;
    this.#options.credentials.keepConsent("nothing");
    this.#options.devices.close();
    this.#state.screen?.stop();
    this.#change({ screen: null });
  }

  #finish(): void {
    this.#closePeer();
    this.#options.devices.close();
    this.#state.screen?.stop();
    this.#change({ screen: null, slots: [] });
  }

  #mayBeOnAir(): boolean {
    const { me, self } = this.#state.conference;
    if (me === null || self.cut === true || self.standsBy) return false;
    if (me.role === "hall" || me.role === "chair") return true;
    return me.role === "site" && isOnAir(this.#state.conference);
  }

  /** Brings what is on air to what should be: rights, switches and open devices together. */
  #tend(): void {
    const may = this.#mayBeOnAir();
    const { switches, screen, conference } = this.#state;
    const { microphone, camera } = this.#options.devices.state;
    const isSite = conference.me?.role === "site";
    const willing = may && (!isSite || this.#hasConsentedToBeSeen);
    const isReady = willing || this.#mayBeLookedAt();
    const isHeard = may && (!isSite || this.#hasConsented) && switches.microphone && !conference.self.muted;
    this.#carry("microphone", isHeard ? microphone.track : null);
    this.#carry("camera", isReady && switches.camera ? camera.track : null);
    this.#carry("screen", willing ? screen : null);
    this.#noteOnAir(willing);
    this.#limit();
    this.#listen(microphone.track);
    this.#judge();
  }

  /** Listens to the microphone while it is open: a dead one is on as well. */
  #listen(track: MediaStreamTrack | null): void {
    if (this.#listened?.track === track || (track === null && this.#listened === null)) return;
    this.#listened?.life.abort();
    this.#listened = null;
    this.#hear("microphone", null);
    if (track === null) return;
    const life = new AbortController();
    this.#listened = { track, life };
    (this.#options.listen ?? meter)(track, ({ isSound }) => this.#hear("microphone", isSound), life.signal);
  }

  /** Something came of a device, or nothing did; `null`: it is another one. */
  #hear(kind: DeviceKind, hasCome: boolean | null): void {
    const silence = this.#silences[kind];
    if (hasCome === null) silence.reset();
    const isSilent = hasCome !== null && silence.look(performance.now(), hasCome);
    if (isSilent === this.#silent[kind]) return;
    this.#silent = { ...this.#silent, [kind]: isSilent };
    this.#judge();
  }

  #facts(): Facts {
    const { conference, switches, link, isBlocked, isInterrupted } = this.#state;
    const media = isInterrupted ? "disconnected" : this.#state.media;
    const { self } = conference;
    const { microphone, camera } = this.#options.devices.state;
    const role = conference.me?.role ?? "site";
    return {
      ...self,
      cut: self.cut === true,
      role,
      media,
      isBlocked,
      isLineOpen: link.state === "open",
      isRunning: conference.conference?.state === "running",
      isInvited: role === "site" && this.#mayBeOnAir() && !this.#agreesTo(conference),
      isReturning: this.#isReturning,
      isForPicture: isForPicture(conference),
      microphone: captureOf(microphone, switches.microphone, this.#silent.microphone),
      camera: captureOf(camera, switches.camera, this.#silent.camera),
      onAirSince: this.#onAirSince,
    };
  }

  /** Whether the person here has agreed to what is asked of this place. */
  #agreesTo(conference: ConferenceState): boolean {
    return isForPicture(conference) ? this.#hasConsentedToBeSeen : this.#hasConsented;
  }

  /** Says where this place stands, to the page and to the server, if that is another than before. */
  #judge(): void {
    if (this.#state.conference.me === null) return;
    const facts = this.#facts();
    const standing = standingOf(facts, performance.now());
    const isOnAir = standing.is === "onAir" || standing.is === "shown" || (standing.is === "muted" && standing.camera !== "cut");
    const isWanted = isOnAir || (standing.is === "waiting" && this.#hasConsented);
    this.#reporter.set(conditionOf(facts, isWanted));
    if (JSON.stringify(standing) !== JSON.stringify(this.#state.standing)) this.#change({ standing });
  }

  /** Asks for as much as the person wants and the machine can do with. */
  #limit(): void {
    const because = this.#saves ? "asked" : this.#machine.isShort ? "machine" : null;
    const only = onlyPlace(this.#state.conference);
    const before = this.#state.saving;
    if (because !== (before?.because ?? null) || (before !== null && before.only !== only)) {
      this.#change({ saving: because === null ? null : { only, because } });
    }
    if (this.#peer?.isAnswered !== true || this.#channel.link.state !== "open") return;
    const layers = limitsOf(because === null ? null : only, this.#peer.slots);
    const asked = JSON.stringify(layers);
    if (asked === this.#limits) return;
    this.#limits = asked;
    this.#channel.request({ type: "limit", layers }).catch((error: unknown) => {
      // The next message of the server has it asked again.
      this.#limits = "";
      if (!(error instanceof RequestError)) this.#report(error);
    });
  }

  /** Who has asked to speak and waits can be looked at by those who give the floor, but not heard. */
  #mayBeLookedAt(): boolean {
    const { me, self } = this.#state.conference;
    const isWaiting = me?.role === "site" && self.floor === "waiting";
    return isWaiting && this.#hasConsented && !self.muted && !self.standsBy;
  }

  #noteOnAir(willing: boolean): void {
    const { active } = this.#publisher;
    const onAir: ReadonlySet<Source> = willing ? active : new Set();
    if (String([...onAir]) !== String([...this.#state.onAir])) {
      const now = performance.now();
      this.#onAirSince = new Map([...onAir].map((source) => [source, this.#onAirSince.get(source) ?? now]));
      this.#change({ onAir });
    }
    const isLookedAt = !willing && active.has("camera") && this.#wanted("camera") > 0;
    if (isLookedAt !== this.#state.isLookedAt) this.#change({ isLookedAt });
  }

  /** How many layers of a source are looked at. Of one that is on air all are sent until that is known. */
  #wanted(source: Source): number {
    const { wanted, self } = this.#state.conference;
    const known = wanted[source] ?? (this.#mayBeLookedAt() ? 0 : ALL_LAYERS);
    const isAwaited = source === "camera" && self.onStage && !self.arriving.camera;
    return isAwaited ? Math.max(known, 1) : known;
  }

  #carry(source: Source, track: MediaStreamTrack | null): void {
    this.#publisher.carry(source, track).catch((error: unknown) => this.#report(error));
  }

  /** A refused or lost `publish` is repeated by the next `attach`; anything else is a fault of this page. */
  #report(error: unknown): void {
    if (error instanceof RequestError) {
      if (error.code !== "disconnected") this.#change({ refused: error.code });
    } else if (!this.#signal.aborted) {
      console.error(error);
    }
  }

  #closePeer(): void {
    clearTimeout(this.#renewTimer);
    this.#peerLife.abort();
    this.#peer = null;
    this.#publisher.detach();
  }

  /** A fresh peer connection: at the join, and when the former one is beyond repair. */
  #renew(): void {
    this.#closePeer();
    const role = this.#state.conference.me?.role;
    if (role === undefined || this.#signal.aborted) return;
    this.#peerLife = new AbortController();
    this.#lastReading = null;
    this.#lastReported = null;
    this.#soundHold = new SoundHold();
    this.#pictureHold = new PictureHold();
    this.#path.renewed();
    const peer = new PeerLink(
      {
        plan: planFor(role),
        iceServers: this.#iceServers,
        isAfresh: this.#hasConnected,
        negotiate: (request) => this.#channel.request(request),
        onChange: () => this.#onPeer(peer),
        onGone: () => this.#renewLater(peer),
        ...(this.#options.connectPeer && { connect: this.#options.connectPeer }),
      },
      this.#peerLife.signal,
    );
    this.#peer = peer;
    this.#hasConnected = true;
    const conference = { ...this.#state.conference, wanted: {} };
    this.#limits = "{}";
    this.#change({ media: "connecting", slots: [], conference });
    this.#offer(peer);
  }

  #offer(peer: PeerLink): void {
    peer.offer().then(
      () => this.#onAnswered(peer),
      (error: unknown) => {
        if (this.#peer !== peer) return;
        this.#report(error);
        // A lost line: the next `welcome` offers again.
        const isLineLost = error instanceof RequestError && error.code === "disconnected";
        if (!isLineLost) this.#renewLater(peer);
      },
    );
  }

  #onAnswered(peer: PeerLink): void {
    if (this.#peer !== peer || !peer.isAnswered) return;
    this.#publisher.attach(peer).catch((error: unknown) => this.#report(error));
    this.#limit();
    const wanted = [...this.#state.watched.values()];
    this.#change({ watched: new Map() });
    if (wanted.length > 0) void this.watch(wanted);
  }

  /** The session came back to a page whose peer connection may well have lived on, unless it comes from elsewhere. */
  #keepPeer(hasMoved: boolean): void {
    const peer = this.#peer;
    if (peer === null) return;
    if (!peer.isAnswered) {
      this.#offer(peer);
      return;
    }
    this.#publisher.attach(peer).catch((error: unknown) => this.#report(error));
    this.#path.begin();
    if (!hasMoved) void this.#lookAtPath();
    else if (this.#path.isDoubtful(performance.now())) this.#renew();
    else this.#restartIce(peer);
  }

  async #lookAtPath(): Promise<void> {
    const peer = this.#peer;
    if (this.#state.link.state !== "open") this.#path.suspend();
    const isBlocked = this.#path.isBlocked(performance.now());
    if (isBlocked !== this.#state.isBlocked) this.#change({ isBlocked });
    this.#judge();
    if (peer?.isAnswered !== true || this.#isLooking) return;
    this.#isLooking = true;
    try {
      const sight = await peer.sight();
      const remedy = this.#peer === peer ? this.#path.look(performance.now(), sight) : null;
      const isInterrupted = this.#path.isSilent(performance.now());
      if (isInterrupted !== this.#state.isInterrupted) this.#change({ isInterrupted });
      if (remedy !== null) await this.#remedy(peer, remedy);
    } finally {
      this.#isLooking = false;
    }
  }

  /** Looks for another way if the server can be reached at all; else the next `welcome` sees to it. */
  async #remedy(peer: PeerLink, remedy: Remedy): Promise<void> {
    const isOpen = await this.#channel.check();
    if (!isOpen || this.#peer !== peer) return;
    if (remedy === "ask") this.#path.answered();
    if (remedy === "fresh") this.#renew();
    if (remedy === "restart") this.#restartIce(peer);
  }

  /** There is a network again, perhaps another one. */
  #onNetwork(): void {
    this.#path.begin();
    if (this.#peer?.isAnswered === true) void this.#remedy(this.#peer, "restart");
  }

  #restartIce(peer: PeerLink): void {
    peer.restartIce().catch((error: unknown) => this.#report(error));
  }

  #onPeer(peer: PeerLink): void {
    if (this.#peer !== peer) return;
    if (peer.state === "connected") this.#renewals = 0;
    this.#change({ media: peer.state, slots: peer.slots });
  }

  #renewLater(peer: PeerLink): void {
    if (this.#peer !== peer) return;
    const wait = this.#renewals === 0 ? 0 : Math.min(LONGEST_RENEWAL_MS, 1_000 * 2 ** (this.#renewals - 1));
    this.#renewals += 1;
    clearTimeout(this.#renewTimer);
    this.#renewTimer = setTimeout(() => {
      // Without a line the next `welcome` keeps this peer, whose repair fails and leads here again.
      if (this.#channel.link.state === "open") this.#renew();
      else this.#peer = null;
    }, wait);
  }

  async #readStats(): Promise<void> {
    await this.#publisher.fit();
    const peer = this.#peer;
    if (peer?.state !== "connected") return;
    const report = await peer.stats();
    if (this.#peer !== peer) return;
    // Browsers make what an entry says anew for each who reads it: once is enough for an old machine.
    const entries = [...report.entries()];
    const reading = read(entries);
    const isListening = this.#state.conference.me?.role === "site" && !isOnAir(this.#state.conference);
    peer.hold({ sound: this.#soundHold.next(readSound(entries), isListening), pictures: this.#pictureHold.next(reading) });
    this.#machine.look(performance.now(), effortIn(entries, this.#longTasks()));
    this.#limit();
    const quality = this.#lastReading === null ? null : compare(this.#lastReading, reading);
    this.#lastReading = reading;
    this.#hear("camera", this.#lookAtCamera(reading));
    if (quality !== null) this.#change({ quality });
    this.#reportHearing(reading);
  }

  #reportHearing(reading: Reading): void {
    const before = this.#lastReported;
    if (before !== null && reading.at - before.at < REPORT_MS) return;
    this.#lastReported = reading;
    const heard = before === null ? null : hearing(before, reading);
    if (heard !== null) this.#channel.report(heard);
  }

  /** Whether pictures have come of the camera since the last reading; `null` while that is not known. */
  #lookAtCamera({ framesCaptured }: Reading): boolean | null {
    // Of a picture that nobody looks at no browser need count the frames.
    if (this.#wanted("camera") === 0) return null;
    const frames = framesCaptured.get(this.#options.devices.state.camera.track?.id ?? "") ?? null;
    const before = this.#framesCaptured;
    this.#framesCaptured = frames;
    return before === null || frames === null ? null : frames !== before;
  }

  #change(part: Partial<AttendanceState>): void {
    this.#state = { ...this.#state, ...part };
    this.#options.onChange(this.#state);
  }
}

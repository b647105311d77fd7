// What the components see: the state of this visit, and the actions they may call.

import type { Attendance, AttendanceState } from "../attendance.ts";
import { expose } from "../diagnostics.ts";
import { type DeviceKind, type DeviceState, HALL_CAMERA, LocalDevices, NOTHING, SITE_CAMERA } from "../devices.ts";
import { Preferences, TabCredentials } from "../memory.ts";
import type { Role } from "../protocol.ts";
import { codeInHash, exchangeCode } from "../link.ts";
import { openSocket } from "../socket.ts";
import { readToken, tokenInHash, type TokenText } from "../token.ts";
import type { OverReason } from "../verdict.ts";
import { fetchTruth, type Invitation, NO_INVITATION } from "../invitation.ts";
import { type Language, language, speak } from "./i18n.svelte.ts";
import { CHECK_PATH } from "../kept/keep.ts";
import { lineCheckPage, operatorPage, prepareRoom, room } from "./later.ts";

const NO_DEVICES: DeviceState = {
  microphone: NOTHING,
  camera: NOTHING,
  list: { microphones: [], cameras: [], loudspeakers: [] },
};

const ROLE_OF_PATH: Readonly<Record<string, Role>> = {
  "/operator": "operator",
  "/hall": "hall",
  "/site": "site",
  "/observer": "observer",
};

/** How often a link for a later hour is asked about, in milliseconds. */
const NOT_YET_MS = 15_000;

function speaksByRight(role: Role): boolean {
  return role === "hall" || role === "chair";
}

/** One visit of one person to this page. */
export class Visit {
  attendance = $state.raw<AttendanceState | null>(null);
  devices = $state.raw<DeviceState>(NO_DEVICES);
  invitation = $state.raw<Invitation>(NO_INVITATION);
  volume = $state(1);
  isSilenced = $state(false);
  loudspeaker = $state("");
  /** The person wants to save data. */
  saves = $state(false);
  /** The browser plays no sound until somebody clicks. */
  isSoundBlocked = $state(false);

  /** What is needed inside is being fetched. */
  isEntering = $state(false);
  /** The link's code is being exchanged, or why it could not be. */
  opening = $state.raw<"pending" | "token_not_yet_valid" | OverReason | null>(null);
  token = $state.raw<TokenText>(readToken(null));

  /** Ends when everything is here that this page waits for, or is about to. */
  readonly prepared: Promise<unknown>;

  readonly #credentials: TabCredentials;
  readonly #preferences = new Preferences();
  readonly #wakeUps = new EventTarget();
  readonly #life = new AbortController();
  readonly #devices: LocalDevices;
  readonly #path: string;
  readonly #code: string | null;
  #attendance: Attendance | null = null;
  #attendanceLife = new AbortController();

  constructor(page: { location: Location; history: History }) {
    const { hash } = page.location;
    const [code, token] = [codeInHash(hash), tokenInHash(hash)];
    this.#code = code;
    this.#credentials = new TabCredentials();
    if (token !== null) this.#credentials.keepToken(token);
    this.#path = page.location.pathname.replace(/\/+$/u, "");
    // Neither stays where it can be read over a shoulder or land in a screenshot.
    if (hash !== "") page.history.replaceState(null, "", page.location.pathname + page.location.search);
    this.token = readToken(this.#credentials.token);
    this.volume = this.#preferences.volume;
    this.loudspeaker = this.#preferences.loudspeaker;
    this.saves = this.#preferences.saves;
    speak(this.#preferences.language);
    this.#devices = new LocalDevices(
      {
        source: navigator.mediaDevices,
        memory: this.#preferences,
        size: this.role === "site" ? SITE_CAMERA : HALL_CAMERA,
        onChange: (devices) => {
          this.devices = devices;
          this.#attendance?.onDevices();
        },
      },
      this.#life.signal,
    );
    this.#forwardWakeUps();
    window.addEventListener("pagehide", () => this.#credentials.putAway(), { signal: this.#life.signal });
    expose(() => ({
      state: this.attendance,
      session: this.#credentials.session?.id ?? null,
      remoteDescriptions: this.#attendance?.remoteDescriptions ?? 0,
      stats: () => this.#attendance?.stats() ?? Promise.resolve(null),
    }));
    this.prepared = code === null ? this.#begin() : this.#open(code);
  }

  /** The role that the server gave; before that what the link says; `site` if it says nothing. */
  get role(): Role {
    return this.attendance?.conference.me?.role ?? this.token.role ?? ROLE_OF_PATH[this.#path] ?? "site";
  }

  get speaksByRight(): boolean {
    return speaksByRight(this.role);
  }

  /** Whether one's own device is switched on, and is there. */
  isOn(kind: DeviceKind): boolean {
    return this.attendance?.switches[kind] === true && this.devices[kind].track !== null;
  }

  /** This page looks at the line and the devices, and goes into no conference. */
  get isChecking(): boolean {
    return this.#path === CHECK_PATH;
  }

  /** The page of the conference to which this tab has a link; `null` if it has none. */
  get conferencePath(): string | null {
    if (this.#credentials.token === null) return null;
    const { role } = this;
    return Object.keys(ROLE_OF_PATH).find((path) => ROLE_OF_PATH[path] === role) ?? "/operator";
  }

  get bearer(): string | null {
    return this.#credentials.token;
  }

  /** What this page came with: a token, or the code of a link that was not exchanged for one. */
  get credential(): string | null {
    return this.#credentials.token ?? this.#code;
  }

  get signal(): AbortSignal {
    return this.#life.signal;
  }

  /** Somebody waits for picture and sound, which have the line for themselves until they are there. */
  get isJoining(): boolean {
    if (this.attendance === null) return this.isEntering;
    const { link, media, isBlocked } = this.attendance;
    return (link.state === "connecting" || link.state === "open") && media === "connecting" && !isBlocked;
  }

  /** Ends when nobody waits for picture and sound. */
  calm(): Promise<void> {
    return new Promise((resolve) => {
      const watch = $effect.root(() => {
        $effect(() => {
          if (this.isJoining) return;
          resolve();
          queueMicrotask(() => watch());
        });
      });
    });
  }

  get preferences(): Preferences {
    return this.#preferences;
  }

  /** What this place may do in the conference; there only while it attends. */
  get actions(): Attendance | null {
    return this.#attendance;
  }

  /**
   * Joins, or comes back. A click should lead here: browsers allow sound only after one. Ends when what is needed inside
   * is here.
   */
  async enter(): Promise<void> {
    this.#attendanceLife.abort();
    this.#attendanceLife = new AbortController();
    this.attendance = null;
    this.isEntering = true;
    const { signal } = this.#attendanceLife;
    // A site's devices are let go until it asks for the floor.
    if (this.speaksByRight) this.openDevices();
    else this.#devices.close();
    // The way to the server is opened while the room's code is on its way: on a long line that is half a second.
    const socket = this.connectSocket();
    signal.addEventListener("abort", () => socket.close(), { once: true });
    const inside = await room();
    if (signal.aborted) return;
    this.isEntering = false;
    this.#attend(inside.Attendance, socket, signal);
  }

  #attend(Attending: typeof Attendance, first: WebSocket, signal: AbortSignal): void {
    let waiting: WebSocket | null = first;
    const connectSocket = (): WebSocket => {
      const socket = waiting !== null && waiting.readyState <= WebSocket.OPEN ? waiting : this.connectSocket();
      waiting = null;
      return socket;
    };
    const attendance = new Attending(
      {
        credentials: this.#credentials,
        devices: this.#devices,
        media: navigator.mediaDevices,
        wakeUps: this.#wakeUps,
        connectSocket,
        random: () => Math.random(),
        saves: this.saves,
        capabilities: navigator.mediaCapabilities,
        onChange: (state) => (this.attendance = state),
      },
      signal,
    );
    this.#attendance = attendance;
    this.attendance = attendance.state;
  }

  /** Opens a WebSocket to the server of this page. */
  readonly connectSocket = openSocket;

  openDevices(): void {
    void this.#devices.open("microphone").then(() => this.#devices.open("camera"));
  }

  openDevice(kind: DeviceKind): void {
    void this.#devices.open(kind);
  }

  chooseDevice(kind: DeviceKind, id: string): void {
    void this.#devices.choose(kind, id);
  }

  turnCamera(): void {
    void this.#devices.turnCamera();
  }

  setLoudspeaker(id: string): void {
    this.loudspeaker = id;
    this.#preferences.keepLoudspeaker(id);
  }

  /** Reads which devices there are, for a choice of loudspeaker before anything is opened. */
  listDevices(): void {
    void this.#devices.refresh();
  }

  setVolume(volume: number): void {
    this.volume = volume;
    this.isSilenced = false;
    this.#preferences.keepVolume(volume);
  }

  setSaving(saves: boolean): void {
    this.saves = saves;
    this.#preferences.keepSaving(saves);
    this.#attendance?.save(saves);
  }

  switchLanguage(next: Language): void {
    speak(next);
    this.#preferences.keepLanguage(next);
  }

  get language(): Language {
    return language();
  }

  /** Gets the token for which the link's code stands. */
  async #open(code: string): Promise<void> {
    this.opening = "pending";
    const exchange = await exchangeCode(code, this.#life.signal);
    if ("refused" in exchange) {
      this.opening = exchange.refused;
      return;
    }
    this.#credentials.keepToken(exchange.token);
    this.token = readToken(exchange.token);
    this.opening = null;
    await this.#begin();
  }

  /** A reload comes straight back; operators have nothing to check; everyone else is asked to click. */
  async #begin(): Promise<void> {
    const { token, session } = this.#credentials;
    if (this.isChecking) {
      if (token !== null) void this.#ask(token);
      await lineCheckPage();
      return;
    }
    if (this.#path !== "" && !Object.hasOwn(ROLE_OF_PATH, this.#path)) {
      this.opening = "no_page";
      return;
    }
    if (session !== null || token === null || this.role === "operator") {
      await this.enter();
      if (this.role === "operator") await operatorPage();
      return;
    }
    await Promise.all([this.#ask(token), prepareRoom()]);
  }

  /** What the link leads to is told before anybody clicks. One for a later hour is asked about until then. */
  async #ask(token: string): Promise<void> {
    const { signal } = this.#life;
    const truth = await fetchTruth(token, signal);
    if (this.#attendance !== null) return;
    if ("invitation" in truth) {
      this.invitation = truth.invitation;
      this.opening = null;
    } else if ("over" in truth) {
      this.opening = truth.over;
    } else {
      this.opening = truth.waiting;
      setTimeout(() => void this.#ask(token), NOT_YET_MS);
    }
  }

  #forwardWakeUps(): void {
    const { signal } = this.#life;
    window.addEventListener("online", () => this.#wakeUps.dispatchEvent(new Event("online")), { signal });
    // Not in every browser; where it is, it also tells that the line was measured anew.
    const connection = "connection" in navigator ? navigator.connection : null;
    if (connection instanceof EventTarget) {
      connection.addEventListener("change", () => this.#wakeUps.dispatchEvent(new Event("network")), { signal });
    }
    document.addEventListener(
      "visibilitychange",
      () => {
        if (document.visibilityState === "visible") this.#wakeUps.dispatchEvent(new Event("visible"));
      },
      { signal },
    );
  }
}

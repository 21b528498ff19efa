// What is asked of the relay. Addresses are relative: the page may be under another path at a proxy.

const HEADERS = { "x-onport-relay": "page" };

export class SignedOutError extends Error {}

export async function isOpen() {
  return (await (await asked("session")).json()).is_open;
}

export async function open(token) {
  await answered(await asked("session", { method: "POST", body: token }));
}

export async function close() {
  await answered(await asked("session", { method: "DELETE" }));
}

export async function letters(chosen) {
  return (await answered(await asked(`letters?${new URLSearchParams(chosen)}`))).json();
}

// Returns how many things were done.
export async function act(what, wish) {
  return (await (await answered(await asked(what, { method: "POST", body: JSON.stringify(wish) }))).json()).done;
}

function asked(path, options = {}) {
  return fetch(`page/${path}`, { headers: HEADERS, cache: "no-store", ...options });
}

async function answered(response) {
  if (response.ok) return response;
  const error = await response.json().then((body) => body.error, () => `answered ${response.status}`);
  throw response.status === 401 ? new SignedOutError(error) : new Error(error);
}

const AGAIN_MS = 3_000;
const SILENT_MS = 10_000;

// Tells of each picture, and of every time that there is none; until the session has ended.
export class Pictures {
  #source = null;
  #timer = 0;

  constructor({ seen, lost, signedOut }) {
    Object.assign(this, { seen, lost, signedOut });
  }

  start() {
    this.stop();
    this.#source = new EventSource("page/events");
    this.#source.addEventListener("picture", (event) => {
      this.#expect(SILENT_MS);
      this.seen(JSON.parse(event.data));
    });
    this.#source.addEventListener("error", () => this.#failed());
    this.#expect(SILENT_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  // The browser connects again by itself, but not after an answer that is no stream, nor out of a silence.
  #failed() {
    this.lost();
    this.#expect(AGAIN_MS);
  }

  #expect(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#again(), ms);
  }

  async #again() {
    this.lost();
    try {
      if (await isOpen()) this.start();
      else this.signedOut();
    } catch {
      this.#expect(AGAIN_MS); // the gateway is away, which is shown
    }
  }
}

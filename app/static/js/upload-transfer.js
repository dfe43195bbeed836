// One file on its way to the site, by PeerTube's resumable protocol; knows no page.
//
//   POST   /api/v1/videos/upload-resumable   X-Upload-Content-Length, X-Upload-Content-Type, JSON → 201, Location
//   PUT    Location   Content-Range: bytes 0-99/200, the bytes → 308 and Range while more is wanted, 200 at the end
//   PUT    Location   Content-Range: bytes */200 → the same, to ask what has arrived
//   DELETE Location   forget it
//
// Events: `change` (state, sent or problem changed), `done` (detail: the video).

const BEGIN = "/api/v1/videos/upload-resumable";
const KNOWN = "kinora.uploads";
const CHUNK = 32 * 1024 * 1024;
const WAITS = [1, 2, 4, 8, 15, 30]; // seconds before the next attempt
const KEPT_HOURS = 24; // the site forgets an upload that stands still for so long

export class Transfer extends EventTarget {
  state = "waiting"; // waiting, sending, paused, cut, done, failed, cancelled
  sent = 0;
  problem = null; // why it failed, a sentence of the site's
  told = null; // the metadata as they were sent; a later change of them is the caller's affair
  #place = null;
  #request = null;
  #attempt = 0;
  #timer = null;

  constructor(file, metadata) {
    super();
    this.file = file;
    this.metadata = metadata;
    this.#place = known().get(fingerprint(file))?.place ?? null;
    if (this.#place) this.told = { ...metadata };
  }

  /** Do not even begin. */
  refuse(problem) {
    this.problem = problem;
    this.#to("failed");
  }

  /** Send, or go on; where it was cut, ask first how far it came. */
  async start() {
    if (["sending", "done", "cancelled"].includes(this.state)) return;
    clearTimeout(this.#timer);
    this.#to("sending");
    try {
      const video = await this.#send();
      if (!video) return; // paused or cancelled meanwhile
      forget(this.file);
      this.video = video;
      this.sent = this.file.size;
      this.#to("done");
      this.dispatchEvent(new CustomEvent("done", { detail: video }));
    } catch (error) {
      if (this.state !== "sending") return;
      if (error instanceof Refused) {
        forget(this.file);
        this.problem = error.message;
        this.#to("failed");
      } else {
        this.#waitAndGoOn(error.seconds);
      }
    }
  }

  /** Stop sending; start() goes on. */
  pause() {
    if (!["sending", "cut", "waiting"].includes(this.state)) return;
    clearTimeout(this.#timer);
    this.#to("paused");
    this.#request?.abort();
  }

  /** Send nothing more, and have the site forget what it got. */
  async cancel() {
    const place = this.#place;
    clearTimeout(this.#timer);
    this.#to("cancelled");
    this.#request?.abort();
    forget(this.file);
    if (place) await fetch(place, { method: "DELETE" }).catch(() => {});
  }

  async #send() {
    let video = this.#place ? await this.#ask() : null;
    if (!this.#place) await this.#begin();
    while (!video && this.state === "sending") {
      const end = Math.min(this.sent + CHUNK, this.file.size);
      video = await this.#put(this.file.slice(this.sent, end), `bytes ${this.sent}-${end - 1}/${this.file.size}`);
      this.#attempt = 0;
    }
    return video;
  }

  async #begin() {
    this.sent = 0;
    this.told = { ...this.metadata };
    const answer = await fetch(BEGIN, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-Upload-Content-Length": this.file.size,
        "X-Upload-Content-Type": this.file.type || "application/octet-stream",
      },
      body: JSON.stringify({ ...this.told, filename: this.file.name }),
    });
    if (!answer.ok) throw await problemOf(answer.status, await answer.text(), answer.headers.get("Retry-After"));
    const place = new URL(answer.headers.get("Location"), location.href);
    this.#place = place.pathname + place.search;
    keep(this.file, this.#place);
  }

  /** How far it came: gives the video if that was all of it. An upload that is gone begins anew. */
  async #ask() {
    try {
      return await this.#put(null, `bytes */${this.file.size}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#place = null;
      forget(this.file);
      return null;
    }
  }

  /** fetch() tells nothing while it sends, so this is an XMLHttpRequest. */
  #put(bytes, range) {
    const before = this.sent;
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open("PUT", this.#place);
      request.setRequestHeader("Content-Range", range);
      if (bytes) {
        request.upload.onprogress = (event) => {
          this.sent = before + event.loaded;
          this.#changed();
        };
      }
      request.onload = () => {
        if (request.status === 308) {
          this.sent = arrived(request.getResponseHeader("Range"));
          this.#changed();
          resolve(null);
        } else if (request.status >= 200 && request.status < 300) {
          resolve(JSON.parse(request.responseText).video);
        } else {
          const retry = request.getResponseHeader("Retry-After");
          problemOf(request.status, request.responseText, retry).then(reject);
        }
      };
      request.onerror = request.onabort = request.ontimeout = () => reject(new Cut());
      request.send(bytes);
    });
  }

  #waitAndGoOn(seconds) {
    this.#to("cut");
    const wait = seconds ?? WAITS[Math.min(this.#attempt++, WAITS.length - 1)];
    const goOn = () => {
      removeEventListener("online", goOn);
      clearTimeout(this.#timer);
      if (this.state === "cut") this.start();
    };
    this.#timer = setTimeout(goOn, wait * 1000);
    addEventListener("online", goOn);
  }

  #to(state) {
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Uploads that this browser began and did not end: `{name, size, place, forget}`. */
export function unfinished() {
  return [...known()].map(([print, { name, size, place }]) => ({
    name,
    size,
    async forget() {
      remove(print);
      await fetch(place, { method: "DELETE" }).catch(() => {});
    },
  }));
}

/** No repetition helps; the message is for people. */
class Refused extends Error {}

/** The connection broke off, or the site asked for patience (seconds). */
class Cut extends Error {
  constructor(seconds) {
    super("cut");
    this.seconds = seconds;
  }
}

async function problemOf(status, text, retryAfter) {
  if (status === 408 || status === 409 || status === 429 || status >= 500) {
    return new Cut(Number(retryAfter) || undefined);
  }
  try {
    const problem = JSON.parse(text);
    return new Refused(problem.detail ?? problem.title);
  } catch {
    return new Refused(`${status}`);
  }
}

function arrived(range) {
  return range ? Number(range.split("-")[1]) + 1 : 0;
}

function fingerprint(file) {
  return `${file.name}:${file.size}:${file.lastModified}`;
}

function known() {
  try {
    const fresh = Date.now() - KEPT_HOURS * 3600_000;
    return new Map(JSON.parse(localStorage.getItem(KNOWN) ?? "[]").filter(([, entry]) => entry.at > fresh));
  } catch {
    return new Map();
  }
}

function save(uploads) {
  try {
    localStorage.setItem(KNOWN, JSON.stringify([...uploads]));
  } catch {
    // without storage an upload only cannot be gone on with after the page is closed
  }
}

function keep(file, place) {
  save(known().set(fingerprint(file), { name: file.name, size: file.size, place, at: Date.now() }));
}

function forget(file) {
  remove(fingerprint(file));
}

function remove(print) {
  const uploads = known();
  uploads.delete(print);
  save(uploads);
}

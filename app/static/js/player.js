// <kinora-player>: makes the <video> inside ours. Without this script the browser's own player works.
//
//   <kinora-player data-video="uuid" data-duration="61.5" [data-storyboard="…vtt"] [data-growing]
//       [data-start data-stop data-autoplay data-muted data-loop data-controls="false" data-title]>
//     <video controls preload="none" poster="…"><source src="….m3u8"></video>
//     <script type="application/json">{"failed": "…", …}</script>   sentences in the visitor's language
//   </kinora-player>
//
// The picture and the browser's controls are there at once. Our controls come when the page has loaded,
// hls.js when somebody is about to play. Files are opened by the visitor's cookie.

import { recall, remember } from "./player-memory.js";
import { feedsByScript } from "./player-support.js";

const VIEW_SECONDS = 10; // watching so long makes a view, or half of a shorter video

class KinoraPlayer extends HTMLElement {
  #engine = null;
  #starting = null;
  #watched = 0;
  #last = 0;

  connectedCallback() {
    if (this.video) return;
    this.video = this.querySelector("video");
    this.words = JSON.parse(this.querySelector("script[type='application/json']").textContent);
    this.source = this.video.querySelector("source").src;
    const { videoWidth, videoHeight } = this.video;
    const ratio = (videoWidth || this.video.width) / (videoHeight || this.video.height);
    this.style.setProperty("--ratio", ratio || 16 / 9);

    // Already where the controls will want it: moving a playing video would stop it.
    this.frame = document.createElement("media-controller");
    this.video.replaceWith(this.frame);
    this.video.slot = "media";
    this.frame.append(this.video);

    this.video.loop = this.dataset.loop === "true";
    this.video.muted = this.dataset.muted === "true";
    this.#listen();
    this.#loadControls();
    if (this.dataset.autoplay === "true") this.#autoplay();
  }

  #listen() {
    const soon = () => this.#loadEngine();
    for (const sign of ["pointerenter", "focusin", "touchstart"]) {
      this.addEventListener(sign, soon, { once: true, passive: true });
    }
    this.video.addEventListener("play", () => this.start());
    this.video.addEventListener("timeupdate", () => this.#moved());
    this.video.addEventListener("pause", () => this.#keepPlace());
    this.video.addEventListener("ended", () => remember(this.dataset.video, null));
    addEventListener("pagehide", () => this.#keepPlace());
  }

  /** From here on only we bring the stream: the browser need not begin to load it as well. */
  takeOver() {
    if (this.#starting || !this.video.paused || !feedsByScript(this.video)) return;
    this.video.querySelector("source")?.remove();
    this.video.load();
  }

  /** Make the stream ready and play it; the first call decides where playback begins. */
  async start() {
    this.#starting ??= this.#open(this.#beginning());
    await this.#starting;
    if (this.video.paused) await this.video.play().catch(() => {});
  }

  /** Play from another playlist from here on (a video that has grown); nothing when it is the same. */
  async change(source) {
    if (source === this.source && !this.hasAttribute("data-growing")) return;
    this.source = source;
    this.removeAttribute("data-growing");
    if (!this.#starting) return;
    const playing = !this.video.paused;
    this.#starting = this.#open(this.video.currentTime);
    await this.#starting;
    if (playing) await this.video.play().catch(() => {});
  }

  async #open(position) {
    const { openStream } = await this.#loadEngine();
    this.#engine?.close();
    this.say(null);
    this.#engine = openStream(this, this.source, position);
    await this.#engine.ready;
  }

  #loadEngine() {
    return import("./player-stream.js");
  }

  async #autoplay() {
    this.#starting ??= this.#open(this.#beginning());
    await this.#starting;
    try {
      await this.video.play();
    } catch (refused) {
      if (refused.name !== "NotAllowedError") return;
      this.video.muted = true; // browsers let silence play
      await this.video.play().catch(() => {});
    }
  }

  async #loadControls() {
    if (this.dataset.controls === "false") {
      this.video.controls = false;
      return;
    }
    if (document.readyState !== "complete") {
      await new Promise((loaded) => addEventListener("load", loaded, { once: true }));
    }
    const { addControls } = await import("./player-controls.js");
    await addControls(this);
  }

  #beginning() {
    const asked = Number(this.dataset.start);
    if (this.dataset.start !== undefined && asked >= 0) return asked;
    const place = recall(this.dataset.video);
    if (place) this.#offerRestart();
    return place ?? 0;
  }

  #offerRestart() {
    this.video.addEventListener(
      "playing",
      () => this.say(this.words.resumed, { action: this.words.restart, seconds: 6, then: () => (this.video.currentTime = 0) }),
      { once: true },
    );
  }

  #moved() {
    const now = this.video.currentTime;
    const step = now - this.#last;
    this.#last = now;
    if (step > 0 && step < 2) {
      const before = this.#watched;
      const enough = Math.min(VIEW_SECONDS, this.video.duration / 2);
      this.#watched += step;
      if (before < enough && this.#watched >= enough) this.#countView(now);
    }
    if (Math.floor(now) % 5 === 0) this.#keepPlace();
    const stop = Number(this.dataset.stop);
    if (stop && now >= stop) {
      this.video.pause();
      this.removeAttribute("data-stop");
    }
  }

  #keepPlace() {
    const { currentTime, duration } = this.video;
    if (!this.#watched || !duration) return;
    const worthwhile = currentTime > 10 && currentTime < duration - 15;
    remember(this.dataset.video, worthwhile ? currentTime : null);
  }

  #countView(currentTime) {
    fetch(`/api/v1/videos/${this.dataset.video}/views`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ currentTime: Math.floor(currentTime) }),
      keepalive: true,
    }).catch(() => {});
  }

  /** Show a sentence over the picture, with a button where there is something to do; null takes it away. */
  say(sentence, { action, then, seconds } = {}) {
    this.querySelector(".player-words")?.remove();
    if (!sentence) return;
    const place = document.createElement("div");
    place.className = "player-words";
    place.setAttribute("role", seconds ? "status" : "alert");
    if (!seconds) place.setAttribute("noautohide", "");
    const words = document.createElement("p");
    words.textContent = sentence;
    place.append(words);
    if (action) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button small";
      button.textContent = action;
      button.addEventListener("click", () => {
        place.remove();
        then();
      });
      place.append(button);
    }
    this.frame.append(place);
    if (seconds) setTimeout(() => place.remove(), seconds * 1000);
  }
}

customElements.define("kinora-player", KinoraPlayer);

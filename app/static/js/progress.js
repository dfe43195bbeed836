// <kinora-progress>: how far a video is; what to do when that changes.
//
//   <kinora-progress data-video="uuid" data-words='{"queued": "…", …}' [data-waiting] [data-stream]>…</kinora-progress>
//
// words: queued, preparing, encoding, joining, done, failed. With `data-waiting` the page has no player yet and
// is loaded anew once there is something to play (or it failed). Where the page has a <kinora-player> of the same
// video, that gets the complete playlist in the end. `data-stream` listens to the site's events (one connection,
// for a page about one video); else it asks now and then.

const ASK_SECONDS = 2.5;
const ENDS = ["done", "failed"];

class KinoraProgress extends HTMLElement {
  connectedCallback() {
    if (this.started) return;
    this.started = true;
    this.words = JSON.parse(this.dataset.words);
    this.address = `/api/v1/videos/${this.dataset.video}/progress`;
    this.says = document.createElement("p");
    this.says.className = "progress-says";
    this.says.setAttribute("role", "status");
    this.bar = document.createElement("progress");
    this.bar.setAttribute("aria-label", this.words.encoding);
    this.replaceChildren(this.says, this.bar);
    if ("stream" in this.dataset) this.#listen();
    else this.#ask();
  }

  disconnectedCallback() {
    this.stream?.close();
    clearTimeout(this.timer);
  }

  #listen() {
    this.stream = new EventSource(this.address);
    this.stream.addEventListener("progress", (event) => {
      const told = JSON.parse(event.data);
      if (ENDS.includes(told.phase)) this.stream.close();
      this.#show(told);
    });
  }

  async #ask() {
    try {
      const answer = await fetch(this.address);
      if (answer.status === 404) return this.remove();
      if (answer.ok) {
        const told = await answer.json();
        this.#show(told);
        if (ENDS.includes(told.phase)) return undefined;
      }
    } catch {
      // the site is away for a moment: ask again
    }
    if (this.isConnected) this.timer = setTimeout(() => this.#ask(), ASK_SECONDS * 1000);
    return undefined;
  }

  #show(told) {
    const sentence = told.phase === "failed" ? (told.error?.detail ?? this.words.failed) : this.words[told.phase];
    if (this.says.textContent !== sentence) this.says.textContent = sentence;
    this.dataset.phase = told.phase;
    if (told.progress > 0) this.bar.value = told.progress;
    this.bar.hidden = ENDS.includes(told.phase);
    this.dispatchEvent(new CustomEvent("kinora:progress", { bubbles: true, detail: told }));
    if ("waiting" in this.dataset && (told.playable || told.phase === "failed")) location.reload();
    else if (told.phase === "done") this.#finish();
  }

  async #finish() {
    const player = document.querySelector(`kinora-player[data-video="${this.dataset.video}"]`);
    if (!player) return;
    this.hidden = true;
    const answer = await fetch(`/api/v1/videos/${this.dataset.video}`);
    if (!answer.ok) return;
    const [playlist] = (await answer.json()).streamingPlaylists;
    if (playlist) player.change(new URL(playlist.playlistUrl).pathname);
  }
}

customElements.define("kinora-progress", KinoraProgress);

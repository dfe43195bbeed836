// <kinora-upload>: several files at once, dragged in or chosen, paused, gone on with after a cut or a reload.
//
// Markup (templates/uploads/upload.html). Without JavaScript the form inside sends one file by itself:
//
//   <kinora-upload data-max-size="50000000000" data-icons="{{ url_for_static('vendor/icons.svg') }}">
//     <form method="post" action="…" enctype="multipart/form-data">
//       <input type="file" name="videofile" …>        becomes the drop zone
//       <span data-drop-icon>…</span>                 goes into it
//       <p data-single>…</p>                          things for one file only (title, button) are hidden
//       any other named field                         holds for every file that is added from then on,
//                                                     under PeerTube's names: channelId, privacy, language …
//     </form>
//     <script type="application/json">{{ ui.upload_words() }}</script>
//   </kinora-upload>
//
// Each file gets a row: title (from the file's name), bar, state, pause, resume, cancel; afterwards the video's
// progress and a link to it. Emits `kinora:uploaded` (bubbles; detail: `{id, uuid, shortUUID}`) for each.

import "./progress.js";
import { Transfer, unfinished } from "./upload-transfer.js";

const AT_ONCE = 2;
const TITLE_LENGTH = 120;

class KinoraUpload extends HTMLElement {
  #transfers = [];

  connectedCallback() {
    if (this.list) return;
    this.form = this.querySelector("form");
    const { own, progress } = JSON.parse(this.querySelector("script[type='application/json']").textContent);
    this.words = { ...own, progress };
    this.input = this.form.querySelector("input[type='file']");
    this.input.multiple = true;
    this.input.required = false;
    for (const single of this.form.querySelectorAll("[data-single]")) single.hidden = true;
    this.#makeZone();
    this.list = element("ul", { className: "upload-list", role: "list" });
    this.append(this.list);
    this.#showUnfinished();
    this.input.addEventListener("change", () => {
      this.add(this.input.files);
      this.input.value = "";
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    addEventListener("beforeunload", (event) => {
      if (this.#transfers.some(({ state }) => ["waiting", "sending", "cut"].includes(state))) event.preventDefault();
    });
  }

  /** Take files (a FileList or array) and send them, some at a time. */
  add(files) {
    for (const file of files) {
      const transfer = new Transfer(file, this.#metadata(file));
      this.#transfers.push(transfer);
      this.list.append(new Row(transfer, this).element);
      transfer.addEventListener("change", () => this.#next());
      if (file.size > Number(this.dataset.maxSize || Infinity)) transfer.refuse(this.words.tooLarge);
    }
    this.#showUnfinished();
    this.#next();
  }

  #next() {
    const busy = this.#transfers.filter(({ state }) => state === "sending" || state === "cut").length;
    const waiting = this.#transfers.filter(({ state }) => state === "waiting");
    for (const transfer of waiting.slice(0, Math.max(0, AT_ONCE - busy))) transfer.start();
  }

  /** What the form says about every file, and a title made of the file's name. */
  #metadata(file) {
    const said = {};
    for (const [name, value] of new FormData(this.form)) {
      if (value instanceof File || value === "") continue;
      const plain = name.replace(/\[\]$/, "");
      if (plain !== name) said[plain] = [...(said[plain] ?? []), value];
      else said[name] = value;
    }
    return { ...said, name: titleOf(file) };
  }

  #makeZone() {
    const zone = element("label", { className: "drop-zone" });
    const icon = this.querySelector("[data-drop-icon]");
    if (icon) zone.append(icon);
    zone.append(
      element("strong", { textContent: this.words.drop }),
      element("span", { className: "button primary", textContent: this.words.choose }),
    );
    const field = this.input.closest(".field") ?? this.input;
    field.replaceWith(zone);
    this.input.classList.add("visually-hidden");
    this.input.setAttribute("aria-label", this.words.choose);
    zone.append(this.input);
    let depth = 0;
    const over = (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      if (event.type === "dragenter") depth++;
      zone.classList.add("over");
    };
    addEventListener("dragenter", over);
    addEventListener("dragover", over);
    addEventListener("dragleave", () => {
      if (--depth <= 0) zone.classList.remove("over");
    });
    addEventListener("drop", (event) => {
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      depth = 0;
      zone.classList.remove("over");
      this.add(event.dataTransfer.files);
    });
  }

  #showUnfinished() {
    this.querySelector(".upload-unfinished")?.remove();
    const here = new Set(this.#transfers.map(({ file }) => `${file.name}:${file.size}`));
    const left = unfinished().filter(({ name, size }) => !here.has(`${name}:${size}`));
    if (!left.length) return;
    const list = element("ul", { className: "upload-unfinished", role: "list" });
    for (const upload of left) {
      const drop = button(this.words.forget, `${this.dataset.icons}#x`, async () => {
        await upload.forget();
        this.#showUnfinished();
      });
      const item = element("li");
      item.append(element("span", { textContent: fill(this.words.unfinished, { name: upload.name }) }), drop);
      list.append(item);
    }
    this.list.before(list);
  }
}

/** What is shown of one file. */
class Row {
  constructor(transfer, { words, dataset }) {
    this.transfer = transfer;
    this.words = words;
    this.icons = dataset.icons;
    this.speed = new Speed();
    this.element = element("li", { className: "upload-row" });
    this.title = element("input", { value: transfer.metadata.name, maxLength: TITLE_LENGTH });
    this.title.setAttribute("aria-label", `${words.title}: ${transfer.file.name}`);
    this.title.addEventListener("change", () => this.#rename());
    this.state = element("p", { className: "upload-state" });
    this.bar = element("progress", { max: transfer.file.size || 1 });
    this.bar.setAttribute("aria-label", transfer.metadata.name);
    this.buttons = element("div", { className: "actions" });
    this.element.append(this.title, this.bar, this.state, this.buttons);
    transfer.addEventListener("change", () => this.draw());
    transfer.addEventListener("done", ({ detail }) => this.#arrived(detail));
    this.draw();
  }

  draw() {
    const { state, sent, file, problem } = this.transfer;
    this.bar.value = sent;
    this.bar.hidden = ["done", "failed", "cancelled"].includes(state);
    const left = state === "sending" ? this.speed.left(sent, file.size) : null;
    const percent = Math.floor((100 * sent) / (file.size || 1));
    const sentence = state === "sending" && left === null ? this.words.starting : this.words[state];
    this.state.textContent = problem ?? fill(sentence, { percent, left: left === null ? "" : clock(left) });
    this.element.dataset.state = state;
    if (state === this.drawn) return;
    this.drawn = state;
    // Only a change of state is worth hearing; a number that counts up is not.
    this.state.setAttribute("role", ["cut", "failed", "done"].includes(state) ? "status" : "none");
    this.#drawButtons(state);
  }

  #drawButtons(state) {
    const { words, transfer } = this;
    const had = this.buttons.contains(document.activeElement);
    this.buttons.replaceChildren();
    if (["sending", "cut", "waiting"].includes(state)) {
      this.buttons.append(this.#button(words.pause, "pause", () => transfer.pause()));
    }
    if (state === "paused") this.buttons.append(this.#button(words.resume, "play", () => transfer.start()));
    if (["sending", "cut", "waiting", "paused"].includes(state)) {
      this.buttons.append(this.#button(words.cancel, "x", () => transfer.cancel()));
    }
    if (state === "cancelled") this.element.remove();
    if (had) this.buttons.querySelector("button")?.focus();
  }

  #button(label, icon, action) {
    return button(label, `${this.icons}#${icon}`, action);
  }

  #arrived(video) {
    const link = element("a", { className: "button small", href: `/w/${video.shortUUID}`, textContent: this.words.watch });
    this.buttons.replaceChildren(link);
    const progress = element("kinora-progress");
    progress.dataset.video = video.uuid;
    progress.dataset.words = JSON.stringify(this.words.progress);
    this.state.replaceWith(progress);
    if (this.title.value !== this.transfer.told.name) this.#rename();
    this.element.dispatchEvent(new CustomEvent("kinora:uploaded", { bubbles: true, detail: video }));
  }

  /** The title goes with the first bytes; one that was changed later is sent when the video is there. */
  async #rename() {
    const { video, metadata } = this.transfer;
    if (this.title.value.trim().length < 3) this.title.value = metadata.name;
    metadata.name = this.title.value;
    if (!video) return;
    await fetch(`/api/v1/videos/${video.uuid}`, {
      method: "PUT",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: this.title.value }),
    });
  }
}

/** Seconds left, from the mean speed of the last ten seconds. */
class Speed {
  #samples = [];

  left(sent, size) {
    const now = performance.now();
    this.#samples = [...this.#samples.filter(([time]) => now - time < 10_000), [now, sent]];
    const [time, before] = this.#samples[0];
    const speed = (sent - before) / ((now - time) / 1000);
    return speed > 0 ? (size - sent) / speed : null;
  }
}

function titleOf(file) {
  const words = file.name.replace(/\.[^.]+$/, "").replace(/[_\s]+/g, " ").trim();
  return words.padEnd(3, "…").slice(0, TITLE_LENGTH);
}

function clock(seconds) {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function element(name, properties = {}) {
  const made = document.createElement(name);
  const { role, ...others } = properties;
  if (role) made.setAttribute("role", role);
  return Object.assign(made, others);
}

function button(label, icon, action) {
  const made = element("button", { type: "button", className: "button small" });
  made.innerHTML = `<svg class="icon" aria-hidden="true"><use href="${icon}"/></svg><span></span>`;
  made.querySelector("span").textContent = label;
  made.addEventListener("click", action);
  return made;
}

customElements.define("kinora-upload", KinoraUpload);

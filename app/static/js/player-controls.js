// The controls over the picture: media-chrome's elements, two of them mended, with our keys and storyboard.

import { RenditionList } from "./player-renditions.js";
import { listenForKeys } from "./player-keys.js";

const CONTROLS = `
  <div slot="centered-chrome" class="player-centre">
    <media-play-button class="player-start" notooltip></media-play-button>
    <media-loading-indicator noautohide loadingdelay="400"></media-loading-indicator>
  </div>
  <media-settings-menu class="player-menu" id="player-settings" anchor="auto" hidden>
    <media-settings-menu-item class="player-quality"><span data-word="quality"></span>
      <media-rendition-menu slot="submenu" hidden><div slot="title" data-word="quality"></div></media-rendition-menu>
    </media-settings-menu-item>
    <media-settings-menu-item><span data-word="speed"></span>
      <media-playback-rate-menu slot="submenu" hidden rates="0.5 0.75 1 1.25 1.5 2"><div slot="title" data-word="speed"></div></media-playback-rate-menu>
    </media-settings-menu-item>
  </media-settings-menu>
  <div class="player-bar">
    <media-time-range>
      <media-preview-thumbnail slot="preview"></media-preview-thumbnail>
      <media-preview-time-display slot="preview"></media-preview-time-display>
    </media-time-range>
    <media-control-bar>
      <media-play-button></media-play-button>
      <media-mute-button></media-mute-button>
      <media-volume-range></media-volume-range>
      <kinora-time-display showduration notoggle></kinora-time-display>
      <span class="player-space"></span>
      <kinora-captions-button></kinora-captions-button>
      <media-settings-menu-button><svg slot="icon" class="icon" aria-hidden="true"><use data-icon="settings"/></svg></media-settings-menu-button>
      <media-pip-button></media-pip-button>
      <media-fullscreen-button></media-fullscreen-button>
    </media-control-bar>
  </div>`;

/** Put the controls into a <kinora-player>; gives when they are there. */
export async function addControls(player) {
  const { frame, video, words, dataset } = player;
  video.videoRenditions ??= new RenditionList();
  if (dataset.duration) frame.setAttribute("defaultduration", dataset.duration);
  frame.setAttribute("nohotkeys", "");
  frame.setAttribute("lang", document.documentElement.lang);
  await import("../vendor/media-chrome.js");
  const own = player.querySelector(".control-words"); // in another language than English
  if (own) Object.assign(globalThis.mediaChromeWords, JSON.parse(own.textContent));
  defineMended();

  frame.insertAdjacentHTML("beforeend", CONTROLS);
  for (const place of frame.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
  for (const use of frame.querySelectorAll("[data-icon]")) use.setAttribute("href", `${dataset.icons}#${use.dataset.icon}`);
  if (dataset.title !== "false" && player.hasAttribute("data-embedded")) addTitle(player);
  addStoryboard(video, dataset.storyboard);
  listenForKeys(player);
  frame.setAttribute("aria-label", player.getAttribute("aria-label") ?? video.getAttribute("aria-label"));
  video.removeAttribute("aria-label");
  video.controls = false;
  player.takeOver();
  player.setAttribute("data-ready", "");
}

function addStoryboard(video, address) {
  if (!address) return;
  const track = document.createElement("track");
  Object.assign(track, { kind: "metadata", label: "thumbnails", src: address, default: true });
  video.append(track);
}

function addTitle({ frame, dataset }) {
  const link = document.createElement("a");
  Object.assign(link, { slot: "top-chrome", className: "player-title", target: "_blank", rel: "noopener" });
  link.href = dataset.page;
  link.textContent = dataset.name;
  frame.append(link);
}

function defineMended() {
  if (customElements.get("kinora-captions-button")) return;

  // aria-checked says nothing on a button; it does on a switch.
  class CaptionsButton extends customElements.get("media-captions-button") {
    connectedCallback() {
      super.connectedCallback();
      this.setAttribute("role", "switch");
    }
  }

  // Its label would not hold the text that is seen, and the seek bar tells the time already.
  class TimeDisplay extends customElements.get("media-time-display") {
    // the last sample ends a hair before the second that everybody else names
    get mediaDuration() {
      return Math.round(super.mediaDuration * 100) / 100;
    }

    set mediaDuration(seconds) {
      super.mediaDuration = seconds;
    }

    connectedCallback() {
      super.connectedCallback();
      this.#plain();
    }

    attributeChangedCallback(...change) {
      super.attributeChangedCallback(...change);
      this.#plain();
    }

    #plain() {
      for (const name of ["role", "tabindex", "aria-label", "aria-description"]) this.removeAttribute(name);
    }
  }

  customElements.define("kinora-captions-button", CaptionsButton);
  customElements.define("kinora-time-display", TimeDisplay);
}

// Brings an HLS playlist into a <video>: by hls.js where the browser lets scripts feed it (then quality
// can be chosen), by the browser itself on Apple's and where there is no such thing.

import { lastBandwidth, rememberBandwidth } from "./player-memory.js";
import { RenditionList } from "./player-renditions.js";
import { feedsByScript, playsByItself } from "./player-support.js";

const RECOVERIES = 2;
const RETRY_SECONDS = [1, 2, 4, 8, 15];

/**
 * Open a stream at a position in seconds; gives `{ready, close}`: a promise, and a way to end it.
 */
export function openStream(player, source, position) {
  if (feedsByScript(player.video)) return openByScript(player, source, position);
  if (playsByItself(player.video)) return openByBrowser(player, source, position);
  player.say(player.words.unsupported);
  return { ready: Promise.reject(new Error("no HLS")), close() {} };
}

function openByBrowser({ video, say, words }, source, position) {
  const ready = new Promise((resolve) => {
    video.addEventListener("loadedmetadata", () => {
      if (position) video.currentTime = position;
      resolve();
    }, { once: true });
  });
  video.addEventListener("error", () => say(words.failed));
  if (video.currentSrc !== source) video.src = source;
  return { ready, close() {} };
}

function openByScript(player, source, position) {
  const renditions = (player.video.videoRenditions ??= new RenditionList());
  let hls = null;
  let closed = false;
  const ready = import("../vendor/hls.mjs").then(({ default: Hls }) => {
    if (closed) return undefined;
    hls = new Hls({
      startPosition: position, // a playlist that still grows counts as live: without this it starts at its end
      enableWorker: false, // fragmented MP4 needs no repacking
      capLevelToPlayerSize: true,
      backBufferLength: 60,
      fragLoadPolicy: patience(Hls.DefaultConfig.fragLoadPolicy),
      playlistLoadPolicy: patience(Hls.DefaultConfig.playlistLoadPolicy),
      abrEwmaDefaultEstimate: lastBandwidth() ?? 2_000_000,
    });
    player.querySelectorAll("source").forEach((element) => element.remove());
    watchErrors(Hls, hls, player);
    offerRenditions(Hls, hls, renditions);
    hls.loadSource(source);
    hls.attachMedia(player.video);
    return new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve));
  });
  return {
    ready,
    close() {
      closed = true;
      renditions.clear();
      if (!hls) return;
      rememberBandwidth(hls.bandwidthEstimate);
      hls.destroy();
    },
  };
}

function offerRenditions(Hls, hls, renditions) {
  hls.on(Hls.Events.MANIFEST_PARSED, () => {
    renditions.clear();
    for (const [index, level] of hls.levels.entries()) {
      renditions.add({ id: String(index), width: level.width, height: level.height, bitrate: level.bitrate });
    }
    renditions.choose = (index) => {
      hls.nextLevel = index; // -1 lets the connection decide
      hls.autoLevelCapping = -1;
      hls.config.capLevelToPlayerSize = index < 0;
    };
  });
  hls.on(Hls.Events.FRAG_BUFFERED, () => {
    rememberBandwidth(hls.bandwidthEstimate);
    // After an error hls.js tries its other qualities: what somebody chose is chosen again.
    const chosen = renditions.selectedIndex;
    if (chosen >= 0 && hls.loadLevel !== chosen) hls.loadLevel = chosen;
  });
}

/** Few attempts of its own: after them the person is told, and we try on. */
function patience(policy) {
  const { errorRetry } = policy.default;
  return { default: { ...policy.default, errorRetry: { ...errorRetry, maxNumRetry: 2 } } };
}

function watchErrors(Hls, hls, player) {
  let recoveries = 0;
  let attempt = 0;
  const resume = () => {
    removeEventListener("online", resume);
    hls.startLoad();
  };
  hls.on(Hls.Events.FRAG_LOADED, () => {
    if (attempt) player.say(null);
    attempt = 0;
  });
  hls.on(Hls.Events.ERROR, (_, error) => {
    if (!error.fatal) return;
    const { words } = player;
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR && recoveries++ < RECOVERIES) {
      hls.recoverMediaError();
    } else if (error.type !== Hls.ErrorTypes.NETWORK_ERROR) {
      player.say(words.failed);
    } else if ([401, 403, 404].includes(error.response?.code)) {
      player.say(words.forbidden);
    } else {
      player.say(words.network, { action: words.retry, then: resume });
      addEventListener("online", resume);
      setTimeout(resume, RETRY_SECONDS[Math.min(attempt++, RETRY_SECONDS.length - 1)] * 1000);
    }
  });
}

// What this browser can do with an HLS playlist.

/** It plays one without any script. */
export function playsByItself(video) {
  return video.canPlayType("application/vnd.apple.mpegurl") !== "";
}

/** A script may feed it, and should: only then can quality be chosen. Apple's own player is better on Apple's. */
export function feedsByScript(video) {
  const feedable = "MediaSource" in window || "ManagedMediaSource" in window;
  const apple = navigator.vendor.startsWith("Apple");
  return feedable && !(apple && playsByItself(video));
}

// Where somebody stopped in each video, and how fast the connection was, kept in this browser only.

const PLACES = "kinora.places";
const SPEED = "kinora.bandwidth";
const MOST = 200;

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null; // storage is forbidden or not ours: there is simply no memory
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // full or forbidden: nothing is lost but comfort
  }
}

/** Seconds into a video, or null. */
export function recall(video) {
  const place = read(PLACES)?.find(([known]) => known === video);
  return place ? place[1] : null;
}

/** Remember a place (seconds), or forget it (null); the oldest go first. */
export function remember(video, seconds) {
  const others = (read(PLACES) ?? []).filter(([known]) => known !== video);
  if (seconds !== null) others.unshift([video, Math.floor(seconds)]);
  write(PLACES, others.slice(0, MOST));
}

/** Bits per second of the last playback, or undefined. */
export function lastBandwidth() {
  const bits = read(SPEED);
  return bits > 0 ? bits : undefined;
}

export function rememberBandwidth(bits) {
  if (bits > 0) write(SPEED, Math.round(bits));
}

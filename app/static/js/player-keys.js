// The player's keys, while it has the focus (keys of one letter must not act on the whole page, WCAG 2.1.4):
// space k: play   j l: 10 s   ← →: 5 s   ↑ ↓: volume   m: mute   f: full screen   c: captions
// p: picture in picture   0…9: tenths   home end: start, end   < >: speed

const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2];
const OWN_ARROWS = "media-time-range, media-volume-range, [role^='menu']";
const OWN_SPACE = "button, a, [role='button'], [role='switch'], [role^='menu']";

export function listenForKeys(player) {
  const { frame, video } = player;
  const seek = (to) => {
    const end = video.duration || Number(player.dataset.duration) || 0;
    video.currentTime = Math.max(0, Math.min(to, end));
  };
  const volume = (change) => {
    video.muted = false;
    video.volume = Math.max(0, Math.min(1, video.volume + change));
  };
  const speed = (step) => {
    const now = SPEEDS.findIndex((rate) => rate >= video.playbackRate);
    video.playbackRate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, now + step))];
  };
  const click = (name) => frame.querySelector(name)?.handleClick();
  // By the document's own state: the button learns of a change only an event later.
  const fullScreen = () => {
    const wish = document.fullscreenElement ? "exit" : "enter";
    frame.dispatchEvent(new CustomEvent(`media${wish}fullscreenrequest`));
  };
  const play = () => (video.paused ? player.start() : video.pause());
  const keys = {
    " ": play,
    k: play,
    j: () => seek(video.currentTime - 10),
    l: () => seek(video.currentTime + 10),
    ArrowLeft: () => seek(video.currentTime - 5),
    ArrowRight: () => seek(video.currentTime + 5),
    ArrowUp: () => volume(0.05),
    ArrowDown: () => volume(-0.05),
    Home: () => seek(0),
    End: () => seek(Infinity),
    m: () => (video.muted = !video.muted),
    f: fullScreen,
    c: () => click("kinora-captions-button"),
    p: () => click("media-pip-button"),
    "<": () => speed(-1),
    ">": () => speed(1),
  };
  for (let digit = 0; digit <= 9; digit++) keys[digit] = () => seek((video.duration * digit) / 10);

  player.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!keys[key] || target.matches("input, textarea")) return;
    if (key.startsWith("Arrow") || key === "Home" || key === "End") {
      if (event.target.closest(OWN_ARROWS)) return;
    }
    if (key === " " && event.target.closest(OWN_SPACE)) return;
    event.preventDefault();
    keys[key]();
  });
}

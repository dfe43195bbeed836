// What every page does beyond HTML: the light switch, things to copy.

const YEAR = 365 * 86400;

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

document.addEventListener("click", async (event) => {
  const element = event.target instanceof Element ? event.target : null;
  if (!element) return;

  if (element.closest("[data-theme-switch]")) {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    document.cookie = `kinora_theme=${theme}; path=/; max-age=${YEAR}; samesite=lax`;
  }

  const copy = element.closest("[data-copy]");
  if (copy) {
    const field = document.getElementById(copy.dataset.copy);
    field.select();
    await navigator.clipboard.writeText(field.value);
    announce(copy.dataset.done);
  } else if (element.matches("[data-select]")) {
    element.select();
  }
});

// A line that screen readers read and everybody sees for a moment.
function announce(sentence) {
  let place = document.getElementById("announcement");
  if (!place) {
    place = document.createElement("div");
    place.id = "announcement";
    place.setAttribute("role", "status");
    document.body.append(place);
  }
  place.textContent = sentence;
  place.classList.add("shown");
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => place.classList.remove("shown"), 4000);
}
